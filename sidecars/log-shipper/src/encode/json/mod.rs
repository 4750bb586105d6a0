//! Logs that are JSON: an object becomes the document as it is, with what is ours added.

pub mod rewrite;
pub mod scan;

use super::escape::Escape;
use super::time::{Time, Written};
use memchr::memchr2;
use rewrite::{Changes, unescaped};
use scan::{Member, Object, Scan};
use std::borrow::Cow;
use std::mem;

const TIMESTAMP: &str = "@timestamp";
/// Memory for the members of a larger object is not kept. Elasticsearch takes 1,000 fields.
const MANY: usize = 1024;

/// Reads objects. Its memory is used again for each.
#[derive(Default)]
pub struct Reader {
    scan: Scan,
    rewritten: String,
}

/// An object, ready to be a document.
pub struct Document<'a> {
    text: &'a str,
    object: Object,
    members: &'a [Member],
    /// Its own `@timestamp`, if that cannot stay
    stale: Option<usize>,
    /// Whether that was the time, written otherwise
    moved: bool,
    /// When, if it says so
    pub time: Option<Written>,
    /// Whether its own `@timestamp` can stay
    pub stays: bool,
}

impl Reader {
    /// Reads one, and changes what is to be changed. None if it is not an object that a document can be made of.
    pub fn read<'a>(
        &'a mut self,
        text: &'a str,
        time_field: &str,
        changes: &Changes,
        escape: &mut Escape,
    ) -> Option<Document<'a>> {
        self.scan.forget(MANY);
        let mut object = self.scan.object(text)?;
        let mut time = time(text, &self.scan.members, time_field);
        let mut text = text;
        // Outside of strings only, or it would be none; and a document has to be one line.
        let newlines = memchr2(b'\n', b'\r', text.as_bytes()).is_some();
        if object.odd || newlines || !changes.is_none() {
            let mut rewritten = mem::take(&mut self.rewritten).into_bytes();
            rewritten.clear();
            changes.apply(text, escape, &mut rewritten);
            self.rewritten = String::from_utf8(rewritten).unwrap_or_default(); // made of texts
            text = &self.rewritten;
            object = self.scan.object(text)?;
        }
        let members = &self.scan.members;
        let own = members.iter().position(|member| &text[member.key.clone()] == TIMESTAMP);
        let own_time = own.and_then(|own| written(&text[members[own].value.clone()]));
        let is_own = time_field == TIMESTAMP || time.is_none();
        if is_own {
            time = own_time;
        }
        let stays = is_own && own_time.is_some_and(|time| time.strict);
        let moved = is_own && own_time.is_some();
        Some(Document { text, object, members, stale: own.filter(|_| !stays), moved, time, stays })
    }
}

impl Document<'_> {
    /// All of its fields, without braces, with a comma before them unless they are what the document begins with.
    pub fn fields(&self, out: &mut Vec<u8>) {
        let inner = &self.text[self.object.inner.clone()];
        let Some(stale) = self.stale else {
            if !self.members.is_empty() {
                out.extend((!self.stays).then_some(b','));
                out.extend_from_slice(inner.as_bytes());
            }
            return;
        };
        for (at, member) in self.members.iter().enumerate() {
            // One that is no time is kept where it does no harm.
            if at == stale && (self.moved || self.has("original_@timestamp")) {
                continue;
            }
            out.extend_from_slice(if at == stale { b",\"original_" } else { b",\"" });
            out.extend_from_slice(&self.text.as_bytes()[member.key.start..member.value.end]);
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.keys().any(|key| key == name)
    }

    /// The names of its fields, as they are written.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| &self.text[member.key.clone()])
    }

    /// The value of a field, as it is written.
    pub fn value(&self, name: &str) -> Option<&str> {
        let member = self.members.iter().find(|member| &self.text[member.key.clone()] == name)?;
        Some(&self.text[member.value.clone()])
    }
}

/// The time in a field, which may be within others.
fn time(text: &str, members: &[Member], path: &str) -> Option<Written> {
    let value = |name: &str| {
        let member = members.iter().rev().find(|member| &text[member.key.clone()] == name)?;
        Some(&text[member.value.clone()])
    };
    if let Some(value) = value(path) {
        return written(value);
    }
    path.match_indices('.').find_map(|(dot, _)| {
        let within = value(&path[..dot])?;
        let mut scan = Scan::default();
        scan.object(within)?;
        time(within, &scan.members, &path[dot + 1..])
    })
}

/// A value as a time: a text, or a number since 1970.
fn written(value: &str) -> Option<Written> {
    let text: Cow<str> = value.strip_prefix('"').map_or(value.into(), |rest| unescaped(&rest[..rest.len() - 1]));
    let number = || Time::since_epoch(text.as_bytes()).map(|time| Written { time, strict: false });
    Time::parse(text.as_bytes()).or_else(number)
}
