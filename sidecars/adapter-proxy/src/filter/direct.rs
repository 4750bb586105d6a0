//! Filters that jq's interpreter is not needed for: paths, objects and arrays of them, texts, and what is reckoned,
//! compared and chosen. It is asked for the functions in them alone. Most mappings say no more, and jq takes some four
//! times as long, since to it each part of a filter is an iterator of its own. What they mean is what they mean to jq.

mod compile;
mod functions;

use super::natives;
use functions::Function;
use jaq_core::ValT;
use jaq_core::ops::{Cmp, Math};
use jaq_json::{Map, Num, Val};
use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

/// Where a path leads that leads nowhere.
const NOTHING: &Val = &Val::Null;

/// What is said to be of one output has one at most: [`Direct::compile`] has seen to that.
pub enum Direct {
    Input,
    Constant(Val),
    /// Which of those that are known
    Variable(usize),
    Path(Box<Self>, Vec<Step>),
    /// Of parts of one output each
    Text(Vec<Self>),
    /// All outputs in an array
    Array(Option<Box<Self>>),
    /// Names and values, of one output each
    Object(Vec<(Self, Self)>),
    /// Of one output
    Negative(Box<Self>, Option<Place>),
    /// Both of one output
    Math(Box<(Self, Self)>, Math, Option<Place>),
    /// Both of one output
    Comparison(Box<(Self, Self)>, Cmp),
    /// Both of one output; it ends with the first that is as true as this
    Logic(Box<(Self, Self)>, bool),
    /// Both of one output; the second if the first has none, or none that is true
    Alternative(Box<(Self, Self)>),
    /// The first is of one output
    Choice(Box<(Self, Self, Self)>),
    Pipe(Box<(Self, Self)>),
    Both(Box<(Self, Self)>),
    /// No output
    Nothing,
    /// A function, and its arguments, of one output each
    Call(Function, Vec<Self>, Option<Place>),
}

pub struct Step {
    index: Index,
    /// With `?`: what has no such thing has no output
    optional: bool,
    place: Option<Place>,
}

/// Where it is in the filter: counted from 1, in lines and characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// Why a filter fails, and where, if that is known.
#[derive(Debug)]
pub struct Failed {
    pub error: jaq_core::Error<Val>,
    pub place: Option<Place>,
}

enum Index {
    Is(Val),
    /// What this variable is
    Variable(usize),
    All,
}

/// What a filter is given.
#[derive(Clone, Copy)]
pub struct Given<'v> {
    pub input: &'v Val,
    pub variables: &'v [Val],
}

/// What it makes of that.
type Output<'v> = Cow<'v, Val>;

/// One output at most.
type One<'v> = Result<Option<Output<'v>>, Failed>;

/// Is given one output after the other, and says whether it wants more.
type Take<'t> = dyn FnMut(Cow<Val>) -> Result<bool, Failed> + 't;

impl Direct {
    /// Whether it never has more than one output.
    pub fn is_one(&self) -> bool {
        match self {
            Self::Path(start, steps) => start.is_one() && !steps.iter().any(|step| matches!(step.index, Index::All)),
            Self::Choice(choice) => choice.1.is_one() && choice.2.is_one(),
            Self::Pipe(two) => two.0.is_one() && two.1.is_one(),
            Self::Both(_) => false,
            _ => true,
        }
    }

    /// The output of one that has no more.
    ///
    /// # Errors
    /// Why it fails.
    pub fn one<'v>(&'v self, given: Given<'v>) -> One<'v> {
        let computed = |value: Val| Ok(Some(Cow::Owned(value)));
        match self {
            Self::Input => Ok(Some(Cow::Borrowed(given.input))),
            Self::Constant(value) => Ok(Some(Cow::Borrowed(value))),
            Self::Variable(index) => Ok(Some(Cow::Borrowed(given.variables.get(*index).unwrap_or(NOTHING)))),
            Self::Path(start, steps) => {
                let mut value = start.one(given)?;
                for Step { index, optional, place } in steps {
                    let (Some(from), Some(index)) = (value, index.value(given)) else { return Ok(None) };
                    value = match at(from, index) {
                        Err(_) if *optional => None,
                        value => Some(value.map_err(|error| Failed { error, place: *place })?),
                    };
                }
                Ok(value)
            }
            Self::Text(parts) => {
                let mut text = vec![];
                let written = every(parts.iter().map(|part| part.one(given)), |part| {
                    if let Val::TStr(part) | Val::BStr(part) = part.as_ref() {
                        text.extend_from_slice(part);
                    } else if let Val::TStr(part) = natives::text(part.into_owned()) {
                        text.extend_from_slice(&part);
                    }
                });
                Ok(written?.map(|()| Cow::Owned(Val::utf8_str(text))))
            }
            Self::Array(None) => computed([].into_iter().collect()),
            Self::Array(Some(items)) => {
                let mut all = vec![];
                items.each(given, &mut |item| {
                    all.push(item.into_owned());
                    Ok(true)
                })?;
                computed(all.into_iter().collect())
            }
            Self::Object(fields) => {
                let mut map = Map::default();
                map.reserve(fields.len());
                let filled = every(fields.iter().map(|field| both(field, given)), |(name, value)| {
                    map.insert(name.into_owned(), value.into_owned());
                });
                Ok(filled?.map(|()| Cow::Owned(Val::obj(map))))
            }
            Self::Negative(term, place) => match term.one(given)? {
                Some(value) => computed((-value.into_owned()).map_err(|error| Failed { error, place: *place })?),
                None => Ok(None),
            },
            Self::Math(two, operator, place) => match both(two, given)? {
                Some((left, right)) => {
                    let value = operator.run::<_, Result<_, _>>(left.into_owned(), right.into_owned());
                    computed(value.map_err(|error| Failed { error, place: *place })?)
                }
                None => Ok(None),
            },
            Self::Comparison(two, operator) => {
                Ok(both(two, given)?.map(|(left, right)| Cow::Owned(operator.run(&*left, &*right).into())))
            }
            Self::Logic(two, stop) => {
                let Some(left) = two.0.one(given)? else { return Ok(None) };
                if left.as_bool() == *stop {
                    return computed((*stop).into());
                }
                Ok(two.1.one(given)?.map(|right| Cow::Owned(right.as_bool().into())))
            }
            Self::Alternative(two) => match two.0.one(given)? {
                Some(value) if value.as_bool() => Ok(Some(value)),
                _ => two.1.one(given),
            },
            Self::Choice(choice) => match choice.0.one(given)? {
                Some(condition) if condition.as_bool() => choice.1.one(given),
                Some(_) => choice.2.one(given),
                None => Ok(None),
            },
            Self::Pipe(two) => match two.0.one(given)? {
                Some(Cow::Borrowed(input)) => two.1.one(Given { input, ..given }),
                Some(Cow::Owned(input)) => {
                    let output = two.1.one(Given { input: &input, ..given })?;
                    Ok(output.map(|output| Cow::Owned(output.into_owned())))
                }
                None => Ok(None),
            },
            Self::Call(function, arguments, place) => call(*function, arguments, *place, given),
            Self::Nothing | Self::Both(_) => Ok(None), // nobody asks for one of both
        }
    }

    /// Gives each output to `take`, as long as it wants more; says whether it does.
    ///
    /// # Errors
    /// Why it fails, perhaps after some; or `take`'s.
    pub fn each(&self, given: Given, take: &mut Take) -> Result<bool, Failed> {
        match self {
            Self::Path(start, steps) => start.each(given, &mut |value| walk(steps, given, value, take)),
            Self::Choice(choice) => match choice.0.one(given)? {
                Some(condition) if condition.as_bool() => choice.1.each(given, take),
                Some(_) => choice.2.each(given, take),
                None => Ok(true),
            },
            Self::Pipe(two) => two.0.each(given, &mut |input| two.1.each(Given { input: &input, ..given }, take)),
            Self::Both(two) => Ok(two.0.each(given, take)? && two.1.each(given, take)?),
            one => one.one(given)?.map_or(Ok(true), take),
        }
    }
}

impl Place {
    /// Of what begins at this many bytes.
    pub fn of(code: &str, offset: usize) -> Self {
        let before = code.get(..offset).unwrap_or(code);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "line {}, column {} of the filter", self.line, self.column)
    }
}

impl Index {
    /// `None` of all.
    fn value<'v>(&'v self, given: Given<'v>) -> Option<&'v Val> {
        match self {
            Self::Is(value) => Some(value),
            Self::Variable(index) => Some(given.variables.get(*index).unwrap_or(NOTHING)),
            Self::All => None,
        }
    }
}

/// What `from` has there.
fn at<'v>(from: Cow<'v, Val>, index: &Val) -> Result<Cow<'v, Val>, jaq_core::Error<Val>> {
    match (from, index) {
        (Cow::Borrowed(Val::Null), _) => Ok(Cow::Borrowed(NOTHING)),
        (Cow::Borrowed(Val::Obj(object)), name) => Ok(Cow::Borrowed(object.get(name).unwrap_or(NOTHING))),
        (Cow::Borrowed(Val::Arr(array)), Val::Num(Num::Int(index))) => {
            let distance = index.unsigned_abs();
            let at = if *index < 0 { array.len().checked_sub(distance) } else { Some(distance) };
            Ok(Cow::Borrowed(at.and_then(|at| array.get(at)).unwrap_or(NOTHING)))
        }
        (from, index) => from.into_owned().index(index).map(Cow::Owned),
    }
}

/// Goes on from `value`; says whether `take` wants more.
fn walk(steps: &[Step], given: Given, value: Cow<Val>, take: &mut Take) -> Result<bool, Failed> {
    let Some((Step { index, optional, place }, rest)) = steps.split_first() else { return take(value) };
    let failed = |error| Failed { error, place: *place };
    if let Some(index) = index.value(given) {
        return match at(value, index) {
            Err(_) if *optional => Ok(true),
            value => walk(rest, given, value.map_err(failed)?, take),
        };
    }
    match value.as_ref() {
        Val::Arr(items) => walk_all(items.iter(), rest, given, take),
        Val::Obj(fields) => walk_all(fields.values(), rest, given, take),
        _ if *optional => Ok(true),
        _ => value.into_owned().values().next().map_or(Ok(true), |failure| failure.map(|_| true).map_err(failed)),
    }
}

fn walk_all<'v>(
    items: impl Iterator<Item = &'v Val>,
    rest: &[Step],
    given: Given,
    take: &mut Take,
) -> Result<bool, Failed> {
    for item in items {
        if !walk(rest, given, Cow::Borrowed(item), take)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The output of a function.
fn call<'v>(function: Function, arguments: &'v [Direct], place: Option<Place>, given: Given<'v>) -> One<'v> {
    let mut values = Vec::with_capacity(arguments.len());
    let all = every(arguments.iter().map(|argument| argument.one(given)), |value| {
        values.push(value.into_owned());
    });
    if all?.is_none() {
        return Ok(None);
    }
    match function.run(given.input.clone(), values) {
        Ok(output) => Ok(output.map(Cow::Owned)),
        Err(error) => Err(Failed { error, place }),
    }
}

/// Both, of which neither has more than one output. Where one has none there is nothing, though the other fails.
fn both<'v>(two: &'v (Direct, Direct), given: Given<'v>) -> Result<Option<(Output<'v>, Output<'v>)>, Failed> {
    let left = two.0.one(given);
    if matches!(left, Ok(None)) {
        return Ok(None);
    }
    match (left, two.1.one(given)) {
        (_, Ok(None)) => Ok(None),
        (left, right) => Ok(left?.zip(right?)),
    }
}

/// Gives each of them to `take`. Where one has none there is nothing, though another one fails.
fn every<T>(
    all: impl Iterator<Item = Result<Option<T>, Failed>>,
    mut take: impl FnMut(T),
) -> Result<Option<()>, Failed> {
    let mut failed = None;
    for one in all {
        match one {
            Ok(Some(value)) => take(value),
            Ok(None) => return Ok(None),
            Err(error) => drop(failed.get_or_insert(error)),
        }
    }
    failed.map_or(Ok(Some(())), Err)
}

#[cfg(test)]
mod tests;
