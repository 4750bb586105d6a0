//! Functions that take the place of jaq's own, since jq's mean something else:
//!
//! - `tonumber` and `fromjson` of a text that is none fail once. jaq's fail without end, and what waits for the last of
//!   their outputs waits for ever.
//! - What becomes text is written as bodies are: half of 4 is `2`, and not `2.0`.

use crate::body::{Format, Limits, scalar};
use jaq_core::data::JustLut;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::native::{Filter, Fun, bome, run, v};
use jaq_core::path::Part;
use jaq_core::{Error, RunPtr, ValT};
use jaq_json::read::parse_single_num;
use jaq_json::write::{Pp, write};
use jaq_json::{Num, Val};

/// As deep as jq reads. Other bounds are the worker's.
const LIMITS: Limits = Limits { depth: 10_000, values: usize::MAX, output: usize::MAX };

/// What makes a text of anything, and what a text without a format is made with.
const TEXT: &str = "@text";

pub fn functions() -> impl Iterator<Item = Fun<JustLut<Val>>> {
    let all: [Filter<RunPtr<JustLut<Val>>>; 5] = [
        ("tonumber", v(0), |cv| bome(number(cv.1))),
        ("fromjson", v(0), |cv| bome(value(&cv.1))),
        ("tojson", v(0), |cv| bome(json(&cv.1))),
        ("tostring", v(0), |cv| bome(Ok(text(cv.1)))),
        (TEXT, v(0), |cv| bome(Ok(text(cv.1)))),
    ];
    all.into_iter().map(run::<JustLut<Val>>)
}

/// Whether this definition of jaq's is one that a function of these is there for.
pub fn replaces(definition: &Def<&str>) -> bool {
    definition.args.is_empty() && ["tonumber", "tostring", TEXT].contains(&definition.name)
}

fn number(value: Val) -> Result<Val, Error<Val>> {
    if let Val::Num(_) = value {
        return Ok(value);
    }
    let text = value.try_as_utf8_bytes_owned()?;
    let number = parse_single_num(text.trim_ascii());
    number.map(Val::Num).ok_or_else(|| Error::str(format_args!("cannot parse {value} as a number")))
}

fn value(value: &Val) -> Result<Val, Error<Val>> {
    let text = value.try_as_utf8_bytes_owned()?;
    Format::Json
        .decode(&text, &LIMITS)
        .map_err(|wrong| Error::str(format_args!("cannot parse {value} as JSON: {wrong}")))
}

fn json(value: &Val) -> Result<Val, Error<Val>> {
    let mut text = vec![];
    write(&mut text, &Pp::default(), 0, &written(value)).map_err(Error::str)?;
    Ok(Val::utf8_str(text))
}

/// What `tostring` makes of it.
pub fn text(value: Val) -> Val {
    match value {
        Val::Num(Num::Float(_)) | Val::Arr(_) | Val::Obj(_) => written(&value).into_string(),
        value => value.into_string(),
    }
}

/// The same, with its numbers as bodies have them.
fn written(value: &Val) -> Val {
    match value {
        Val::Num(number @ Num::Float(_)) => {
            // What no body has is called as jaq calls it.
            scalar::text(number).map_or_else(|| value.clone(), |text| Val::Num(Num::Dec(text.into_owned().into())))
        }
        Val::Arr(items) => items.iter().map(written).collect(),
        Val::Obj(fields) => Val::obj(fields.iter().map(|(name, value)| (name.clone(), written(value))).collect()),
        value => value.clone(),
    }
}

/// Has texts that say no format made with [`TEXT`]: what jaq makes of `"\(1 / 1)"` itself is no function of its own.
fn with_text<'c>(term: Term<&'c str>) -> Term<&'c str> {
    let of = |term: Box<Term<&'c str>>| Box::new(with_text(*term));
    let all = |terms: Vec<Term<&'c str>>| terms.into_iter().map(with_text).collect();
    match term {
        Term::Str(format, parts) => {
            let parts = parts.into_iter().map(|part| match part {
                StrPart::Term(term) => StrPart::Term(with_text(term)),
                part => part,
            });
            Term::Str(format.or(Some(TEXT)), parts.collect())
        }
        Term::Arr(inner) => Term::Arr(inner.map(of)),
        Term::Obj(fields) => {
            let field = |(name, value): (_, Option<_>)| (with_text(name), value.map(with_text));
            Term::Obj(fields.into_iter().map(field).collect())
        }
        Term::Neg(inner) => Term::Neg(of(inner)),
        Term::BinOp(left, operator, right) => {
            let operator = match operator {
                BinaryOp::Pipe(pattern) => BinaryOp::Pipe(pattern.map(in_pattern)),
                operator => operator,
            };
            Term::BinOp(of(left), operator, of(right))
        }
        Term::Label(name, inner) => Term::Label(name, of(inner)),
        Term::Fold(name, source, pattern, terms) => Term::Fold(name, of(source), in_pattern(pattern), all(terms)),
        Term::TryCatch(inner, catch) => Term::TryCatch(of(inner), catch.map(of)),
        Term::IfThenElse(choices, otherwise) => {
            let choice = |(condition, then)| (with_text(condition), with_text(then));
            Term::IfThenElse(choices.into_iter().map(choice).collect(), otherwise.map(of))
        }
        Term::Def(definitions, inner) => Term::Def(definitions.into_iter().map(in_definition).collect(), of(inner)),
        Term::Call(name, arguments) => Term::Call(name, all(arguments)),
        Term::Path(start, mut path) => {
            path.0 = path.0.into_iter().map(|(part, optional)| (in_part(part), optional)).collect();
            Term::Path(of(start), path)
        }
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => term,
    }
}

pub fn in_definition(Def { name, args, body }: Def<&str>) -> Def<&str> {
    Def { name, args, body: with_text(body) }
}

fn in_pattern(pattern: Pattern<&str>) -> Pattern<&str> {
    match pattern {
        Pattern::Var(name) => Pattern::Var(name),
        Pattern::Arr(items) => Pattern::Arr(items.into_iter().map(in_pattern).collect()),
        Pattern::Obj(fields) => {
            Pattern::Obj(fields.into_iter().map(|(name, pattern)| (with_text(name), in_pattern(pattern))).collect())
        }
    }
}

fn in_part(part: Part<Term<&str>>) -> Part<Term<&str>> {
    match part {
        Part::Index(index) => Part::Index(with_text(index)),
        Part::Range(from, to) => Part::Range(from.map(with_text), to.map(with_text)),
    }
}
