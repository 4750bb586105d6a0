//! Functions of jq's that a filter can call without being jq's as a whole: they have one output at most, and arguments
//! that are values.

use crate::filter::interpreted::Interpreted;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

/// By the number of their arguments
const FUNCTIONS: [&[&str]; 2] = [
    &[
        "@base64",
        "@base64d",
        "@html",
        "@json",
        "@text",
        "@uri",
        "abs",
        "add",
        "all",
        "any",
        "ascii_downcase",
        "ascii_upcase",
        "ceil",
        "explode",
        "first",
        "flatten",
        "floor",
        "from_entries",
        "fromdate",
        "implode",
        "keys",
        "last",
        "length",
        "ltrim",
        "max",
        "min",
        "not",
        "reverse",
        "round",
        "rtrim",
        "sort",
        "to_entries",
        "todate",
        "tojson",
        "tonumber",
        "tostring",
        "trim",
        "type",
        "unique",
        "utf8bytelength",
    ],
    &["contains", "endswith", "has", "join", "ltrimstr", "rtrimstr", "split", "startswith"],
];

/// What their arguments are called
const NAMES: [&str; 1] = ["$a"];

thread_local! {
    /// Those that a filter has: to compile one takes a millisecond, and 100 kB
    static COMPILED: RefCell<HashMap<&'static str, Weak<Interpreted>>> = RefCell::default();
}

/// The one of that name, with so many arguments.
pub fn function(name: &str, arguments: usize) -> Option<Rc<Interpreted>> {
    let name = *FUNCTIONS.get(arguments)?.iter().find(|known| **known == name)?;
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(function) = compiled.get(name).and_then(Weak::upgrade) {
            return Some(function);
        }
        let call = if arguments == 0 { name.into() } else { format!("{name}({})", NAMES[..arguments].join("; ")) };
        let function = Rc::new(Interpreted::compile(&call, &NAMES[..arguments]).ok()?);
        compiled.insert(name, Rc::downgrade(&function));
        Some(function)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaq_json::read::parse_single;

    #[test]
    fn each_is_there_and_has_one_output_at_most() {
        for (arguments, names) in FUNCTIONS.iter().enumerate() {
            for name in *names {
                let function = function(name, arguments).unwrap_or_else(|| panic!("there is no {name}"));
                for input in [
                    "null",
                    "true",
                    "1",
                    "-1.5",
                    "\"a b\"",
                    "\"3\"",
                    "[]",
                    "[3, 1]",
                    "[\"a\"]",
                    "[[1], [2]]",
                    "{\"a\": 1}",
                ] {
                    let value = |text: &str| parse_single(text.as_bytes()).unwrap();
                    let argument = (arguments > 0).then(|| value("\"a\""));
                    let outputs = function.run(value(input), argument).take_while(Result::is_ok).take(2).count();
                    assert!(outputs <= 1, "{input} | {name}: {outputs}");
                }
            }
        }
    }

    #[test]
    fn it_is_compiled_once() {
        let first = function("length", 0).unwrap();
        assert!(Rc::ptr_eq(&first, &function("length", 0).unwrap()));
        assert!(function("length", 1).is_none() && function("recurse", 0).is_none() && function("range", 3).is_none());
    }
}
