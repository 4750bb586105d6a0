//! What becomes of a body.

use super::values::{media, text};
use crate::body::Format;
use crate::filter::variables::{NAMES, Used};
use crate::filter::{Program, Stream};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// It is read, filtered and written anew.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BodyMapping {
    pub from: Format,
    /// The same as `from`, without it
    pub to: Option<Format>,
    /// In jq
    #[serde(deserialize_with = "filter")]
    pub filter: Option<String>,
    /// In bytes, of what is read
    #[serde(deserialize_with = "max_body")]
    pub max_body: usize,
    /// Of an answer: it is mapped piece by piece
    pub stream: Option<Stream>,
    /// Instead of the one that goes with what is written
    #[serde(deserialize_with = "some_media")]
    pub content_type: Option<String>,
    /// Of an answer: a filter in jq of what was read, which gives the status
    #[serde(deserialize_with = "filter")]
    pub status: Option<String>,
    /// What its filters name
    #[serde(skip)]
    pub variables: Used,
}

impl Default for BodyMapping {
    fn default() -> Self {
        Self {
            from: Format::Json,
            to: None,
            filter: None,
            max_body: 1 << 20,
            stream: None,
            content_type: None,
            status: None,
            variables: Used::default(),
        }
    }
}

impl BodyMapping {
    pub fn to(&self) -> &Format {
        self.to.as_ref().unwrap_or(&self.from)
    }

    /// Of what is written.
    pub fn content_type(&self) -> &str {
        let of_format = || self.stream.map_or_else(|| self.to().content_type(), Stream::content_type);
        self.content_type.as_deref().unwrap_or_else(of_format)
    }

    /// Whether there is a body afterwards also where there was none.
    pub fn makes(&self) -> bool {
        self.from == Format::None
    }

    /// Looks once for all at what its filters name.
    pub(super) fn read(&mut self) {
        let used = |code: &Option<String>| code.as_deref().map(Used::by).unwrap_or_default();
        self.variables = used(&self.filter).and(used(&self.status));
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let is_json = |format: &Format| *format == Format::Json;
        if self.stream.is_some() && !(is_json(&self.from) && self.to.as_ref().is_none_or(is_json)) {
            return Err(
                "a `stream` is of JSON, from and to\nhint: take `stream` out, and the body is mapped as one".into()
            );
        }
        if self.stream.is_some() && self.status.is_some() {
            return Err(
                "the `status` of a `stream` is sent before its body is there\nhint: take one of them out".into()
            );
        }
        if self.from == Format::None && self.to.is_none() {
            return Err("a body `from: none` does not say what it is to be\nhint: add `to: json`".into());
        }
        if !self.to().can_encode() {
            return Err(format!("nothing is written as {}\nhint: add `to: json`", self.to()));
        }
        Ok(())
    }
}

fn max_body<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match chassis::config::size(deserializer)? {
        size @ 1_024..=268_435_456 => usize::try_from(size).map_err(D::Error::custom),
        size => Err(D::Error::custom(format_args!("{size} bytes: expected 1 KiB to 256 MiB"))),
    }
}

fn filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let code = text(deserializer)?;
    Program::compile(&code, &NAMES).map_err(D::Error::custom)?;
    Ok(Some(code))
}

fn some_media<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    media(deserializer).map(Some)
}
