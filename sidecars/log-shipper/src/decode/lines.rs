//! Lines, as they are in a window.

use crate::window::{More, Window};
use memchr::memchr;

/// A line, or a part of one that is too long. Positions are in the window's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Which of the window's segments it is in
    pub segment: usize,
    pub start: usize,
    /// Where its text ends
    pub end: usize,
    /// Where the next one starts
    pub next: usize,
    /// Whether it has an end of its own, a newline
    pub ended: bool,
    /// Whether its beginning has been another part
    pub continues: bool,
    /// Whether its rest will be another part
    pub goes_on: bool,
}

impl Line {
    /// Whether it is what was left of a line that ended where its last part did: an end, and nothing else.
    pub fn is_leftover(&self) -> bool {
        self.continues && self.start == self.end
    }

    pub fn is_split(&self) -> bool {
        self.continues || self.goes_on
    }

    /// As [`crate::event::Event::length`] has it.
    pub fn length(&self) -> u32 {
        if self.ended && !self.continues { 0 } else { length(self.next - self.start) }
    }
}

/// What is in a window is far below 4 GiB.
pub fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The lines of a window, in order. Those longer than `max` bytes come in parts, always at the same places, wherever the
/// window begins and ends: a part is cut off as soon as what follows is known to be too long.
pub struct Lines<'a> {
    window: &'a Window,
    more: More,
    max: usize,
    segment: usize,
    /// Where the segment ends
    end: usize,
    at: usize,
    continues: bool,
}

impl<'a> Lines<'a> {
    pub fn new(window: &'a Window, more: More, max: usize) -> Self {
        let continues = window.segments.first().is_some_and(|first| first.continues);
        let mut lines = Self { window, more, max, segment: 0, end: 0, at: 0, continues };
        lines.end = lines.end_of(0);
        lines
    }

    /// What has no end in the window, and may get one.
    pub fn unended(&self) -> &'a [u8] {
        &self.window.bytes[self.at..self.end]
    }

    /// Whether the next line begins in the middle of one, where this one has no end of its own.
    #[cold]
    pub fn continue_after(&self, line: &Line) -> bool {
        match self.window.segments.get(line.segment + 1) {
            Some(next) if next.start == line.next => next.continues,
            _ => true,
        }
    }

    fn end_of(&self, segment: usize) -> usize {
        self.window.segments.get(segment + 1).map_or(self.window.bytes.len(), |next| next.start)
    }

    fn is_last(&self) -> bool {
        self.segment + 1 >= self.window.segments.len()
    }

    /// A line whose end has been looked for in `rest`.
    #[cold]
    #[inline(never)]
    fn unusual(&mut self, rest: &[u8], newline: Option<usize>) -> Option<Line> {
        let whole = match newline {
            Some(newline) => Some((newline, true)),
            None if self.more == More::Ended || !self.is_last() => Some((rest.len(), false)),
            None => None,
        };
        if let Some((length, ended)) = whole {
            let text = without_return(&rest[..length]);
            if text <= self.max {
                return Some(self.line(text, length + usize::from(ended), ended, false));
            }
        }
        // One byte more than allowed may be the first of CRLF, two can not. A full window is larger than that.
        let too_long = whole.is_some() || rest.len() > self.max + 1 || (self.more == More::Full && self.at == 0);
        too_long.then(|| {
            let part = cut(rest, self.max);
            self.line(part, part, false, true)
        })
    }

    fn line(&mut self, text: usize, length: usize, ended: bool, goes_on: bool) -> Line {
        let start = self.at;
        self.at += length;
        let continues = std::mem::replace(&mut self.continues, goes_on);
        Line { segment: self.segment, start, end: start + text, next: self.at, ended, continues, goes_on }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    #[inline]
    fn next(&mut self) -> Option<Line> {
        while self.at == self.end {
            if self.is_last() {
                return None;
            }
            self.segment += 1;
            self.end = self.end_of(self.segment);
            self.continues = self.window.segments[self.segment].continues;
        }
        let rest = &self.window.bytes[self.at..self.end];
        match memchr(b'\n', rest) {
            Some(newline) if newline <= self.max => {
                let text = without_return(&rest[..newline]);
                Some(self.line(text, newline + 1, true, false))
            }
            newline => self.unusual(rest, newline),
        }
    }
}

/// How long it is without the first half of CRLF.
fn without_return(line: &[u8]) -> usize {
    line.len() - usize::from(line.last() == Some(&b'\r'))
}

/// Where to cut what is longer than `max`: not within a character, if it is UTF-8.
fn cut(bytes: &[u8], max: usize) -> usize {
    let max = max.min(bytes.len());
    let is_within = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
    (max.saturating_sub(3).max(1)..=max).rev().find(|at| !is_within(*at)).unwrap_or(max)
}
