//! All logs, and which of them has something to read.

mod changes;
mod discovery;
mod parting;
mod piped;
mod readers;
mod reading;
mod recalling;
mod reconfigure;
mod stranded;
mod targets;
#[cfg(test)]
mod tests;
mod turns;

pub use reading::Read;

use crate::config::Input;
use crate::input::lag::Lags;
use crate::input::log::Log;
use crate::input::patterns::Patterns;
use crate::input::stdin::Stdin;
use crate::input::watch::{Change, Watcher};
use crate::positions::{Positions, Record};
use changes::RESCAN;
use chassis::exit::Usage;
use readers::Readers;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use stranded::Stranded;
use targets::Targets;

/// All logs, by a number for each.
pub struct Tailer {
    inputs: Vec<(Patterns, Input)>,
    watcher: Watcher,
    changes: Vec<Change>,
    logs: Vec<Log>,
    /// Numbers of logs that are no more
    vacant: Vec<usize>,
    by_path: HashMap<Arc<Path>, usize>,
    readers: Readers,
    targets: Targets,
    by_generation: HashMap<u64, usize>,
    /// Those that may have unread bytes
    queue: VecDeque<usize>,
    /// Those to be compared with their directory
    doubtful: Vec<usize>,
    /// Those of them that found a file which another log seems to read
    disputed: Vec<usize>,
    /// Those of them that wait for a descriptor, and whether they were there at the first start
    waiting: VecDeque<(usize, bool)>,
    /// Some had to wait, which has been told
    takes_turns: bool,
    again: BTreeSet<(Instant, usize)>,
    rescan: Option<Instant>,
    next_look: Instant,
    /// Of files that no input is about any more
    strangers: Vec<Record>,
    stranded: Vec<Stranded>,
    next_generation: u64,
    first_start: bool,
    hold_deleted: u64,
    /// And the log that comes through it
    stdin: Option<(Stdin, usize)>,
    /// Of all logs
    pub lags: Lags,
    /// Bytes that were gone before they could be read
    pub lost: u64,
}

impl Tailer {
    /// To be made in a runtime.
    ///
    /// # Errors
    /// When a pattern is none.
    pub fn new(inputs: &[Input], positions: Option<Positions>, hold_deleted: u64) -> Result<Self, Usage> {
        let patterns =
            inputs.iter().map(|input| Ok((Patterns::new(input)?, input.clone()))).collect::<Result<_, Usage>>()?;
        let mut tailer = Self {
            inputs: patterns,
            watcher: Watcher::new(),
            changes: vec![],
            logs: vec![],
            vacant: vec![],
            by_path: HashMap::new(),
            readers: Readers::default(),
            targets: Targets::default(),
            by_generation: HashMap::new(),
            queue: VecDeque::new(),
            doubtful: vec![],
            disputed: vec![],
            waiting: VecDeque::new(),
            takes_turns: false,
            again: BTreeSet::new(),
            rescan: None,
            next_look: Instant::now() + RESCAN,
            strangers: vec![],
            stranded: vec![],
            next_generation: positions.as_ref().map_or(1, |positions| positions.next),
            first_start: positions.is_none(),
            hold_deleted,
            stdin: None,
            lags: Lags::default(),
            lost: 0,
        };
        tailer.open_stdin(inputs)?;
        tailer.recall(positions.map_or(vec![], |positions| positions.records));
        tailer.scan();
        tailer.settle();
        tailer.first_start = false;
        Ok(tailer)
    }

    /// How many files are read, or are known to have been
    pub fn files(&self) -> usize {
        self.by_generation.len()
    }

    /// The log at this path.
    fn log(&mut self, path: &Arc<Path>, input: usize) -> usize {
        if let Some(id) = self.by_path.get(path) {
            return *id;
        }
        let log = Log::new(path.clone(), input);
        self.lags.borrow_mut().push(log.lag.clone());
        let id = self.vacant.pop().unwrap_or(self.logs.len());
        if id == self.logs.len() {
            self.logs.push(log);
        } else {
            self.logs[id] = log;
        }
        self.by_path.insert(path.clone(), id);
        self.doubtful.push(id);
        id
    }

    fn enqueue(&mut self, id: usize) {
        if !std::mem::replace(&mut self.logs[id].queued, true) {
            self.queue.push_back(id);
        }
    }

    fn doubt(&mut self, id: usize) {
        if !std::mem::replace(&mut self.logs[id].doubtful, true) {
            self.doubtful.push(id);
        }
    }

    fn look_again(&mut self, id: usize, when: Instant) {
        let log = &mut self.logs[id];
        if log.again.is_none_or(|again| when < again) {
            if let Some(again) = log.again {
                self.again.remove(&(again, id));
            }
            log.again = Some(when);
            self.again.insert((when, id));
        }
    }
}
