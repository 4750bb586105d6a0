//! A jq filter, compiled.

use super::direct::{Direct, Failed, Given, Place};
use crate::body::Unfit;
use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader, span};
use jaq_core::{Compiler, Ctx, Vars, compile};
use jaq_json::Val;
use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

/// Of an error's text. It may quote all of a body.
const LONGEST_ERROR: usize = 200;

pub enum Program {
    Direct(Direct),
    Jaq(jaq_core::Filter<JustLut<Val>>),
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
            None => Self::interpreted(code, variables),
        }
    }

    pub(super) fn interpreted(code: &str, variables: &[&str]) -> Result<Self, Wrong> {
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(definitions).load(&arena, File { code, path: () }).map_err(|errors| {
            let first = errors.into_iter().next().map(|(file, error)| unreadable(file.code, error));
            first.unwrap_or_else(|| at(code, code, "it cannot be read".into()))
        })?;
        let compiled =
            Compiler::default().with_funs(functions).with_global_vars(variables.iter().copied()).compile(modules);
        let filter = compiled.map_err(|errors| {
            let first = errors.into_iter().find_map(|(file, errors)| Some((file.code, errors.into_iter().next()?)));
            match first {
                Some((code, (name, kind))) => at(code, name, unknown(name, &kind, variables)),
                None => at(code, code, "it cannot be compiled".into()),
            }
        })?;
        Ok(Self::Jaq(filter))
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
            Self::Jaq(filter) => {
                let context = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new(variables.iter().cloned()));
                for output in filter.id.run((context, input.clone())) {
                    let output = output.map_err(|exception| match exception.get_err() {
                        Ok(error) => unfit(Failed { error, place: None }),
                        Err(_) => Unfit::new("the filter calls `halt`, which it may not".into()),
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

fn unfit(Failed { error, place }: Failed) -> Unfit {
    Unfit { what: cut(error.to_string()), at: place.map(|place| place.to_string()) }
}

fn unreadable(code: &str, error: load::Error<&str>) -> Wrong {
    match error {
        load::Error::Io(errors) => match errors.into_iter().next() {
            Some((part, _)) => at(code, part, "a filter cannot take other files in".into()),
            None => at(code, code, "it cannot be read".into()),
        },
        load::Error::Lex(errors) => match errors.into_iter().next() {
            Some((expected, found)) => at(code, found, format!("expected {}", article(expected.as_str()))),
            None => at(code, code, "it cannot be read".into()),
        },
        load::Error::Parse(errors) => match errors.into_iter().next() {
            Some((expected, found)) => {
                let found_text = if found.is_empty() { "its end".into() } else { format!("`{found}`") };
                at(code, found, format!("expected {}, found {found_text}", article(expected.as_str())))
            }
            None => at(code, code, "it cannot be read".into()),
        },
    }
}

fn article(expected: &str) -> String {
    match expected {
        "nothing" => "its end".into(),
        word if word.contains(' ') || !word.starts_with(|first: char| first.is_ascii_lowercase()) => word.into(),
        "then" | "end" | "as" | "reduce" | "foreach" => format!("`{expected}`"),
        word if word.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {word}"),
        word => format!("a {word}"),
    }
}

fn unknown(name: &str, kind: &compile::Undefined, variables: &[&str]) -> String {
    match kind {
        compile::Undefined::Var if variables.is_empty() => format!("there is no variable `{name}`"),
        compile::Undefined::Var => {
            format!("there is no variable `{name}`\nhint: there are {}", variables.join(", "))
        }
        compile::Undefined::Filter(0) => format!("there is no filter `{name}`"),
        compile::Undefined::Filter(1) => format!("there is no filter `{name}` of one argument"),
        compile::Undefined::Filter(count) => format!("there is no filter `{name}` of {count} arguments"),
        other => format!("there is no {} `{name}`", other.as_str()),
    }
}

/// `part` is a part of `code`, or not, when it was made by the parser.
fn at(code: &str, part: &str, what: String) -> Wrong {
    let inside = code.as_bytes().as_ptr_range().contains(&part.as_ptr());
    let start = if inside { span(code, part).start } else { code.len() };
    Wrong { place: Place::of(code, start), what }
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
