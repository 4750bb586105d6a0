//! What all parts of a run share.

use crate::config::Config;
use crate::expected::Expected;
use crate::ledger::Ledger;
use crate::plan::{Kind, Plan};
use crate::progress::Progress;
use chassis::stop::Stop;
use rustix::fs::Mode;
use rustix::process::umask;
use std::sync::atomic::AtomicBool;
use war_copy::archive::Inflater;
use war_copy::digest::Hasher;

pub struct Work<'a> {
    pub config: &'a Config,
    pub stop: &'a Stop,
    pub expected: &'a Expected,
    pub progress: Progress,
    pub ledger: Ledger,
    /// Whether each file is synced on its own; where there are many, all are synced at once
    pub sync_each: bool,
    /// Whether DEST's file system has turned out not to share blocks with the source's
    pub no_reflink: AtomicBool,
    /// What new files and directories do not get
    pub umask: Mode,
}

impl<'a> Work<'a> {
    pub fn new(config: &'a Config, stop: &'a Stop, expected: &'a Expected, plan: &Plan) -> Self {
        let few = plan.entries.len() <= FEW && plan.entries.iter().all(|entry| entry.kind == Kind::File);
        // To read it is to set it, which is done while there are no threads that make files.
        let mask = umask(Mode::empty());
        umask(mask);
        Self {
            config,
            stop,
            expected,
            progress: Progress::new(),
            ledger: Ledger::default(),
            sync_each: config.sync && few,
            no_reflink: AtomicBool::new(false),
            umask: mask,
        }
    }
}

/// What each thread has of its own.
pub struct Tools {
    pub buffer: Vec<u8>,
    pub hasher: Hasher,
    pub inflater: Option<Box<Inflater>>,
}

/// To sync the whole volume is quicker than that many files, but waits for whatever else is written to it.
const FEW: usize = 32;
/// So large that a system call more does not count, so small that it stays in the CPU's cache.
const BUFFER: usize = 256 << 10;

impl Default for Tools {
    fn default() -> Self {
        Self { buffer: vec![0; BUFFER], hasher: Hasher::default(), inflater: None }
    }
}

impl Tools {
    /// Two halves of the buffer, for what is compared.
    pub fn halves(&mut self) -> (&mut [u8], &mut [u8]) {
        self.buffer.split_at_mut(BUFFER / 2)
    }
}
