//! What a bulk request was answered, item by item:
//! <https://www.elastic.co/guide/en/elasticsearch/reference/current/docs-bulk.html#bulk-api-response-body>

use super::scanner::Scanner;
use serde::Deserialize;
use serde_json::Value;
use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// An event that was stored, when the answer is filtered as we ask for
const STORED: &[u8] = br#"{"create":{"status":201}}"#;

/// Characters of one reason
const REASON: usize = 512;

/// Bytes of all reasons of an answer: a batch of 10,000 events may have 10,000 of them.
const REASONS: usize = 256 << 10;

/// An answer that is none to the request. Nothing is known of any item then.
#[derive(Debug, PartialEq, Eq)]
pub struct Nonsense(pub &'static str);

impl Display for Nonsense {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Nonsense {}

/// What became of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Stored,
    /// Not now, but perhaps later
    Again,
    /// Never
    Refused,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    pub status: u16,
    /// What kind of error it is, in the sink's words: `document_parsing_exception`
    pub kind: Arc<str>,
    pub text: Box<str>,
    /// What to do about it, if it is not for what the event is
    pub remedy: Option<&'static str>,
}

/// Why an item was refused.
#[derive(Debug)]
pub struct Refusal {
    /// Its place in the request
    pub item: usize,
    pub reason: Reason,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// One for each item
    pub fates: Vec<Fate>,
    /// In the order of the items
    pub refusals: Vec<Refusal>,
    /// Why the first of the items that are to be sent again was not stored
    pub again: Option<Reason>,
}

/// Reads an answer as it comes, in memory that does not depend on what comes.
pub struct Reader {
    expected: usize,
    /// Whether ids are made of where events are from, so that one which exists is the same event
    own_ids: bool,
    place: Place,
    scanner: Scanner,
    answer: Answer,
    reasons: usize,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Start,
    Key,
    Colon {
        items: bool,
    },
    Skipped,
    List,
    FirstItem,
    /// After the beginning of an item has been seen, its rest
    Item,
    NextItem,
    AfterItem,
    AfterValue,
    End,
}

impl Reader {
    /// For the answer to a request of so many items.
    pub fn new(expected: usize, own_ids: bool) -> Self {
        let answer = Answer { fates: Vec::with_capacity(expected), refusals: vec![], again: None };
        Self { expected, own_ids, place: Place::Start, scanner: Scanner::default(), answer, reasons: 0 }
    }

    /// # Errors
    /// When it cannot be an answer any more, whatever follows.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Nonsense> {
        loop {
            match self.place {
                Place::FirstItem | Place::NextItem => bytes = self.stored(bytes),
                Place::Key | Place::Skipped | Place::Item => {
                    let Some(end) = self.scanner.feed(bytes)? else { return Ok(()) };
                    bytes = &bytes[end..];
                    self.place = match self.place {
                        Place::Key => self.key()?,
                        Place::Item => self.item()?,
                        _ => Place::AfterValue,
                    };
                    continue;
                }
                _ => {}
            }
            bytes = bytes.trim_ascii_start();
            let Some(&byte) = bytes.first() else { return Ok(()) };
            let used = self.token(byte)?;
            bytes = &bytes[used..];
        }
    }

    /// # Errors
    /// When there is not exactly one answer for each item.
    pub fn finish(self) -> Result<Answer, Nonsense> {
        match self.place {
            Place::Start => Err(Nonsense("the answer is empty")),
            Place::End if self.answer.fates.len() == self.expected => Ok(self.answer),
            Place::End => Err(Nonsense("the answer has too few items")),
            _ => Err(Nonsense("the answer is cut off")),
        }
    }

    /// Takes items that were stored, as many as there are in a row.
    fn stored<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while let Some(rest) = bytes.strip_prefix(STORED)
            && let [b',', rest @ ..] = rest
            && self.answer.fates.len() < self.expected
        {
            self.answer.fates.push(Fate::Stored);
            self.place = Place::NextItem;
            bytes = rest;
        }
        bytes
    }

    /// A byte that is no white space, between values. Returns how many of it are used up.
    fn token(&mut self, byte: u8) -> Result<usize, Nonsense> {
        let (place, used) = match (self.place, byte) {
            (Place::Colon { items: true }, b':') => (Place::List, 1),
            (Place::Colon { items: false }, b':') => (self.read(Place::Skipped), 1),
            (Place::List, b'[') => (Place::FirstItem, 1),
            (Place::FirstItem | Place::NextItem, b'{') => (self.read(Place::Item), 0),
            (Place::AfterItem, b',') => (Place::NextItem, 1),
            (Place::FirstItem | Place::AfterItem, b']') => (Place::AfterValue, 1),
            (Place::Start, b'{') | (Place::AfterValue, b',') => (self.read(Place::Key), 1),
            (Place::AfterValue, b'}') => (Place::End, 1),
            (Place::Start, _) => return Err(Nonsense("the answer is no JSON object")),
            _ => return Err(Nonsense("the answer is no bulk answer")),
        };
        self.place = place;
        Ok(used)
    }

    fn read(&mut self, what: Place) -> Place {
        self.scanner.begin(what == Place::Skipped);
        what
    }

    fn key(&self) -> Result<Place, Nonsense> {
        match self.scanner.value() {
            b"\"items\"" if !self.answer.fates.is_empty() => Err(Nonsense("the answer has items twice")),
            [b'"', key @ ..] => Ok(Place::Colon { items: key == b"items\"" }),
            _ => Err(Nonsense("the answer is no JSON object")),
        }
    }

    fn item(&mut self) -> Result<Place, Nonsense> {
        if self.answer.fates.len() == self.expected {
            return Err(Nonsense("the answer has too many items"));
        }
        let value = self.scanner.value();
        if value == STORED {
            self.answer.fates.push(Fate::Stored);
        } else {
            let item: serde_json::Result<Item> = serde_json::from_str(&String::from_utf8_lossy(value));
            let fate = self.judge(&item.map_err(|_| Nonsense("an item of the answer is none"))?.result)?;
            self.answer.fates.push(fate);
        }
        Ok(Place::AfterItem)
    }

    fn judge(&mut self, result: &Outcome) -> Result<Fate, Nonsense> {
        let kind = result.error.as_ref().and_then(|error| error["type"].as_str()).unwrap_or_default();
        let fate = match result.status {
            200..=299 => return Ok(Fate::Stored),
            // It was stored by a request whose answer was lost.
            409 if self.own_ids => return Ok(Fate::Stored),
            429 | 500.. => Fate::Again,
            // These are not for what the event is, and end when whoever may do so ends them.
            status if remedy(status, kind, result.error.as_ref()).is_some() => Fate::Again,
            400.. => Fate::Refused,
            _ => return Err(Nonsense("an item of the answer has a status that is none")),
        };
        if fate == Fate::Refused {
            let item = self.answer.fates.len();
            let reason = self.reason(result.status, result.error.as_ref());
            self.answer.refusals.push(Refusal { item, reason });
        } else if self.answer.again.is_none() {
            self.answer.again = Some(self.reason(result.status, result.error.as_ref()));
        }
        Ok(fate)
    }

    fn reason(&mut self, status: u16, error: Option<&Value>) -> Reason {
        let (kind, mut text) = explain(error);
        // Mostly all are of one kind.
        let last = self.answer.refusals.last().map(|refusal| &refusal.reason.kind);
        let kind = last.filter(|last| ***last == *kind).cloned().unwrap_or_else(|| kind.into());
        if self.reasons + text.len() > REASONS {
            text = "as others of the same request".into();
        }
        self.reasons += text.len();
        let remedy = remedy(status, &kind, error);
        Reason { status, kind, text: text.into(), remedy }
    }
}

/// What is to be done about an error that is of the sink and not of the event, of those that are known.
fn remedy(status: u16, kind: &str, error: Option<&Value>) -> Option<&'static str> {
    // <https://www.elastic.co/docs/troubleshoot/elasticsearch/size-shards>; the kind differs among versions.
    let has_too_many_shards = || {
        let text = explain(error).1;
        text.contains("this action would add [") && text.contains("shards open")
    };
    match (status, kind) {
        (401 | 403, "security_exception") => {
            Some("the user or key needs the privileges `create_doc` and `auto_configure`")
        }
        (401 | 403, "cluster_block_exception") => {
            Some("an index may be read only because a disk is full: see `index.blocks` of its settings")
        }
        (404, "index_not_found_exception") => {
            Some("make the index or data stream, or allow `action.auto_create_index` to do so")
        }
        (400, "validation_exception" | "illegal_argument_exception") if has_too_many_shards() => {
            Some("remove indices, add a node, or raise `cluster.max_shards_per_node`")
        }
        _ => None,
    }
}

/// The type and the text of an error. What was at the bottom of it is part of the text, since that is what helps.
pub fn explain(error: Option<&Value>) -> (&str, String) {
    let Some(error) = error else { return ("unknown", String::new()) };
    let part = |error: &Value| error["reason"].as_str().unwrap_or_default().to_owned();
    let kind = error["type"].as_str().filter(|kind| !kind.is_empty()).unwrap_or("unknown");
    let kind = &kind[..kind.floor_char_boundary(100)];
    let mut text = error.as_str().map_or_else(|| part(error), ToOwned::to_owned);
    let cause = part(&error["caused_by"]);
    if !cause.is_empty() && !text.contains(&cause) {
        text.truncate(text.floor_char_boundary(REASON / 2));
        text = format!("{text}: {cause}");
    }
    text.truncate(text.floor_char_boundary(REASON));
    (kind, text)
}

/// The key is the action that we sent; what we never send is no answer to it.
#[derive(Deserialize)]
struct Item {
    #[serde(rename = "create", alias = "index")]
    result: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    error: Option<Value>,
}

#[cfg(test)]
mod tests;
