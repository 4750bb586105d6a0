//! Functions of jq's that a filter can call without being jq's as a whole: they have one output at most, and arguments
//! that are values.

use crate::filter::interpreted::Interpreted;
use jaq_core::Error;
use jaq_json::Val;
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

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
        "fromjson",
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
    /// Those that were called: to compile one takes a millisecond, and 100 kB
    static COMPILED: RefCell<HashMap<Function, Rc<Interpreted>>> = RefCell::default();
}

/// Which one, and with how many arguments.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Function {
    name: &'static str,
    arguments: usize,
}

impl Function {
    pub fn find(name: &str, arguments: usize) -> Option<Self> {
        let name = *FUNCTIONS.get(arguments)?.iter().find(|known| **known == name)?;
        Some(Self { name, arguments })
    }

    /// # Errors
    /// Why it fails.
    pub fn run(self, input: Val, arguments: Vec<Val>) -> Result<Option<Val>, Error<Val>> {
        let function = self.compiled().ok_or_else(|| Error::str(format_args!("there is no `{}`", self.name)))?;
        // None of them calls `halt`.
        let wrong = |error: Option<_>| error.unwrap_or_else(|| Error::str("it ends all"));
        let mut outputs = function.run(input, arguments);
        outputs.next().transpose().map_err(wrong)
    }

    fn compiled(self) -> Option<Rc<Interpreted>> {
        COMPILED.with_borrow_mut(|compiled| match compiled.entry(self) {
            Entry::Occupied(entry) => Some(entry.get().clone()),
            Entry::Vacant(entry) => {
                let names = NAMES.get(..self.arguments)?;
                let call =
                    if names.is_empty() { self.name.into() } else { format!("{}({})", self.name, names.join("; ")) };
                Some(entry.insert(Rc::new(Interpreted::compile(&call, names).ok()?)).clone())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaq_json::read::parse_single;

    #[test]
    fn each_is_there_and_has_one_output_at_most() {
        for (arguments, names) in FUNCTIONS.iter().enumerate() {
            for name in *names {
                let function = Function::find(name, arguments).unwrap().compiled();
                let function = function.unwrap_or_else(|| panic!("there is no {name}"));
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
                    let outputs = function.run(value(input), argument).take(2).count();
                    assert!(outputs <= 1, "{input} | {name}: {outputs}");
                }
            }
        }
    }

    #[test]
    fn others_are_none() {
        for (name, arguments) in [("length", 1), ("recurse", 0), ("range", 3), ("halt", 0)] {
            assert_eq!(Function::find(name, arguments), None, "{name}");
        }
    }

    #[test]
    fn what_is_no_number_is_told_as_jq_tells_it() {
        let number = |text: &str| Function::find("tonumber", 0).unwrap().run(Val::from(text.to_owned()), vec![]);
        let told = |text: &str| number(text).unwrap_err().into_val().to_string();
        assert_eq!(number(" 12 ").unwrap().unwrap().to_string(), "12");
        for text in ["10%", "1 2", "1 # x", "", "[1]", "1_000", "0x10"] {
            assert_eq!(told(text), format!("\"cannot parse \\\"{text}\\\" as a number\""));
        }
    }
}
