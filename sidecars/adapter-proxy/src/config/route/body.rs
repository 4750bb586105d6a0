//! What becomes of a body.

use super::values::{media, text};
use crate::body::Format;
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
    #[serde(deserialize_with = "some_text")]
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
    #[serde(deserialize_with = "some_text")]
    pub status: Option<String>,
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
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// A document on each line
    Ndjson,
    /// The data of each event: <https://html.spec.whatwg.org/multipage/server-sent-events.html>
    Sse,
}

impl BodyMapping {
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
        Ok(())
    }
}

fn max_body<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match chassis::config::size(deserializer)? {
        size @ 1_024..=268_435_456 => usize::try_from(size).map_err(D::Error::custom),
        size => Err(D::Error::custom(format_args!("{size} bytes: expected 1 KiB to 256 MiB"))),
    }
}

fn some_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text(deserializer).map(Some)
}

fn some_media<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    media(deserializer).map(Some)
}
