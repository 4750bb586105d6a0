//! What all documents of one log have in common, encoded once.

use super::Flags;
use super::escape::Escape;
use super::json::Document;
use super::kubernetes::Kubernetes;
use crate::config::Input;
use anyhow::{Result, ensure};
use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// Fields that are ours
const RESERVED: [&str; 5] = ["@timestamp", "message", "log", "stream", "kubernetes"];
/// What is before the path in `tail`
const LOG: &[u8] = br#"","log":{"file":{"path":"#;

/// The end of each document of a log.
pub struct Shape {
    /// Which of the inputs
    pub(super) input: usize,
    /// From the quote that ends a message on: the object `log`, and other fields
    tail: Box<[u8]>,
    /// Where in `tail` that object ends, before its brace
    log_end: usize,
    /// The other fields in `tail`
    fields: Box<[Field]>,
    /// What all logs have in common, and the end of the document
    pub(super) end: Arc<[u8]>,
}

/// A field, with the comma before it.
struct Field {
    name: Box<str>,
    start: usize,
    end: usize,
}

impl Shape {
    pub(super) fn new(index: usize, input: &Input, path: &Path, kubernetes: &Kubernetes) -> Self {
        let mut escape = Escape::default();
        let mut tail = LOG.to_vec();
        escape.string(&mut tail, path.as_os_str().as_bytes());
        tail.push(b'}');
        let log_end = tail.len();
        tail.push(b'}');
        let mut fields = vec![];
        for (name, value) in fields_of(input, path) {
            let start = tail.len();
            tail.push(b',');
            escape.string(&mut tail, name.as_bytes());
            tail.push(b':');
            escape.string(&mut tail, &value);
            fields.push(Field { name: name.into(), start, end: tail.len() });
        }
        Self { input: index, tail: tail.into(), log_end, fields: fields.into(), end: kubernetes.encoded() }
    }

    /// What follows a message.
    #[inline]
    pub(super) fn tail_after(&self, flags: Flags) -> Cow<'_, [u8]> {
        if flags.iter().all(|(_, set)| !set) {
            return Cow::Borrowed(&self.tail);
        }
        let (before, after) = self.tail.split_at(self.log_end);
        Cow::Owned([before, b",\"flags\":", &list(flags), after].concat())
    }

    /// Ends a document which has fields of its own, with those that are not there.
    pub(super) fn add_to(&self, document: &Document, flags: Flags, out: &mut Vec<u8>) {
        let clash = |field: &Field| document.keys().any(|theirs| clashes(&field.name, theirs));
        let tail = self.tail_after(flags);
        match document.value("log") {
            None if !self.fields.iter().any(clash) => out.extend_from_slice(&tail[1..]),
            log => {
                let log_end = self.log_end + 1 + tail.len() - self.tail.len();
                match log {
                    None => out.extend_from_slice(&tail[1..log_end]),
                    // Written like this it is the same for Elasticsearch, if theirs does not have it as well.
                    Some(log) if log.starts_with('{') => {
                        if !log.contains("\"file") && !document.has("log.file.path") {
                            out.extend_from_slice(b",\"log.file.path\":");
                            out.extend_from_slice(&self.tail[LOG.len()..self.log_end - 1]);
                        }
                        if tail.len() > self.tail.len() && !log.contains("\"flags") && !document.has("log.flags") {
                            out.extend_from_slice(b",\"log.flags\":");
                            out.extend_from_slice(&list(flags));
                        }
                    }
                    Some(_) => {}
                }
                for field in self.fields.iter().filter(|field| !clash(field)) {
                    out.extend_from_slice(&self.tail[field.start..field.end]);
                }
            }
        }
        out.extend_from_slice(if document.has("kubernetes") { b"}\n" } else { &self.end });
    }
}

/// The names of what is set.
fn list(flags: Flags) -> Vec<u8> {
    let set: Vec<&str> = flags.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    format!("[\"{}\"]", set.join("\",\"")).into_bytes()
}

/// Fixed fields, and those that are in the path: one that is in both is what the path says.
fn fields_of<'a>(input: &'a Input, path: &'a Path) -> Vec<(&'a str, Vec<u8>)> {
    let found = input.path.as_ref().and_then(|pattern| pattern.0.captures(path.as_os_str().as_bytes()));
    let in_path = |name: &str| found.as_ref()?.name(name).map(|value| value.as_bytes().to_vec());
    let fixed = |(name, value): (&'a String, &'a String)| {
        (name.as_str(), in_path(name).unwrap_or_else(|| value.as_bytes().to_vec()))
    };
    let others = captures(input).filter(|name| !input.fields.contains_key(*name));
    input.fields.iter().map(fixed).chain(others.filter_map(|name| Some((name, in_path(name)?)))).collect()
}

fn captures(input: &Input) -> impl Iterator<Item = &str> {
    input.path.iter().flat_map(|pattern| pattern.0.capture_names().flatten())
}

/// Whether the fields of an input can be together in one document.
///
/// # Errors
/// If one of them cannot be a field, or not beside another one, so that the sink would refuse every document.
pub(crate) fn check(input: &Input) -> Result<()> {
    let names: Vec<&str> = input.fields.keys().map(String::as_str).chain(captures(input)).collect();
    for name in &names {
        let plain = !name.contains(|character: char| character.is_control() || matches!(character, '"' | '\\'));
        let whole = name.split('.').all(|part| !part.trim().is_empty());
        ensure!(plain && whole, "`{}` cannot be the name of a field", name.escape_debug());
        let first = name.split('.').next().unwrap_or_default();
        ensure!(
            !RESERVED.contains(&first) || (first == "kubernetes" && first != *name),
            "the field `{name}` is what log-shipper itself says\nhint: call it `fields.{name}`"
        );
        let within = names.iter().find(|other| is_within(other, name));
        ensure!(within.is_none(), "the field `{name}` cannot be a text and have `{}` in it", within.unwrap_or(name));
    }
    Ok(())
}

/// Whether a field is a part of another one: `user.name` of `user`.
pub(super) fn is_within(part: &str, whole: &str) -> bool {
    part.strip_prefix(whole).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether a document that has the field `theirs` cannot have the text `ours`, too.
fn clashes(ours: &str, theirs: &str) -> bool {
    ours == theirs || is_within(ours, theirs) || is_within(theirs, ours)
}
