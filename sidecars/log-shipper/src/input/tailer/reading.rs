//! Reading what the logs have, and keeping account of what was read and shipped.

use crate::batch::Batch;
use crate::input::generation::Generation;
use crate::input::log::{Filled, SETTLED};
use crate::input::tailer::Tailer;
use crate::positions::Record;
use crate::route::Passed;
use crate::window::{More, Window};
use chassis::message;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// A window holds so much, or as much as the longest line.
pub(super) const WINDOW: usize = 128 << 10;

/// What [`Tailer::read`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// The window is to be decoded
    Window(More),
    /// Nothing for now
    Nothing,
}

impl Tailer {
    /// The next log that may have unread bytes, is free to be read, and can be recognised after a crash.
    pub fn next(&mut self, is_free: impl Fn(usize) -> bool) -> Option<usize> {
        for _ in 0..self.queue.len() {
            let id = self.queue.pop_front()?;
            if is_free(id) && self.prepare(id) {
                self.logs[id].queued = false;
                if self.logs[id].generations.is_empty() {
                    self.retire(id);
                    continue;
                }
                return Some(id);
            }
            self.queue.push_back(id);
        }
        None
    }

    /// Takes the fingerprint of files that were empty before. Returns whether all that may be read is recorded.
    fn prepare(&mut self, id: usize) -> bool {
        let generations = &mut self.logs[id].generations;
        for generation in generations.iter_mut() {
            // If it cannot be read now, it will be tried again when it is.
            let _ = generation.look();
        }
        generations.iter().all(|generation| generation.recorded || generation.fingerprint.length == 0)
    }

    /// Whether something has to be recorded before it is read.
    pub fn must_save(&self) -> bool {
        let logs = self.queue.iter().map(|id| &self.logs[*id]);
        logs.flat_map(|log| &log.generations)
            .any(|generation| !generation.recorded && generation.fingerprint.length > 0)
    }

    /// Whether nothing is known to be unread.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.doubtful.is_empty() && self.no_turns_left()
    }

    /// So many bytes a window of this log can have: its longest line, and what tells that it is longer.
    pub(super) fn largest_window(&self, id: usize) -> usize {
        let longest = self.inputs[self.logs[id].input].1.max_line;
        usize::try_from(longest).unwrap_or(usize::MAX).saturating_add(WINDOW / 2)
    }

    /// Fills `window` with the unread bytes of a log.
    pub fn read(&mut self, id: usize, window: &mut Window, ending: bool) -> Read {
        let largest = self.largest_window(id);
        let log = &mut self.logs[id];
        let was_closed = |one: &Generation| one.source.is_none() && one.identity.is_some() && !one.all_read();
        if !log.unread && log.generations.iter().any(was_closed) {
            self.doubt(id);
            return Read::Nothing;
        }
        let room = WINDOW.max(log.room);
        let flush_after = self.inputs[log.input].1.multiline.as_ref().map(|multiline| multiline.flush_after);
        match log.fill(window, room, ending) {
            Ok(Filled::Bytes { full: true }) => Read::Window(if room >= largest { More::Full } else { More::Coming }),
            Ok(Filled::Bytes { full: false }) => {
                let more = log.more(flush_after, ending);
                if let Some(again) = log.settle {
                    self.look_again(id, again);
                }
                Read::Window(more)
            }
            Ok(Filled::Changed(index)) => {
                let generation = &mut log.generations[index];
                self.readers.remove(generation);
                generation.detach();
                self.doubt(id);
                Read::Nothing
            }
            Err(error) => {
                let text = format!("cannot read {}: {error}", log.path.display());
                if log.told.as_ref() != Some(&text) {
                    message::warning(format_args!("{text}; it is tried again"));
                    log.told = Some(text);
                }
                self.look_again(id, Instant::now() + SETTLED);
                Read::Nothing
            }
        }
    }

    /// `window`, which is of this log, has been decoded into `batch`.
    pub fn decoded(&mut self, id: usize, window: &Window, passed: &Passed, batch: &mut Batch) {
        let Passed { consumed, waiting, stopped } = *passed;
        let full = window.bytes.len() >= WINDOW.max(self.logs[id].room);
        let largest = self.largest_window(id);
        let flush_after =
            self.inputs[self.logs[id].input].1.multiline.as_ref().map_or(SETTLED, |multiline| multiline.flush_after);
        let log = &mut self.logs[id];
        if let Err(error) = log.advance(window, consumed, batch) {
            message::warning(format_args!("cannot read {}: {error}", log.path.display()));
            self.doubt(id);
        }
        let log = &mut self.logs[id];
        log.note_lag(false);
        if stopped || full {
            log.room = if consumed == 0 && !stopped { (log.room.max(WINDOW) * 2).min(largest) } else { 0 };
            log.waiting = None;
            return self.enqueue(id);
        }
        if consumed > 0 {
            log.waiting = None;
        }
        if waiting {
            let since = *log.waiting.get_or_insert_with(Instant::now);
            self.look_again(id, since + flush_after);
        } else if !log.live && log.generations.iter().any(|generation| !generation.all_read()) {
            // What has no end yet gets none: it is read as it is when it has settled.
            self.look_again(id, Instant::now() + SETTLED);
        }
    }

    /// Of which input a log is, and where it is.
    pub fn whose(&self, id: usize) -> (usize, usize, &Arc<Path>) {
        (id, self.logs[id].input, &self.logs[id].path)
    }

    /// What has no end yet is to be read once more, everywhere.
    pub fn read_all_again(&mut self) {
        for id in 0..self.logs.len() {
            if self.logs[id].generations.iter().any(|generation| !generation.all_read()) {
                self.enqueue(id);
            }
        }
    }

    /// The sink has everything in a batch with this reach.
    pub fn shipped(&mut self, reach: &[(u64, u64)]) {
        for (number, offset) in reach {
            let Some(id) = self.by_generation.get(number).copied() else {
                self.rescued(*number, *offset);
                continue;
            };
            let log = &mut self.logs[id];
            let old = log.generations.len() - usize::from(log.live);
            let mut was_old = false;
            if let Some(at) = log.generations.iter().position(|generation| generation.number == *number) {
                log.generations[at].ship(*offset);
                was_old = at < old;
            }
            log.note_lag(true);
            if was_old {
                self.look_again(id, Instant::now() + SETTLED);
            }
        }
    }

    /// What is to be kept of what has been shipped, and the number for the next generation.
    pub fn records(&self) -> (Vec<Record>, u64) {
        let mut records = self.strangers.clone();
        for log in &self.logs {
            records.extend(log.generations.iter().filter_map(|generation| generation.record(&log.path)));
        }
        records.sort_unstable_by_key(|record| record.generation);
        (records, self.next_generation)
    }

    /// What [`Tailer::records`] told is on the disk, all with a number below `next`.
    pub fn recorded(&mut self, records: &[Record]) {
        for record in records {
            let Some(id) = self.by_generation.get(&record.generation).copied() else { continue };
            for generation in &mut self.logs[id].generations {
                if generation.number == record.generation {
                    generation.recorded = true;
                }
            }
        }
    }

    /// What has not been shipped, and logs that cannot be read, each as it is to be told.
    pub fn left(&self) -> Vec<String> {
        let mut left = vec![];
        for log in &self.logs {
            let path = log.path.display();
            for generation in &log.generations {
                let (offset, behind) = (generation.shipped.0, generation.behind());
                if behind > 0 {
                    left.push(format!("{path} from offset {offset} ({behind} bytes)"));
                } else if !generation.all_read() {
                    // Of a compressed file, one knows how much it has when one has read it.
                    left.push(format!("{path} from offset {offset}"));
                }
            }
            if let Some(why) = log.told.as_ref().filter(|_| log.unread && !log.left) {
                left.push(why.clone());
            }
        }
        left
    }
}
