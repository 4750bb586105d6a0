//! Files that are not at their log's path any more: read on while somebody writes to them, and let go when all is shipped.

use crate::input::generation::Generation;
use crate::input::log::SETTLED;
use crate::input::source::Source;
use crate::input::tailer::Tailer;
use crate::input::tailer::stranded::Stranded;
use chassis::message;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// So long after it was last seen to grow, a removed file is let go, and a renamed one is closed.
const LET_GO: Duration = Duration::from_secs(5);
const REST: Duration = Duration::from_mins(1);

impl Tailer {
    /// Looks at the files of a log that are not at its path any more.
    pub(super) fn look_after(&mut self, id: usize) {
        if self.logs[id].unsettled {
            self.doubt(id);
        }
        let log = &mut self.logs[id];
        log.generations.iter_mut().for_each(Generation::refresh);
        let old = log.generations.len() - usize::from(log.live);
        let olds = || log.generations.iter().take(old);
        if let Some(unread) = olds().position(|generation| !generation.all_read()) {
            log.current = log.current.min(unread);
        }
        let is_over = |generation: &Generation| {
            generation.all_shipped() && !generation.linked && generation.grown.elapsed() >= LET_GO
        };
        let is_done = |generation: &Generation| {
            let grows = generation.source.as_ref().is_some_and(Source::is_plain);
            generation.all_shipped() && generation.linked && (!grows || generation.grown.elapsed() >= REST)
        };
        let mut over = false;
        for generation in log.generations.iter_mut().take(old) {
            if is_over(generation) {
                // It may have been compressed: then it is to be known there, too.
                over = true;
                self.readers.remove(generation);
                generation.detach();
            } else if generation.source.is_some() && is_done(generation) {
                generation.rest();
            }
        }
        // Of what happens to a file without a name nobody is told.
        let open = log.generations.iter().take(old).filter(|generation| generation.source.is_some());
        let next =
            open.map(|generation| if generation.linked { generation.grown + REST } else { Instant::now() }).min();
        log.note_lag(false);
        if over {
            self.doubt(id);
        }
        self.enqueue(id);
        if let Some(next) = next {
            self.look_again(id, next.max(Instant::now() + SETTLED));
        }
    }

    /// Removed files that have not been read hold space on their volume. The oldest are held, as far as the limit goes.
    pub(super) fn let_go_of_most(&mut self) {
        let mut held: Vec<(u64, u64, usize)> = vec![];
        for (id, log) in self.logs.iter().enumerate() {
            let old = log.generations.len() - usize::from(log.live);
            let unread =
                log.generations.iter().take(old).filter(|generation| !generation.all_read() && !generation.linked);
            held.extend(unread.map(|generation| (generation.number, generation.size, id)));
        }
        held.sort_unstable();
        let mut sum: u64 = 0;
        for (number, size, id) in held {
            if sum.saturating_add(size) <= self.hold_deleted {
                sum += size;
                continue;
            }
            let Some(generation) = self.forget(id, number) else { continue };
            let lost = generation.size.saturating_sub(generation.offset);
            self.lost += lost;
            message::warning(format_args!(
                "let go of a removed file of {}, with {lost} bytes that were not shipped: more than --hold-deleted was \
                 held\nhint: a larger one holds more",
                self.logs[id].path.display()
            ));
        }
    }

    /// Takes a generation out of a log.
    fn forget(&mut self, id: usize, number: u64) -> Option<Generation> {
        let log = &mut self.logs[id];
        let at = log.generations.iter().position(|generation| generation.number == number)?;
        log.current -= usize::from(at < log.current);
        let generation = log.generations.remove(at)?;
        log.note_lag(false);
        self.by_generation.remove(&number);
        self.stranded.extend(Stranded::of(&generation, &log.path));
        self.readers.remove(&generation);
        Some(generation)
    }

    /// A log of which nothing is left makes room for another one: pods come and go.
    pub(super) fn retire(&mut self, id: usize) {
        let log = &mut self.logs[id];
        let is_needed = log.live
            || !log.generations.is_empty()
            || log.queued
            || log.doubtful
            || log.again.is_some()
            || log.told.is_some();
        if is_needed || std::mem::replace(&mut log.left, true) {
            return;
        }
        let (path, lag) = (log.path.clone(), log.lag.clone());
        self.targets.change(id, log.target.take().as_deref(), None);
        self.lags.borrow_mut().retain(|known| !Rc::ptr_eq(known, &lag));
        if self.by_path.get(&path) == Some(&id) {
            self.by_path.remove(&path);
        }
        self.vacant.push(id);
    }
}
