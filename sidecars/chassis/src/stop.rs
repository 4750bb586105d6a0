//! One deadline: SIGTERM or SIGINT lets a program finish what it has begun, for so long and no longer. A second one
//! ends it at once.

#![expect(unsafe_code, reason = "a handler of signals is a promise of what it does not do")]

use crate::message;
use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level;
use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

#[cfg(feature = "service")]
mod wake;

/// Whether the end was asked for, and when it must be.
pub struct Stop {
    /// So many times
    asked: Arc<AtomicUsize>,
    since: OnceLock<Instant>,
    drain: Duration,
    #[cfg(feature = "service")]
    wake: wake::Wake,
}

/// The deadline has passed with something left to do.
#[derive(Debug)]
pub struct Stopped;

impl Display for Stopped {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str("stopped by a signal")
    }
}

impl std::error::Error for Stopped {}

impl Stop {
    /// Takes over SIGTERM and SIGINT, which PID 1 would not even notice otherwise.
    ///
    /// # Errors
    /// If the kernel does not let it.
    pub fn after(drain: Duration) -> Result<Self> {
        Self::heeding(drain, 2)
    }

    /// The same for a program that has something to tell others at its end, whatever it is: the second signal is its own
    /// to hear, as [`again`](Self::again), and the third ends it.
    ///
    /// # Errors
    /// If the kernel does not let it.
    #[cfg(feature = "service")]
    pub fn after_goodbye(drain: Duration) -> Result<Self> {
        Self::heeding(drain, 3)
    }

    fn heeding(drain: Duration, last: usize) -> Result<Self> {
        let asked = Arc::new(AtomicUsize::new(0));
        for signal in [SIGTERM, SIGINT] {
            let asked = asked.clone();
            let heed = move || {
                if asked.fetch_add(1, Ordering::Relaxed) + 1 >= last {
                    low_level::exit(1);
                }
            };
            // SAFETY: it counts, or calls _exit(2): both may be done in the middle of anything.
            unsafe { low_level::register(signal, heed) }.context("cannot handle signals")?;
        }
        Ok(Self {
            asked,
            since: OnceLock::new(),
            drain,
            // After the count: who is woken finds it.
            #[cfg(feature = "service")]
            wake: wake::Wake::at(&[SIGTERM, SIGINT])?,
        })
    }

    /// To be asked often, between two pieces of work.
    ///
    /// # Errors
    /// [`Stopped`], when it is time.
    pub fn check(&self) -> Result<(), Stopped> {
        match self.since() {
            Some(since) if since.elapsed() >= self.drain => Err(Stopped),
            _ => Ok(()),
        }
    }

    /// Resolves when the end is asked for, or at once when it has been.
    #[cfg(feature = "service")]
    pub async fn asked(&self) {
        while self.since().is_none() {
            self.wake.up(|| self.asked.load(Ordering::Relaxed) > 0).await;
        }
    }

    /// Resolves when it was asked for once more: it is to end at once.
    #[cfg(feature = "service")]
    pub async fn again(&self) {
        let is_again = || self.asked.load(Ordering::Relaxed) > 1;
        while !is_again() {
            self.wake.up(is_again).await;
        }
    }

    /// When it must end: `None` as long as nobody has asked for that.
    #[cfg(feature = "service")]
    pub fn deadline(&self) -> Option<Instant> {
        const YEAR: Duration = Duration::from_hours(365 * 24); // clocks end somewhere
        Some(self.since()? + self.drain.min(YEAR))
    }

    /// When it was noticed that the end has been asked for.
    fn since(&self) -> Option<Instant> {
        let noticed = || {
            let now = Instant::now(); // who reads the message slowly does not get more time
            if !self.drain.is_zero() {
                message::info(format_args!("asked to stop: finishing, for {:?} at most", self.drain));
            }
            now
        };
        (self.asked.load(Ordering::Relaxed) > 0).then(|| *self.since.get_or_init(noticed))
    }
}
