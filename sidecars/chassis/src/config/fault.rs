//! What is wrong with a file of configuration, where, and what would be right.

use crate::exit::Usage;
use serde::de;
use std::fmt::{self, Debug, Display, Formatter};
use std::path::Path;

/// Both from 1, as editors count.
#[derive(Clone, Copy)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

pub struct Fault {
    text: String,
    place: Option<Place>,
}

impl Fault {
    pub fn at(place: Place, text: impl Into<String>) -> Self {
        Self { text: text.into(), place: Some(place) }
    }

    /// It is here, unless it is known to be at a place within.
    pub fn within(self, place: Place) -> Self {
        Self { place: self.place.or(Some(place)), ..self }
    }

    pub fn usage(self, path: &Path) -> Usage {
        let place = self.place.map_or(String::new(), |place| format!(":{}:{}", place.line, place.column));
        Usage(format!("{}{place}: {}", path.display(), self.text))
    }
}

impl de::Error for Fault {
    fn custom<T: Display>(text: T) -> Self {
        Self { text: text.to_string(), place: None }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("unknown field `{field}`\nhint: {}", instead(field, expected)))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("unknown value `{variant}`\nhint: {}", instead(variant, expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("`{field}` is missing here\nhint: add `{field}: …`"))
    }
}

impl Debug for Fault {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Fault {}

/// What could have been meant, and all there is.
fn instead(wrong: &str, known: &[&str]) -> String {
    let similar = known.iter().map(|name| (strsim::jaro(wrong, name), name));
    // As clap does it for flags
    let similar = similar.filter(|(similarity, _)| *similarity > 0.7).max_by(|a, b| a.0.total_cmp(&b.0));
    let all = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match (similar, known.len()) {
        (Some((_, name)), 1) => format!("did you mean `{name}`?"),
        (Some((_, name)), _) => format!("did you mean `{name}`? Known here: {all}"),
        (None, 0) => "nothing can be said here".into(),
        (None, _) => format!("known here: {all}"),
    }
}
