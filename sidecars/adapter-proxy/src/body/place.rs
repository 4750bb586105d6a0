//! Where something is wrong: in text that is read, or in a value that is written.

use super::Unfit;
use jaq_json::Val;
use std::fmt::{self, Display, Formatter};

/// More of a name is not shown.
const MAX_SHOWN: usize = 40;

/// Something at this many bytes of `text`. Lines end with LF, and columns count characters.
pub fn unfit(text: &[u8], offset: usize, what: impl Into<String>) -> Unfit {
    let before = text.get(..offset).unwrap_or(text);
    let lines = || before.split(|byte| *byte == b'\n');
    let line = lines().next_back().unwrap_or_default();
    let columns = line.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
    Unfit { what: what.into(), at: Some(format!("line {}, column {}", lines().count(), columns + 1)) }
}

/// `bytes` as text.
pub fn utf8(bytes: &[u8]) -> Result<&str, Unfit> {
    str::from_utf8(bytes).map_err(|error| unfit(bytes, error.valid_up_to(), "not valid UTF-8"))
}

/// `text`, or as much of it as fits into a message.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into(),
    }
}

/// From the whole value down to a part of it: `$.orders[3].price`.
#[derive(Clone, Copy)]
pub enum Path<'a> {
    Whole,
    Item(&'a Path<'a>, usize),
    Field(&'a Path<'a>, &'a Val),
}

impl Path<'_> {
    pub fn unfit(&self, what: impl Into<String>) -> Unfit {
        Unfit { what: what.into(), at: Some(self.to_string()) }
    }
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("$"),
            Self::Item(path, index) => write!(f, "{path}[{index}]"),
            Self::Field(path, name) => {
                path.fmt(f)?;
                match name {
                    Val::TStr(name) | Val::BStr(name) => {
                        let name = String::from_utf8_lossy(name);
                        let is_word = |text: &str| {
                            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                                && text.starts_with(|first: char| !first.is_ascii_digit())
                        };
                        let name = shown(&name);
                        if is_word(&name) { write!(f, ".{name}") } else { write!(f, "[{name:?}]") }
                    }
                    // What is no name may be large: it is not shown.
                    _ => f.write_str("[…]"),
                }
            }
        }
    }
}
