//! Events, found in the bytes of a log.

pub mod cri;
mod group;
mod groups;
mod lines;
#[cfg(test)]
mod tests;
pub mod trace;

use crate::config::{Format, Input};
use crate::event::Event;
use crate::window::{More, Window};
use groups::Groups;
use lines::{Line, Lines};
use std::ops::ControlFlow;
use trace::Rules;

/// A shorter limit would cut characters in pieces, and leave no room for what a container runtime writes before a line.
const SHORTEST: usize = 128;

/// Finds events. One is enough for all the logs of an input; what has been taken from it and is to be read again takes a
/// new one.
pub struct Decoder {
    max_line: usize,
    /// If an event may be more than a line
    groups: Option<Groups>,
}

/// How far a window has been decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// So many of its bytes are done; what follows is to be in the next window
    pub consumed: usize,
    /// Whether what follows is in the middle of a line, which its segment has to say then
    pub continues: bool,
    /// Whether lines are held back which are an event when nothing more comes: [`More::Quiet`] will bring it
    pub waiting: bool,
}

/// Where events go; one that is answered by a break has not been taken.
trait Emit {
    fn emit(&mut self, event: &Event<'_>) -> ControlFlow<()>;
}

impl<F: FnMut(&Event<'_>) -> ControlFlow<()>> Emit for F {
    #[inline]
    fn emit(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        self(event)
    }
}

impl Decoder {
    pub fn new(input: &Input) -> Self {
        let max_line = usize::try_from(input.max_line).unwrap_or(usize::MAX).max(SHORTEST);
        let cri = matches!(input.decode, Format::Cri | Format::CriJson);
        let rules = input.multiline.as_ref().map(Rules::new);
        let groups = (cri || rules.is_some()).then(|| Groups::new(cri, rules, max_line));
        Self { max_line, groups }
    }

    /// Gives the events of a window to `emit`, in order, until that breaks off: then it has not taken the event.
    pub fn decode(
        &mut self,
        window: &Window,
        more: More,
        emit: &mut impl FnMut(&Event<'_>) -> ControlFlow<()>,
    ) -> Decoded {
        match &mut self.groups {
            Some(groups) => groups.decode(window, more, emit),
            None => plain(window, Lines::new(window, more, self.max_line), emit),
        }
    }
}

/// Every line is an event.
fn plain(window: &Window, mut lines: Lines, emit: &mut impl Emit) -> Decoded {
    let mut decoded = Decoded::default();
    while let Some(line) = lines.next() {
        if !line.is_leftover() && emit.emit(&event(window, &line)).is_break() {
            break;
        }
        decoded.consumed = line.next;
        decoded.continues = !line.ended && lines.continue_after(&line);
    }
    decoded
}

/// What a line is by itself.
fn event<'a>(window: &'a Window, line: &Line) -> Event<'a> {
    let segment = &window.segments[line.segment];
    Event {
        generation: segment.generation,
        offset: segment.offset + (line.start - segment.start) as u64,
        length: line.length(),
        text: &window.bytes[line.start..line.end],
        split: line.is_split(),
        ..Event::default()
    }
}
