//! How far behind a log is, for whoever asks meanwhile.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub struct Lag {
    pub path: Arc<Path>,
    /// Not shipped, as far as one has seen
    bytes: Cell<u64>,
    /// Since when there is something that has not been shipped
    since: Cell<Option<Instant>>,
}

/// Those of all logs.
pub type Lags = Rc<RefCell<Vec<Rc<Lag>>>>;

impl Lag {
    pub fn new(path: Arc<Path>) -> Self {
        Self { path, bytes: Cell::new(0), since: Cell::new(None) }
    }

    /// So much has not been shipped now; `shipped` says whether something was since the last time.
    pub fn set(&self, bytes: u64, shipped: bool) {
        self.bytes.set(bytes);
        let since = match self.since.get() {
            _ if bytes == 0 => None,
            Some(since) if !shipped => Some(since),
            _ => Some(Instant::now()),
        };
        self.since.set(since);
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Nothing of it has been shipped for so long, although there is something.
    pub fn time(&self) -> Duration {
        self.since.get().map_or(Duration::ZERO, |since| since.elapsed())
    }
}
