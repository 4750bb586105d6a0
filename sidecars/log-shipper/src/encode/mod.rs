//! Events as the sink takes them.

mod action;
pub mod escape;
pub mod id;
pub(crate) mod index;
pub mod json;
pub mod kubernetes;
pub mod shape;
#[cfg(test)]
mod tests;
pub mod time;

use crate::batch::Batch;
use crate::config::{Format, Input, Output};
use crate::event::{Event, Stream};
use action::Action;
use anyhow::Result;
use escape::Escape;
use json::rewrite::{Changes, masked};
use json::{Document, Reader};
use kubernetes::Kubernetes;
use shape::Shape;
use std::borrow::Cow;
use std::path::Path;
use time::Time;

const TIMESTAMP: &[u8] = br#"{"@timestamp":""#;
const MESSAGE: &[u8] = br#"","message":""#;

/// Writes events into batches.
pub struct Encoder {
    form: Form,
    inputs: Vec<Input>,
    reader: Reader,
    writer: Writer,
}

enum Form {
    Null,
    Raw,
    Documents,
}

/// Writes documents.
struct Writer {
    /// What is before each, if anything is
    action: Option<Action>,
    escape: Escape,
    now: Time,
    /// All that is before the text of an event that has no time of its own; it carries the name of the last document
    head: Vec<u8>,
    /// Where in `head` the document starts
    document: usize,
}

/// What is to be known about a document.
type Flags = [(&'static str, bool); 4];

impl Encoder {
    /// For what comes from `inputs` and goes to `output`; `uuid` is that of the state directory.
    ///
    /// # Errors
    /// If the index has a time in it that is none.
    pub fn new(output: &Output, inputs: &[Input], uuid: [u8; 16]) -> Result<Self> {
        let (form, action) = match output {
            Output::Null(_) => (Form::Null, None),
            Output::Stdout(stdout) if stdout.raw => (Form::Raw, None),
            Output::Stdout(_) => (Form::Documents, None),
            Output::Elasticsearch(to) => (Form::Documents, Some(Action::new(to, uuid)?)),
        };
        Ok(Self { form, inputs: inputs.to_vec(), reader: Reader::default(), writer: Writer::new(action) })
    }

    /// What all documents of a log have in common: for the log of that path, of the input of that number.
    pub fn shape(&self, input: usize, path: &Path, kubernetes: &Kubernetes) -> Shape {
        Shape::new(input, &self.inputs[input], path, kubernetes)
    }

    /// It is now: what is encoded from now on was read just before.
    pub fn now(&mut self) {
        self.writer.now();
    }

    /// Appends an event to a batch, unless it is none that is to be shipped; returns whether it was.
    pub fn encode(&mut self, event: &Event, shape: &Shape, batch: &mut Batch) -> bool {
        let input = &self.inputs[shape.input];
        if !input.lines.take(event.text) {
            return false;
        }
        match self.form {
            Form::Null => {
                batch.count();
                return true;
            }
            Form::Raw => {
                batch.body.extend_from_slice(&masked(event.text, input.mask.iter()));
                batch.body.push(b'\n');
            }
            Form::Documents => {
                let is_json = matches!(input.decode, Format::Json | Format::CriJson);
                if !is_json || !self.object(event, shape, &mut batch.body) {
                    self.text(event, shape, is_json, &mut batch.body);
                }
            }
        }
        batch.seal();
        true
    }

    /// Writes an event that is a JSON object; whether it is one.
    fn object(&mut self, event: &Event, shape: &Shape, out: &mut Vec<u8>) -> bool {
        let input = &self.inputs[shape.input];
        let text = str::from_utf8(event.text).map_or_else(|_| String::from_utf8_lossy(event.text), Cow::Borrowed);
        let Some(document) = self.reader.read(&text, &input.time, &Changes::of(input), &mut self.writer.escape) else {
            return false;
        };
        self.writer.object(event, shape, &document, matches!(text, Cow::Owned(_)), out);
        true
    }

    /// Writes an event as a message.
    fn text(&mut self, event: &Event, shape: &Shape, not_json: bool, out: &mut Vec<u8>) {
        let masks = &self.inputs[shape.input].mask;
        if masks.is_empty() {
            self.writer.text(event, shape, not_json, out);
        } else {
            // What cannot be looked for in its field is looked for everywhere.
            let text = masked(event.text, masks.iter());
            self.writer.text(&Event { text: &text, ..event.clone() }, shape, not_json, out);
        }
    }
}

impl Writer {
    fn new(action: Option<Action>) -> Self {
        let mut writer = Self { action, escape: Escape::default(), now: Time::now(), head: vec![], document: 0 };
        writer.now();
        writer
    }

    fn now(&mut self) {
        self.now = Time::now();
        self.head.clear();
        if let Some(action) = &mut self.action {
            action.write(&mut self.head, self.now);
        }
        self.document = self.head.len();
        self.head.extend_from_slice(TIMESTAMP);
        self.head.extend_from_slice(&self.now.text());
        self.head.extend_from_slice(MESSAGE);
    }

    fn now_text(&self) -> &[u8] {
        &self.head[self.document + TIMESTAMP.len()..self.head.len() - MESSAGE.len()]
    }

    fn text(&mut self, event: &Event, shape: &Shape, not_json: bool, out: &mut Vec<u8>) {
        match event.time {
            None => {
                if let Some(action) = &mut self.action {
                    action.name(&mut self.head[..self.document], event);
                }
                out.extend_from_slice(&self.head);
            }
            Some(time) => {
                self.action(event, || Time::parse(time.as_bytes()).map(|written| written.time), out);
                out.extend_from_slice(TIMESTAMP);
                out.extend_from_slice(time.as_bytes());
                out.extend_from_slice(MESSAGE);
            }
        }
        let valid = self.escape.append(out, event.text);
        if let Some(stream) = event.stream {
            out.push(b'"');
            out.extend_from_slice(field(stream));
            out.extend_from_slice(&shape.tail_after(flags(event, not_json, !valid))[1..]);
        } else {
            out.extend_from_slice(&shape.tail_after(flags(event, not_json, !valid)));
        }
        out.extend_from_slice(&shape.end);
    }

    fn object(&mut self, event: &Event, shape: &Shape, document: &Document, invalid: bool, out: &mut Vec<u8>) {
        let noted = || event.time.and_then(|time| Time::parse(time.as_bytes())).map(|written| written.time);
        self.action(event, || document.time.map(|written| written.time).or_else(noted), out);
        if document.stays {
            out.push(b'{');
        } else {
            out.extend_from_slice(TIMESTAMP);
            match (document.time, event.time) {
                (Some(written), _) => out.extend_from_slice(&written.time.text()),
                (None, Some(noted)) => out.extend_from_slice(noted.as_bytes()),
                (None, None) => out.extend_from_slice(self.now_text()),
            }
            out.push(b'"');
        }
        document.fields(out);
        if let Some(stream) = event.stream
            && !document.keys().any(|key| key == "stream" || shape::is_within(key, "stream"))
        {
            out.extend_from_slice(field(stream));
        }
        shape.add_to(document, flags(event, false, invalid), out);
    }

    /// Writes what is before the document.
    fn action(&mut self, event: &Event, time: impl FnOnce() -> Option<Time>, out: &mut Vec<u8>) {
        let Some(action) = &mut self.action else { return };
        if action.is_dated() {
            action.write(out, time().unwrap_or(self.now));
        } else {
            out.extend_from_slice(&self.head[..self.document]);
        }
        action.name(out, event);
    }
}

fn field(stream: Stream) -> &'static [u8] {
    match stream {
        Stream::Stdout => br#","stream":"stdout""#,
        Stream::Stderr => br#","stream":"stderr""#,
    }
}

#[inline]
fn flags(event: &Event, not_json: bool, invalid: bool) -> Flags {
    [("split", event.split), ("not-cri", event.not_cri), ("not-json", not_json), ("invalid-utf8", invalid)]
}
