//! Bodies as values: what jaq works on, read from bytes and written to bytes in several formats.
//!
//! What is read may be hostile: nesting and the number of values are bounded while reading, and what is written while
//! writing.

mod bounds;
mod csv;
mod fields;
mod form;
mod format;
mod json;
mod lines;
mod pairs;
mod place;
pub(crate) mod scalar;
mod text;
mod xml;
mod yaml;

pub use bounds::Limits;
pub use format::Format;
pub use lines::Pattern;

use bounds::{Budget, Out};
use jaq_json::Val;
use std::fmt::{self, Display, Formatter};

/// Why a body cannot be read as what it is said to be, or a value cannot be written as what it is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfit {
    pub what: String,
    /// In what was read, `line 3, column 7`, in characters and from 1; in what was to be written, `$.orders[3].price`; in
    /// what made it, `line 1, column 4 of the filter`
    pub at: Option<String>,
}

impl Unfit {
    /// Where that is cannot be told.
    pub fn new(what: String) -> Self {
        Self { what, at: None }
    }
}

/// The place is told before the hint, if there is one.
impl Display for Unfit {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let end = self.what.find('\n').unwrap_or(self.what.len());
        let (what, hint) = self.what.split_at(end);
        match &self.at {
            Some(at) => write!(f, "{what} ({at}){hint}"),
            None => f.write_str(&self.what),
        }
    }
}

impl Format {
    /// The value that `bytes` are.
    ///
    /// # Errors
    /// When they are none in this format, or it is beyond the limits.
    pub fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Val, Unfit> {
        let mut budget = Budget::new(limits);
        match self {
            Self::Json => json::decode(bytes, &mut budget),
            Self::Form => form::decode(bytes, &mut budget),
            Self::Text => text::decode(bytes, &mut budget),
            Self::Lines(pattern) => lines::decode(pattern, bytes, &mut budget),
            Self::Pairs(separator) => pairs::decode(separator, bytes, &mut budget),
            Self::Csv => csv::decode(bytes, &mut budget),
            Self::Xml => xml::decode(bytes, &mut budget),
            Self::Yaml => yaml::decode(bytes, &mut budget),
            Self::None => Ok(Val::Null),
        }
    }

    /// Appends `value` to `out`, which is as it was when there is an error.
    ///
    /// # Errors
    /// When the format has no way to say it, or it is beyond the limits.
    pub fn encode(&self, value: &Val, out: &mut Vec<u8>, limits: &Limits) -> Result<(), Unfit> {
        let (mut budget, before) = (Budget::new(limits), out.len());
        let mut to = Out::new(out, limits);
        let done = match self {
            Self::Json => json::encode(value, &mut to, &mut budget),
            Self::Form => form::encode(value, &mut to, &mut budget),
            Self::Text => text::encode(value, &mut to),
            Self::Pairs(separator) => pairs::encode(separator, value, &mut to, &mut budget),
            Self::Csv => csv::encode(value, &mut to, &mut budget),
            Self::Xml => xml::encode(value, &mut to, &mut budget),
            Self::Yaml => yaml::encode(value, &mut to, &mut budget),
            Self::Lines(_) | Self::None => Err(Unfit { what: format!("nothing is written as {self}"), at: None }),
        };
        done.inspect_err(|_| out.truncate(before))
    }
}

#[cfg(test)]
mod tests;
