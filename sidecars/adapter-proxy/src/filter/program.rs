//! A jq filter, compiled.

use super::direct::{Direct, Failed, Given, Place};
use super::interpreted::Interpreted;
use crate::body::Unfit;
use jaq_json::Val;
use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

/// Of an error's text. It may quote all of a body.
const LONGEST_ERROR: usize = 200;

pub enum Program {
    Direct(Direct),
    Interpreted(Interpreted),
}

/// Why a text is no filter, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    pub place: Place,
    pub what: String,
}

impl Display for Wrong {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl Program {
    /// `variables` are the names that are known besides, each with its `$`.
    ///
    /// # Errors
    /// The first place at which `code` is wrong.
    pub fn compile(code: &str, variables: &[&str]) -> Result<Self, Wrong> {
        match Direct::compile(code, variables) {
            Some(direct) => Ok(Self::Direct(direct)),
            None => Interpreted::compile(code, variables).map(Self::Interpreted),
        }
    }

    /// Calls `take` with all that it makes of `input`, one after the other, as long as it wants more. `variables` have the
    /// order in which their names were given.
    ///
    /// # Errors
    /// Why it fails, perhaps after some.
    pub fn each(&self, input: &Val, variables: &[Val], mut take: impl FnMut(Cow<Val>) -> bool) -> Result<(), Unfit> {
        match self {
            Self::Direct(direct) => {
                direct.each(Given { input, variables }, &mut |output| Ok(take(output))).map(drop).map_err(unfit)
            }
            Self::Interpreted(filter) => {
                for output in filter.run(input.clone(), variables.iter().cloned()) {
                    let output = output.map_err(|error| match error {
                        Some(error) => unfit(Failed { error, place: None }),
                        None => Unfit::new("the filter calls `halt`, which it may not".into()),
                    })?;
                    if !take(Cow::Owned(output)) {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// What it makes of `input`, if it is one that never makes more than one thing of it, and that is known.
    pub fn one<'v>(&'v self, input: &'v Val, variables: &'v [Val]) -> Option<Result<Option<Cow<'v, Val>>, Unfit>> {
        match self {
            Self::Direct(direct) if direct.is_one() => Some(direct.one(Given { input, variables }).map_err(unfit)),
            _ => None,
        }
    }

    /// The first thing that it makes of `input`, if there is any.
    ///
    /// # Errors
    /// Why it fails before that.
    pub fn first<'v>(&'v self, input: &'v Val, variables: &'v [Val]) -> Result<Option<Cow<'v, Val>>, Unfit> {
        self.one(input, variables).unwrap_or_else(|| {
            let mut first = None;
            self.each(input, variables, |output| {
                first = Some(Cow::Owned(output.into_owned()));
                false
            })?;
            Ok(first)
        })
    }
}

/// What a filter throws is told as it is; jaq's own failures are texts, too.
fn unfit(Failed { error, place }: Failed) -> Unfit {
    let what = match error.into_val() {
        Val::TStr(text) | Val::BStr(text) => String::from_utf8_lossy(&text).into_owned(),
        value => value.to_string(),
    };
    Unfit { what: cut(what), at: place.map(|place| place.to_string()) }
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST_ERROR {
        text.truncate(text.floor_char_boundary(LONGEST_ERROR));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(code: &str) -> String {
        Program::compile(code, &["$status"]).err().map(|wrong| wrong.to_string()).unwrap_or_default()
    }

    fn run(code: &str, input: &str) -> Vec<Result<String, String>> {
        let program = Program::compile(code, &["$status"]).unwrap_or_else(|wrong| panic!("{wrong}"));
        let input = jaq_json::read::parse_single(input.as_bytes()).unwrap();
        let mut outputs = vec![];
        let done = program.each(&input, &[Val::from(200isize)], |output| {
            outputs.push(Ok(output.to_string()));
            true
        });
        outputs.extend(done.map_err(|unfit| Err(unfit.what)).err());
        outputs
    }

    #[test]
    fn gives_all_outputs_and_knows_variables() {
        assert_eq!(run(".[] | . + $status", "[1, 2]"), [Ok("201".into()), Ok("202".into())]);
        assert_eq!(run("map(ascii_downcase) | join(\",\")", r#"["A", "B"]"#), [Ok("\"a,b\"".into())]);
        assert_eq!(run("capture(\"(?<k>[a-z]+)=(?<v>.*)\")", r#""a=1""#), [Ok(r#"{"k":"a","v":"1"}"#.into())]);
    }

    #[test]
    fn tells_where_it_is_wrong() {
        assert_eq!(wrong(".a | fo(.b)"), "line 1, column 6 of the filter: there is no filter `fo` of one argument");
        assert_eq!(wrong("{a: .b,\n c: (.d}"), "line 2, column 8 of the filter: expected closing parenthesis");
        assert_eq!(wrong(".a |"), "line 1, column 5 of the filter: expected a term, found its end");
        assert_eq!(
            wrong(".a + $stats"),
            "line 1, column 6 of the filter: there is no variable `$stats`\nhint: there are $status"
        );
        assert_eq!(wrong("include \"x\"; .a"), "line 1, column 10 of the filter: a filter cannot take other files in");
    }

    #[test]
    fn tells_what_went_wrong_but_not_all_of_the_body() {
        assert_eq!(run(".a.b", r#"{"a": 1}"#), [Err("cannot index 1 with \"b\"".into())]);
        let long = format!("\"{}\"", "x".repeat(100_000));
        let [Err(error)] = &run(".a", &long)[..] else { panic!("no error") };
        assert!(error.len() < 300, "{error}");
    }

    #[test]
    fn nothing_of_this_process_can_be_reached() {
        assert_eq!(run("halt", "null"), [Err("the filter calls `halt`, which it may not".into())]);
        assert_eq!(wrong("input"), "line 1, column 1 of the filter: there is no filter `input`");
    }
}
