//! One log: the file at a path, and those that were there before and have not been read to their end.

use crate::batch::Batch;
use crate::input::generation::Generation;
use crate::input::lag::Lag;
use crate::input::source::Source;
use crate::window::{More, Segment, Window};
use chassis::message;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So long after a file that is not written to any more was last seen to grow, what has no end in it is all.
pub const SETTLED: Duration = Duration::from_secs(1);

pub struct Log {
    pub path: Arc<Path>,
    /// Where the path leads to, if it is a symbolic link
    pub target: Option<PathBuf>,
    /// Which input of the configuration it is of
    pub input: usize,
    /// Oldest first
    pub generations: VecDeque<Generation>,
    /// Whether the last one is in the file at `path`
    pub live: bool,
    /// When the youngest of its files was last written to, as far as it had been seen when all others were known for what
    /// they are: one that comes and is rotated while nobody looks is no older
    pub since: Option<u64>,
    /// Those before it have been read to their end
    pub current: usize,
    /// It is in the queue of those that may have unread bytes
    pub queued: bool,
    /// What it has must be compared with what the directory has
    pub doubtful: bool,
    /// That failed, for a reason of which nobody tells when it has gone
    pub unsettled: bool,
    /// When to look at it again, if nothing happens before
    pub again: Option<Instant>,
    /// When what has no end in a file that was rotated is all, as the last filling found
    pub settle: Option<Instant>,
    /// How many bytes a window must be able to hold for what begins at its current place
    pub room: usize,
    /// When a group without an end was first seen at its current place
    pub waiting: Option<Instant>,
    /// No input is about it any more
    pub left: bool,
    /// Its file could not be opened, for the reason that was told: there may be anything in it
    pub unread: bool,
    pub lag: Rc<Lag>,
    /// The last error that was told, so that it is told once
    pub told: Option<String>,
}

/// What [`Log::fill`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Filled {
    /// The window has all there is until now, or as much as it may hold
    Bytes { full: bool },
    /// The file of this generation does not hold any more what was read from it
    Changed(usize),
}

impl Log {
    pub fn new(path: Arc<Path>, input: usize) -> Self {
        let lag = Rc::new(Lag::new(path.clone()));
        Self {
            path,
            target: None,
            input,
            generations: VecDeque::new(),
            live: false,
            since: None,
            current: 0,
            queued: false,
            doubtful: true,
            unsettled: false,
            again: None,
            settle: None,
            room: 0,
            waiting: None,
            left: false,
            unread: false,
            lag,
            told: None,
        }
    }

    /// Fills `window` with what has not been decoded yet, `room` bytes at most. At the end, nobody waits for more of a line.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn fill(&mut self, window: &mut Window, room: usize, ending: bool) -> io::Result<Filled> {
        window.clear();
        self.settle = None;
        while self.current + 1 < self.generations.len() && self.generations[self.current].source.is_none() {
            self.current += 1;
        }
        let last = self.generations.len().saturating_sub(1);
        let mut failed = None;
        for (index, generation) in self.generations.iter_mut().enumerate().skip(self.current) {
            let start = window.bytes.len();
            let left = room - start;
            let offset = generation.offset;
            let read = match generation.read(&mut window.bytes, left) {
                Ok(Some(read)) => read,
                Ok(None) => return Ok(Filled::Changed(index)),
                // A rotated file that cannot be read keeps no other one from being shipped.
                Err(error) if index < last => {
                    window.bytes.truncate(start);
                    failed.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(damage) = generation.source.as_mut().and_then(Source::damage) {
                message::warning(format_args!(
                    "a rotated and compressed file of {} is damaged: {damage}; what it had from offset {} on is lost",
                    self.path.display(),
                    offset + read as u64
                ));
            }
            if read > 0 {
                let continues = !generation.tail.whole_line;
                window.segments.push(Segment { start, generation: generation.number, offset, continues });
            }
            if read == left {
                return Ok(Filled::Bytes { full: true });
            }
            // Whoever writes to it may be in the middle of a line.
            let whole = window.bytes.last().is_none_or(|last| *last == b'\n');
            if index < last && !whole && !ending && generation.grown.elapsed() < SETTLED {
                self.settle = Some(generation.grown + SETTLED);
                break;
            }
        }
        match failed {
            Some(error) if window.bytes.is_empty() => Err(error),
            _ => Ok(Filled::Bytes { full: false }),
        }
    }

    /// The first `consumed` bytes of `window` have been decoded, and are in `batch` or left out.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn advance(&mut self, window: &Window, consumed: usize, batch: &mut Batch) -> io::Result<()> {
        for (index, segment) in window.segments.iter().enumerate() {
            if segment.start >= consumed {
                break;
            }
            let end = window.segments.get(index + 1).map_or(window.bytes.len(), |next| next.start);
            let Some(generation) = self.generations.iter_mut().find(|one| one.number == segment.generation) else {
                continue;
            };
            generation.advance(&window.bytes[segment.start..end.min(consumed)])?;
            batch.reached(generation.number, generation.offset);
        }
        batch.read += consumed as u64;
        // One that will not be written to any more is done with when it has been read, though nobody waits for that here.
        while self.current + 1 < self.generations.len() && self.generations[self.current].all_read() {
            self.current += 1;
        }
        Ok(())
    }

    /// What may follow the bytes of a window that was not full.
    pub fn more(&self, flush_after: Option<Duration>, ending: bool) -> More {
        let is_over = |last: &Generation| last.identity.is_none() || last.grown.elapsed() >= SETTLED;
        let gone = !self.live && self.generations.back().is_none_or(is_over);
        if ending || gone {
            return More::Ended;
        }
        match (self.waiting, flush_after) {
            (Some(since), Some(flush_after)) if since.elapsed() >= flush_after => More::Quiet,
            _ => More::Coming,
        }
    }

    /// Whether it comes through a pipe and less than `most` bytes of it wait.
    pub fn wants_more(&self, most: usize) -> bool {
        let source = self.generations.back().and_then(|generation| generation.source.as_ref());
        self.live && matches!(source, Some(Source::Pipe(pipe)) if pipe.len() < most)
    }

    /// Everything that has not been shipped is to be read again.
    pub fn rewind(&mut self) {
        for generation in &mut self.generations {
            generation.rewind();
        }
        self.current = 0;
        self.room = 0;
        self.waiting = None;
    }

    /// How much the sink does not have yet is to be told; `shipped` says whether it has got something.
    pub fn note_lag(&self, shipped: bool) {
        self.lag.set(self.behind(), shipped);
    }

    pub fn behind(&self) -> u64 {
        self.generations.iter().map(Generation::behind).sum()
    }
}
