//! How much there may be.

use super::Unfit;
use super::place::Path;
use std::fmt::{self, Display, Formatter};
use std::io::Write;

/// Of one body, read or written.
#[derive(Clone, PartialEq, Debug)]
pub struct Limits {
    /// Arrays and objects within each other
    pub depth: usize,
    /// All of them, and what is in them; names of fields do not count
    pub values: usize,
    /// Bytes of what is written
    pub output: usize,
}

/// What is left of the limits on values.
pub struct Budget {
    limits: Limits,
    depth: usize,
    values: usize,
}

impl Budget {
    pub fn new(limits: &Limits) -> Self {
        Self { limits: limits.clone(), depth: 0, values: 0 }
    }

    /// For one more value.
    pub fn value(&mut self) -> Result<(), Exceeded> {
        if self.values == self.limits.values {
            return Err(Exceeded::Values(self.limits.values));
        }
        self.values += 1;
        Ok(())
    }

    /// Into an array or object, which is left again by [`Self::leave`].
    pub fn enter(&mut self) -> Result<(), Exceeded> {
        if self.depth == self.limits.depth {
            return Err(Exceeded::Depth(self.limits.depth));
        }
        self.depth += 1;
        Ok(())
    }

    pub fn leave(&mut self) {
        self.depth -= 1;
    }
}

/// What is written, and how much more it may become.
pub struct Out<'a> {
    bytes: &'a mut Vec<u8>,
    end: usize,
    limit: usize,
}

impl<'a> Out<'a> {
    pub fn new(bytes: &'a mut Vec<u8>, limits: &Limits) -> Self {
        let end = bytes.len().saturating_add(limits.output);
        Self { bytes, end, limit: limits.output }
    }

    #[inline]
    pub fn push(&mut self, text: &[u8]) -> Result<(), Exceeded> {
        if self.end.saturating_sub(self.bytes.len()) < text.len() {
            return Err(Exceeded::Output(self.limit));
        }
        self.bytes.extend_from_slice(text);
        Ok(())
    }

    pub fn integer(&mut self, integer: isize) -> Result<(), Exceeded> {
        // Of what is an integer, only a few bytes are too many before that is told.
        let _ = write!(self.bytes, "{integer}");
        if self.bytes.len() > self.end { Err(Exceeded::Output(self.limit)) } else { Ok(()) }
    }
}

/// Which limit, and what it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exceeded {
    Depth(usize),
    Values(usize),
    Output(usize),
}

impl Exceeded {
    /// Told of a value that was to be written.
    pub fn at(self, path: &Path) -> Unfit {
        path.unfit(self.to_string())
    }
}

impl Display for Exceeded {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::Depth(limit) => write!(f, "nested deeper than {limit} levels"),
            Self::Values(limit) => write!(f, "more than {limit} values"),
            Self::Output(limit) => write!(f, "more than {limit} bytes when written"),
        }
    }
}
