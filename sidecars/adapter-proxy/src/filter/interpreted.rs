//! A filter that jq's interpreter runs.

use super::direct::Place;
use super::natives;
use super::program::Wrong;
use jaq_core::data::JustLut;
use jaq_core::load::parse::{Def, Term};
use jaq_core::load::{self, Arena, File, Loader, span};
use jaq_core::{Compiler, Ctx, Error, Vars, compile};
use jaq_json::Val;

/// What a filter is called.
const CALLED: &str = "__filter";

pub struct Interpreted(jaq_core::Filter<JustLut<Val>>);

impl Interpreted {
    /// `variables` are the names that are known besides, each with its `$`.
    ///
    /// # Errors
    /// The first place at which `code` is wrong.
    pub fn compile(code: &str, variables: &[&str]) -> Result<Self, Wrong> {
        let known = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        // The first of a name is called.
        let functions = natives::functions().chain(jaq_core::funs()).chain(jaq_std::funs()).chain(jaq_json::funs());
        // What is defined may be changed before it is compiled, and the main program, which calls it, may not.
        let known = known.filter(|known| !natives::replaces(known)).map(natives::in_definition);
        let mut definitions: Vec<Def<&str>> = known.collect();
        definitions.push(natives::in_definition(Def { name: CALLED, args: vec![], body: read(code)? }));
        let (arena, main) = (Arena::default(), File { code: CALLED, path: () });
        let wrong = |part, what| at(code, part, what);
        let modules = Loader::new(definitions).load(&arena, main);
        let modules = modules.map_err(|_| wrong(code, "it cannot be read".into()))?;
        let compiled =
            Compiler::default().with_funs(functions).with_global_vars(variables.iter().copied()).compile(modules);
        let filter =
            compiled.map_err(|errors| match errors.into_iter().find_map(|(_, errors)| errors.into_iter().next()) {
                Some((name, kind)) => wrong(name, unknown(name, &kind, variables)),
                None => wrong(code, "it cannot be compiled".into()),
            })?;
        Ok(Self(filter))
    }

    /// All that it makes of `input`, one after the other. It fails without an error where it calls `halt`.
    /// `variables` have the order in which their names were given.
    pub fn run(
        &self,
        input: Val,
        variables: impl IntoIterator<Item = Val>,
    ) -> impl Iterator<Item = Result<Val, Option<Error<Val>>>> {
        let context = Ctx::<JustLut<Val>>::new(&self.0.lut, Vars::new(variables));
        self.0.id.run((context, input)).map(|output| output.map_err(|exception| exception.get_err().ok()))
    }
}

/// What jq's parser makes of it.
fn read(code: &str) -> Result<Term<&str>, Wrong> {
    // It tells where it is wrong only as a program.
    Loader::new([]).load(&Arena::default(), File { code, path: () }).map_err(|errors| {
        let first = errors.into_iter().next().map(|(file, error)| unreadable(file.code, error));
        first.unwrap_or_else(|| at(code, code, "it cannot be read".into()))
    })?;
    load::parse(code, |parser| parser.term()).ok_or_else(|| at(code, code, "it cannot be read".into()))
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
