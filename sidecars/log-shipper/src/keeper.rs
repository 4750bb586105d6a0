//! Keeps positions: on the disk before anything is sent that may have to be recognised after a crash, and after
//! deliveries, but not after each of them.

use crate::input::tailer::Tailer;
use crate::positions::{Positions, Record};
use crate::state::State;
use chassis::message;
use std::io;
use std::time::Duration;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

/// How long a delivery may not be noted. After a crash so much is sent again.
const EVERY: Duration = Duration::from_secs(1);

pub struct Keeper {
    /// None where nothing can be kept
    state: Option<State>,
    owner: [u8; 16],
    saved: u64,
    last: Instant,
    /// Something was delivered, or came to be known, since then
    dirty: bool,
    saving: Option<(JoinHandle<io::Result<()>>, Vec<Record>)>,
    /// Why it failed, which has been told
    failing: Option<String>,
    pub failures: u64,
}

impl Keeper {
    /// Goes on from `positions`.
    pub fn new(state: Option<State>, positions: &Positions) -> Self {
        let last = Instant::now();
        let (owner, saved) = (positions.owner, positions.saved);
        Self { state, owner, saved, last, dirty: false, saving: None, failing: None, failures: 0 }
    }

    /// There is something to keep.
    pub fn touch(&mut self) {
        self.dirty = true;
    }

    pub fn is_saving(&self) -> bool {
        self.saving.is_some()
    }

    /// Why something is not on the disk, if anything is not.
    pub fn unkept(&self) -> Option<&str> {
        let waiting = (self.dirty || self.saving.is_some()).then_some("the disk does not answer");
        self.failing.as_deref().or(waiting)
    }

    /// Begins to save if it is time to, or something has to be on the disk before it is read. Returns whether it may be
    /// read at once, since that cannot be waited for.
    pub fn save_if_due(&mut self, tailer: &mut Tailer, now: bool) -> bool {
        let urgent = tailer.must_save();
        if self.saving.is_some() || !(urgent || self.dirty) {
            return false;
        }
        let Some(state) = &self.state else {
            self.dirty = false;
            tailer.recorded(&tailer.records().0);
            return urgent && !tailer.must_save();
        };
        let waits = !now && (self.failing.is_some() || !urgent);
        if waits && self.last.elapsed() < EVERY {
            if self.failing.is_some() && urgent {
                // Better stored twice after a crash than held back until the disk is in order.
                tailer.recorded(&tailer.records().0);
            }
            return urgent && !tailer.must_save();
        }
        let (records, next) = tailer.records();
        self.saved += 1;
        let positions = Positions { owner: self.owner, saved: self.saved, next, records };
        let (state, text) = (state.clone(), positions.to_text());
        self.saving = Some((spawn_blocking(move || state.save(&text)), positions.records));
        self.dirty = false;
        self.last = Instant::now();
        false
    }

    /// When it will be time to save, if it is not for something else before.
    pub fn due(&self) -> Option<Instant> {
        (self.saving.is_none() && self.dirty).then(|| self.last + EVERY)
    }

    /// Waits for the saving that goes on, if any.
    ///
    /// # Errors
    /// When it failed, for [`Keeper::note`] to tell.
    pub async fn saved(&mut self) -> io::Result<()> {
        match &mut self.saving {
            Some((saving, _)) => saving.await.unwrap_or_else(|error| Err(io::Error::other(error))),
            None => std::future::pending().await,
        }
    }

    /// Takes note of how a saving ended.
    pub fn note(&mut self, result: io::Result<()>, tailer: &mut Tailer) {
        if let Some((_, records)) = self.saving.take() {
            tailer.recorded(&records);
        }
        match result {
            Ok(()) => {
                if self.failing.take().is_some() {
                    message::info("positions are kept again");
                }
            }
            Err(error) => {
                self.failures += 1;
                self.dirty = true;
                if self.failing.replace(error.to_string()).is_none() {
                    message::warning(format_args!(
                        "cannot keep positions: {error}; shipping goes on, and what is shipped from now on may be stored twice \
                         after a crash"
                    ));
                }
            }
        }
    }
}
