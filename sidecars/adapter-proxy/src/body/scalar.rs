//! What is neither an array nor an object, as text. Numbers are as JSON has them.

use super::Unfit;
use super::place::Path;
use hifijson::SliceLexer;
use hifijson::num::Lex;
use jaq_json::{Num, Val};
use std::borrow::Cow;

/// Turning text into a large integer and back takes the square of its digits. Longer ones are kept as they are written.
const MAX_DIGITS: usize = 4300;

/// What `digits`, perhaps with `-` in front, are.
pub fn integer(digits: &str) -> Num {
    let short = digits.len() <= MAX_DIGITS;
    short.then(|| Num::from_str_radix(digits, 10)).flatten().unwrap_or_else(|| Num::Dec(digits.to_owned().into()))
}

/// None of what is not a number, or infinite.
///
/// Whole numbers are written without `.0`, even when a filter made them by a division, as jq does: readers that want an
/// integer refuse it.
pub fn text(number: &Num) -> Option<Cow<'_, str>> {
    match number {
        Num::Float(float) if !float.is_finite() => None,
        Num::Dec(text) if is_json(text) => Some(Cow::Borrowed(text)),
        // Filters take some for numbers that JSON does not: `+5`.
        Num::Dec(text) => {
            let float = text.parse().ok().filter(|float: &f64| float.is_finite())?;
            Some(self::text(&Num::Float(float))?.into_owned().into())
        }
        Num::Float(_) => {
            let text = number.to_string();
            Some(text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned).into())
        }
        Num::Int(_) | Num::BigInt(_) => Some(number.to_string().into()),
    }
}

/// Whether JSON has such a number (RFC 8259, section 6).
pub fn is_json(text: &str) -> bool {
    let mut lexer = SliceLexer::new(text.as_bytes());
    lexer.num_ignore().validate().is_ok() && lexer.as_slice().is_empty()
}

/// What is said of a number that has no text.
pub const NOT_FINITE: &str = "a number that is infinite, or none";
/// What is said of a string that is no UTF-8.
pub const NO_TEXT: &str = "bytes that are no text";

/// A string, number or boolean as text, for formats that have nothing but text. None of anything else.
pub fn plain<'a>(value: &'a Val, path: &Path) -> Option<Result<Cow<'a, str>, Unfit>> {
    Some(match value {
        Val::TStr(text) | Val::BStr(text) => str::from_utf8(text).map(Cow::Borrowed).map_err(|_| path.unfit(NO_TEXT)),
        Val::Num(number) => text(number).ok_or_else(|| path.unfit(NOT_FINITE)),
        Val::Bool(true) => Ok("true".into()),
        Val::Bool(false) => Ok("false".into()),
        Val::Null | Val::Arr(_) | Val::Obj(_) => return None,
    })
}

/// The same, and nothing of null.
pub fn plain_or_empty<'a>(value: &'a Val, path: &Path) -> Result<Cow<'a, str>, Unfit> {
    match value {
        Val::Null => Ok("".into()),
        value => {
            plain(value, path).unwrap_or_else(|| Err(path.unfit("neither a string nor a number, a boolean or null")))
        }
    }
}

/// The name of a field.
pub fn name<'a>(name: &'a Val, path: &Path) -> Result<&'a str, Unfit> {
    match name {
        Val::TStr(text) | Val::BStr(text) => str::from_utf8(text).map_err(|_| path.unfit(NO_TEXT)),
        _ => Err(path.unfit("the name of a field is no string")),
    }
}
