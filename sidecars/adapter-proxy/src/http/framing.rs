//! Where a body ends (RFC 9112, 6).

use super::chunked::Chunked;

/// A message that breaks the rules, and the rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bad(pub &'static str);

/// What bytes of a body begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// So many bytes that are no data, and have been dealt with
    Skip(usize),
    /// So many bytes of data; [`Body::took`] is told how many of them have been dealt with
    Data(usize),
    /// Nothing can be said without more bytes
    More,
    /// The body has ended before them
    End,
}

#[derive(Debug)]
pub enum Body {
    /// So many bytes are left
    Length(u64),
    Chunked(Box<Chunked>),
    /// Up to the end of the connection
    UntilClose,
}

impl Body {
    pub const NONE: Self = Self::Length(0);

    pub fn chunked() -> Self {
        Self::Chunked(Box::default())
    }

    /// What `bytes`, which follow those dealt with, begin with.
    ///
    /// # Errors
    /// When they are no body of this kind.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Bad> {
        match self {
            Self::Length(0) => Ok(Step::End),
            Self::Length(_) | Self::UntilClose if bytes.is_empty() => Ok(Step::More),
            Self::Length(left) => Ok(Step::Data(usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len()))),
            Self::UntilClose => Ok(Step::Data(bytes.len())),
            Self::Chunked(chunked) => chunked.step(bytes),
        }
    }

    pub fn took(&mut self, count: usize) {
        match self {
            Self::Length(left) => *left = left.saturating_sub(count as u64),
            Self::Chunked(chunked) => chunked.took(count as u64),
            Self::UntilClose => {}
        }
    }

    pub fn has_ended(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.has_ended(),
            Self::UntilClose => false,
        }
    }

    pub fn trailers(&self) -> &[u8] {
        match self {
            Self::Chunked(chunked) => chunked.trailers(),
            _ => &[],
        }
    }
}

/// The number of a `Content-Length`: digits, and nothing else. `+5`, `0x5`, `5, 5` and an empty one are none.
///
/// # Errors
/// When it is none, or more than fits.
pub fn length(value: &[u8]) -> Result<u64, Bad> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let number = digits.then(|| {
        value.iter().try_fold(0u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
    });
    number.flatten().filter(|number| i64::try_from(*number).is_ok()).ok_or(Bad("Content-Length is no number"))
}
