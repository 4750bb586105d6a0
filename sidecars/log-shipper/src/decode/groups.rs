//! Lines that are one event together: the parts that a container runtime cuts long lines into, stack traces, and
//! whatever else is logged in several lines.
//!
//! A container's two outputs share a file, so a group may have lines of others in it. Groups are given away once all
//! that reach into each other are complete: where they end, the next window can begin, and needs nothing of what was
//! before. What has to be known nevertheless is kept in [`Groups::resume`] and [`Groups::taken`].

use super::group::{Carry, Group, Record, STREAMS};
use super::lines::Lines;
use super::trace::{Rules, State};
use super::{Decoded, Emit};
use crate::event::Event;
use crate::window::{More, Window};
use std::ops::ControlFlow::{self, Break, Continue};

/// A group of one output is complete when so many lines of the others came after its last one.
const OTHERS: u32 = 32;
/// What container runtimes write before each line does not count, within these bounds
const RUNTIME: usize = 32 << 10;
/// How many logs have something in `resume` or `taken`
const REMEMBERED: usize = 1024;

pub struct Groups {
    cri: bool,
    rules: Option<Rules>,
    /// A longer text is split …
    max_text: usize,
    /// … and what takes more of a log
    max_span: usize,
    /// By where they start
    pending: Vec<Group>,
    /// Which of them is open, for each stream
    open: [Option<usize>; STREAMS],
    /// What the last group of each stream, which was split, will go on with
    carry: [Option<Carry>; STREAMS],
    /// Positions (generation and offset) where a window ended between the parts of a group
    resume: Vec<(u64, u64, [Option<Carry>; STREAMS])>,
    /// Events (generation, offset and length) which were taken, while another one that reaches into them was not
    taken: Vec<(u64, u64, u32)>,
    spare: Vec<u8>,
}

impl Groups {
    pub fn new(cri: bool, rules: Option<Rules>, max_line: usize) -> Self {
        Self {
            cri,
            rules,
            max_text: max_line,
            max_span: max_line + if cri { RUNTIME } else { 0 },
            pending: vec![],
            open: [None; STREAMS],
            carry: [None; STREAMS],
            resume: vec![],
            taken: vec![],
            spare: vec![],
        }
    }

    pub fn decode(&mut self, window: &Window, more: More, emit: &mut impl Emit) -> Decoded {
        self.pending.clear();
        self.open = [None; STREAMS];
        let from = position(window, 0);
        let resumed = self.resume.iter().find(|(generation, offset, _)| (*generation, *offset) == from);
        self.carry = resumed.map_or([None; STREAMS], |(_, _, carry)| *carry);
        let mut decoded = Decoded::default();
        let broke = self.all(window, more, &mut decoded, emit).is_break();
        self.remember(window, from, decoded.consumed);
        let is_open = |partial: bool| self.pending.iter().any(|group| group.open && group.partial == partial);
        decoded.waiting = !broke && is_open(false) && !is_open(true);
        decoded
    }

    fn all(&mut self, window: &Window, more: More, decoded: &mut Decoded, emit: &mut impl Emit) -> ControlFlow<()> {
        let mut lines = Lines::new(window, more, self.max_text);
        while let Some(line) = lines.next() {
            let continues = !line.ended && lines.continue_after(&line);
            if !line.is_leftover() {
                self.add(window, &Record::new(window, line, self.cri, continues), decoded, emit)?;
            } else if self.pending.is_empty() {
                (decoded.consumed, decoded.continues) = (line.next, continues);
            }
        }
        match more {
            More::Coming => return Continue(()),
            More::Full if decoded.consumed > 0 => return Continue(()),
            More::Full => {
                let rules = self.rules.as_ref().filter(|_| !self.cri);
                let goes_on = |group: &&Group| rules.is_some_and(|rules| rules.step(group.state, lines.unended()).0);
                self.split(self.pending.first().filter(goes_on).map(|group| group.stream));
            }
            More::Quiet => self.close(|group| !group.partial),
            More::Ended => {
                self.pending.iter_mut().for_each(|group| group.split |= group.open && group.partial);
                self.close(|_| true);
            }
        }
        self.flush(window, decoded, emit)
    }

    fn add(
        &mut self,
        window: &Window,
        record: &Record,
        decoded: &mut Decoded,
        emit: &mut impl Emit,
    ) -> ControlFlow<()> {
        let stream = record.stream;
        if self.pending.is_empty() && self.rules.is_none() && !record.partial && self.carry[stream].is_none() {
            emit.emit(&record.event(window))?;
            (decoded.consumed, decoded.continues) = record.end();
            return Continue(());
        }
        let open = self.open[stream];
        let before = open.map(|at| &self.pending[at]).map(|group| Carry { partial: group.partial, state: group.state });
        let before = before.or(self.carry[stream]);
        let (joins, state) = self.joins(window, record, before);
        if open.is_some() && !joins {
            self.close(|group| group.stream == stream);
            self.flush(window, decoded, emit)?;
        }
        let start = self.pending.first().map_or(record.line.start, Group::start);
        if record.line.next - start > self.max_span && !self.pending.is_empty() {
            self.split(joins.then_some(stream));
            self.flush(window, decoded, emit)?;
        } else if let Some(at) = self.open[stream]
            && (record.line.goes_on || self.pending[at].length_with(record) > self.max_text)
        {
            self.split_one(at);
            self.flush(window, decoded, emit)?;
        }
        let resumed = self.carry[stream].take();
        let at = if let Some(at) = self.open[stream] {
            self.pending[at].append(window, record, &mut self.spare);
            at
        } else {
            let split = record.line.is_split() || (joins && resumed.is_some());
            self.pending.push(Group::new(record, split, resumed));
            self.open[stream] = Some(self.pending.len() - 1);
            self.pending.len() - 1
        };
        self.pending[at].state = state;
        self.pending[at].partial = record.partial;
        if record.line.goes_on || (!record.partial && self.rules.is_none()) {
            self.close(|group| group.stream == stream);
        }
        if !record.partial {
            for other in self.open.iter().flatten().filter(|other| **other != at) {
                self.pending[*other].others += 1;
            }
            self.close(|group| group.others > OTHERS && !group.partial);
        }
        self.flush(window, decoded, emit)
    }

    /// Whether a line belongs to what was before it in its stream, and what has been seen then.
    fn joins(&self, window: &Window, record: &Record, before: Option<Carry>) -> (bool, State) {
        match before {
            _ if record.line.continues => (false, State::default()),
            Some(before) if before.partial => (true, before.state),
            _ => {
                let state = before.map_or(State::default(), |before| before.state);
                let (joins, state) =
                    self.rules.as_ref().map_or_else(Default::default, |rules| rules.step(state, record.text(window)));
                (joins && before.is_some(), state)
            }
        }
    }

    /// Those groups are complete.
    fn close(&mut self, which: impl Fn(&Group) -> bool) {
        for open in &mut self.open {
            if let Some(at) = *open
                && which(&self.pending[at])
            {
                self.pending[at].open = false;
                *open = None;
            }
        }
    }

    /// All groups end here, although more of them may follow; of that of `stream` it is known.
    fn split(&mut self, stream: Option<usize>) {
        for at in self.open.into_iter().flatten() {
            let group = &mut self.pending[at];
            group.split |= group.partial || stream == Some(group.stream);
            self.carry[group.stream] = Some(Carry { partial: group.partial, state: group.state });
        }
        self.close(|_| true);
    }

    fn split_one(&mut self, at: usize) {
        let group = &mut self.pending[at];
        group.split = true;
        group.open = false;
        self.carry[group.stream] = Some(Carry { partial: group.partial, state: group.state });
        self.open[group.stream] = None;
    }

    /// Gives away what is complete and not reached into.
    fn flush(&mut self, window: &Window, decoded: &mut Decoded, emit: &mut impl Emit) -> ControlFlow<()> {
        while let Some(count) = self.complete() {
            for at in 0..count {
                let event = self.pending[at].event(window, self.rules.is_some());
                if self.taken.contains(&key(&event)) {
                    continue;
                }
                if emit.emit(&event).is_break() {
                    self.taken_before(window, at);
                    return Break(());
                }
            }
            if !self.taken.is_empty() {
                let rules = self.rules.is_some();
                let done: Vec<_> = self.pending[..count].iter().map(|group| key(&group.event(window, rules))).collect();
                self.taken.retain(|taken| !done.contains(taken));
            }
            for group in self.pending.drain(..count) {
                if group.end.0 > decoded.consumed {
                    (decoded.consumed, decoded.continues) = group.end;
                }
                self.spare = group.into_memory().unwrap_or(std::mem::take(&mut self.spare));
            }
            self.open.iter_mut().flatten().for_each(|at| *at -= count);
        }
        Continue(())
    }

    /// How many of the first groups are complete, and end before the next one starts.
    fn complete(&self) -> Option<usize> {
        let mut end = 0;
        for (at, group) in self.pending.iter().enumerate() {
            if group.open {
                return None;
            }
            end = end.max(group.end.0);
            if self.pending.get(at + 1).is_none_or(|next| end <= next.start()) {
                return Some(at + 1);
            }
        }
        None
    }

    #[cold]
    fn taken_before(&mut self, window: &Window, count: usize) {
        for group in &self.pending[..count] {
            let key = key(&group.event(window, self.rules.is_some()));
            if !self.taken.contains(&key) {
                self.taken.push(key);
            }
        }
        let surplus = self.taken.len().saturating_sub(REMEMBERED);
        self.taken.drain(..surplus);
    }

    /// Notes what the next window has to know, which starts where this one has been decoded to.
    fn remember(&mut self, window: &Window, from: (u64, u64), consumed: usize) {
        if consumed == 0 {
            return;
        }
        self.resume.retain(|(generation, offset, _)| (*generation, *offset) != from);
        let mut carry = self.carry;
        for group in self.pending.iter().rev() {
            carry[group.stream] = group.resumed;
        }
        if carry.iter().any(Option::is_some) {
            let (generation, offset) = position(window, consumed);
            self.resume.push((generation, offset, carry));
            let surplus = self.resume.len().saturating_sub(REMEMBERED);
            self.resume.drain(..surplus);
        }
    }
}

fn key(event: &Event) -> (u64, u64, u32) {
    (event.generation, event.offset, event.length)
}

/// Generation and offset of a place in the window.
fn position(window: &Window, at: usize) -> (u64, u64) {
    let segment = window.segments.iter().rev().find(|segment| segment.start <= at);
    segment.map_or((0, 0), |segment| (segment.generation, segment.offset + (at - segment.start) as u64))
}
