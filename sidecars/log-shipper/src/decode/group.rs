//! A line that is understood, and lines that are one event together. What is in the window is not copied: it is told by
//! where it starts and ends there.

use super::cri;
use super::event;
use super::lines::{Line, length};
use super::trace::State;
use crate::event::{Event, Stream};
use crate::window::Window;

/// How many streams there are: stdout, stderr, and what is of neither
pub const STREAMS: usize = 3;

/// A line, understood.
pub struct Record {
    pub line: Line,
    pub stream: usize,
    text: (usize, usize),
    time: Option<(usize, usize)>,
    /// Whether it goes on in the next record of its stream
    pub partial: bool,
    not_cri: bool,
    /// Whether it ends in the middle of a line
    continues: bool,
}

impl Record {
    pub fn new(window: &Window, line: Line, cri: bool, continues: bool) -> Self {
        let bytes = &window.bytes[line.start..line.end];
        // Only the beginning of a line says what it is.
        let expected = cri && !line.continues;
        let entry = if expected { cri::parse(bytes) } else { None };
        let start = line.end - entry.map_or(bytes.len(), |entry| entry.text.len());
        Self {
            line,
            stream: entry.map_or(STREAMS - 1, |entry| usize::from(entry.stream == Stream::Stderr)),
            text: (start, line.end),
            time: entry.map(|entry| (line.start, line.start + entry.time.len())),
            partial: entry.is_some_and(|entry| entry.partial && !line.goes_on),
            not_cri: expected && entry.is_none(),
            continues,
        }
    }

    pub fn text<'a>(&self, window: &'a Window) -> &'a [u8] {
        &window.bytes[self.text.0..self.text.1]
    }

    /// The event that it is alone.
    pub fn event<'a>(&self, window: &'a Window) -> Event<'a> {
        Event {
            text: self.text(window),
            time: time(window, self.time),
            stream: stream(self.stream),
            not_cri: self.not_cri,
            ..event(window, &self.line)
        }
    }

    /// Where the next window can begin after it, and whether that is in the middle of a line.
    pub fn end(&self) -> (usize, bool) {
        (self.line.next, self.continues)
    }
}

/// How a group was when it was split.
#[derive(Clone, Copy)]
pub struct Carry {
    /// Whether that was within a line
    pub partial: bool,
    pub state: State,
}

/// Lines that are one event, so far.
pub struct Group {
    pub stream: usize,
    first: Line,
    /// As [`Record::end`] of its last line
    pub end: (usize, bool),
    /// Its text, where that is in the window as it has to be …
    text: (usize, usize),
    /// … and where not
    joined: Option<Vec<u8>>,
    lines: usize,
    time: Option<(usize, usize)>,
    not_cri: bool,
    pub split: bool,
    /// Whether more lines may belong to it
    pub open: bool,
    /// Whether its last line goes on
    pub partial: bool,
    pub state: State,
    /// Lines of other streams since its last one
    pub others: u32,
    /// What it goes on with, if it is a part of a larger one
    pub resumed: Option<Carry>,
}

impl Group {
    pub fn new(record: &Record, split: bool, resumed: Option<Carry>) -> Self {
        Self {
            stream: record.stream,
            first: record.line,
            end: record.end(),
            text: record.text,
            joined: None,
            lines: 1,
            time: record.time,
            not_cri: record.not_cri,
            split,
            open: true,
            partial: record.partial,
            state: State::default(),
            others: 0,
            resumed,
        }
    }

    pub fn start(&self) -> usize {
        self.first.start
    }

    /// How long its text would be with another line.
    pub fn length_with(&self, record: &Record) -> usize {
        let length = self.joined.as_ref().map_or(self.text.1 - self.text.0, Vec::len);
        length + usize::from(!self.partial) + record.text.1 - record.text.0
    }

    /// Adds a line; `spare` is memory for the text, if it has to be copied.
    pub fn append(&mut self, window: &Window, record: &Record, spare: &mut Vec<u8>) {
        let newline = !self.partial;
        // One that follows in the window, with nothing but a newline between, needs no copy.
        let follows = record.text.0 == self.text.1 + 1 && record.text.0 == self.end.0;
        if newline && follows && self.joined.is_none() {
            self.text.1 = record.text.1;
        } else {
            let joined = self.joined.get_or_insert_with(|| {
                let mut joined = std::mem::take(spare);
                joined.clear();
                joined.extend_from_slice(&window.bytes[self.text.0..self.text.1]);
                joined
            });
            joined.extend(newline.then_some(b'\n'));
            joined.extend_from_slice(record.text(window));
        }
        self.end = record.end();
        self.lines += 1;
        self.others = 0;
    }

    /// The event. With `any_number` it could have been another one, if it had ended elsewhere.
    pub fn event<'a>(&'a self, window: &'a Window, any_number: bool) -> Event<'a> {
        let is_line = !any_number && self.lines == 1 && !self.split;
        Event {
            text: self.joined.as_deref().unwrap_or(&window.bytes[self.text.0..self.text.1]),
            length: if is_line { self.first.length() } else { length(self.end.0 - self.first.start) },
            time: time(window, self.time),
            stream: stream(self.stream),
            split: self.split,
            not_cri: self.not_cri,
            ..event(window, &self.first)
        }
    }

    /// The memory of its text, if it has some.
    pub fn into_memory(self) -> Option<Vec<u8>> {
        self.joined
    }
}

fn time(window: &Window, place: Option<(usize, usize)>) -> Option<&str> {
    str::from_utf8(&window.bytes[place?.0..place?.1]).ok()
}

fn stream(stream: usize) -> Option<Stream> {
    [Some(Stream::Stdout), Some(Stream::Stderr)].get(stream).copied()?
}
