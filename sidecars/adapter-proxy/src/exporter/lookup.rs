//! Filters as the configuration has them. Most are paths such as `.pool.active`, which are looked up at once: jq would
//! take some ten times as long for each, and a page has thousands. What they mean is what they mean to jq.

use crate::filter::{Program, Wrong};
use jaq_json::{Num, Val};
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// Where a path leads that leads nowhere.
const NOTHING: &Val = &Val::Null;

/// What the whole page is called within a filter.
const ROOT: [&str; 1] = ["$root"];

pub enum Filter {
    Path(Vec<Step>),
    /// It is this, whatever comes
    Constant(Val),
    Program(Rc<Program>),
}

#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// All of them when it is none
    index: Option<Val>,
    /// With `?`: what has no such thing has no output
    optional: bool,
}

/// Compiles each filter once, though it may be there many times.
#[derive(Default)]
pub struct Filters(HashMap<String, Rc<Program>>);

impl Filters {
    /// # Errors
    /// Where it is wrong.
    pub fn compile(&mut self, code: &str) -> Result<Filter, Wrong> {
        if let Some(value) = constant(code.trim()) {
            return Ok(Filter::Constant(value));
        }
        if let Some(path) = path(code.trim()) {
            return Ok(Filter::Path(path));
        }
        if let Some(program) = self.0.get(code) {
            return Ok(Filter::Program(program.clone()));
        }
        let program = Rc::new(Program::compile(code, &ROOT)?);
        self.0.insert(code.into(), program.clone());
        Ok(Filter::Program(program))
    }
}

impl Filter {
    /// Its first output, if it has one.
    ///
    /// # Errors
    /// Why it fails.
    pub fn first<'a>(&'a self, item: &'a Val, root: &Val) -> Result<Option<Cow<'a, Val>>, String> {
        match self {
            Self::Constant(value) => Ok(Some(Cow::Borrowed(value))),
            Self::Path(steps) => {
                let mut first = None;
                // The first one ends it, and so does a failure before.
                match walk(steps, item, &mut |value| {
                    first = Some(value);
                    false
                }) {
                    Err(wrong) if first.is_none() => Err(wrong),
                    _ => Ok(first.map(Cow::Borrowed)),
                }
            }
            Self::Program(program) => {
                let first = program.run(item.clone(), [root.clone()]).next();
                first.transpose().map(|value| value.map(Cow::Owned)).map_err(|unfit| unfit.what)
            }
        }
    }

    /// Calls `take` with each of its outputs.
    ///
    /// # Errors
    /// Why it fails, perhaps after some.
    pub fn each(&self, item: &Val, root: &Val, mut take: impl FnMut(&Val)) -> Result<(), String> {
        match self {
            Self::Constant(value) => take(value),
            Self::Path(steps) => {
                walk(steps, item, &mut |value| {
                    take(value);
                    true
                })?;
            }
            Self::Program(program) => {
                for output in program.run(item.clone(), [root.clone()]) {
                    take(&output.map_err(|unfit| unfit.what)?);
                }
            }
        }
        Ok(())
    }
}

/// Whether `take` wants more.
fn walk<'a>(steps: &[Step], item: &'a Val, take: &mut dyn FnMut(&'a Val) -> bool) -> Result<bool, String> {
    let Some((Step { index, optional }, rest)) = steps.split_first() else { return Ok(take(item)) };
    match (item, index) {
        (Val::Null, Some(_)) => walk(rest, NOTHING, take),
        (Val::Obj(object), Some(name)) => walk(rest, object.get(name).unwrap_or(NOTHING), take),
        (Val::Arr(array), Some(Val::Num(Num::Int(index)))) => {
            let at =
                if *index < 0 { array.len().checked_sub(index.unsigned_abs()) } else { Some(index.unsigned_abs()) };
            walk(rest, at.and_then(|at| array.get(at)).unwrap_or(NOTHING), take)
        }
        (Val::Arr(array), None) => all(array.iter(), rest, take),
        (Val::Obj(object), None) => all(object.values(), rest, take),
        _ if *optional => Ok(true),
        (_, Some(index)) => Err(format!("{} has no {index}", kind(item))),
        (_, None) => Err(format!("{} has nothing in it to go through", kind(item))),
    }
}

fn all<'a>(
    mut items: impl Iterator<Item = &'a Val>,
    rest: &[Step],
    take: &mut dyn FnMut(&'a Val) -> bool,
) -> Result<bool, String> {
    items.try_fold(true, |more, item| if more { walk(rest, item, take) } else { Ok(false) })
}

/// What it is, for a message.
pub fn kind(value: &Val) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "a boolean",
        Val::Num(_) => "a number",
        Val::BStr(_) | Val::TStr(_) => "a text",
        Val::Arr(_) => "an array",
        Val::Obj(_) => "an object",
    }
}

/// `1`, `"eu"`
fn constant(code: &str) -> Option<Val> {
    if code.bytes().all(|byte| byte.is_ascii_digit()) {
        return code.parse().ok().map(|number: isize| Val::from(number));
    }
    match text(code)? {
        (text, "") => Some(text),
        _ => None,
    }
}

/// `.`, `.a`, `.a.b`, `."a b"`, `.["a"]`, `.[0]`, `.[-1]`, `.a[]`, each perhaps with `?`
fn path(code: &str) -> Option<Vec<Step>> {
    let (mut steps, mut rest) = (vec![], code.strip_prefix('.')?);
    if rest.is_empty() {
        return Some(steps);
    }
    // What begins with `.[` has no name behind its first dot.
    let mut dotted = true;
    while !rest.is_empty() {
        let index;
        (index, rest) = if let Some(inner) = rest.strip_prefix('[') {
            bracketed(inner)?
        } else if dotted {
            name(rest)?
        } else {
            name(rest.strip_prefix('.')?)?
        };
        dotted = false;
        let behind = rest.trim_start_matches('?');
        steps.push(Step { index, optional: behind.len() < rest.len() });
        rest = behind;
    }
    Some(steps)
}

fn name(code: &str) -> Option<(Option<Val>, &str)> {
    if let Some((text, rest)) = text(code) {
        return Some((Some(text), rest));
    }
    let end = code.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    let is_name = name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
    is_name.then(|| (Some(Val::from(name.to_owned())), rest))
}

fn bracketed(code: &str) -> Option<(Option<Val>, &str)> {
    if let Some(rest) = code.strip_prefix(']') {
        return Some((None, rest));
    }
    if let Some((text, rest)) = text(code) {
        return Some((Some(text), rest.strip_prefix(']')?));
    }
    let (number, rest) = code.split_once(']')?;
    let digits = number.strip_prefix('-').unwrap_or(number);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((Some(Val::from(number.parse::<isize>().ok()?)), rest))
}

/// In quotes, without anything in it that is not itself
fn text(code: &str) -> Option<(Val, &str)> {
    let (text, rest) = code.strip_prefix('"')?.split_once('"')?;
    (!text.contains(['\\', '\n'])).then(|| (Val::from(text.to_owned()), rest))
}

#[cfg(test)]
mod tests;
