//! One deadline: SIGTERM or SIGINT lets a program finish what it has begun, for so long and no longer. A second one
//! ends it at once.

use crate::message;
use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

#[cfg(feature = "service")]
mod wake;

/// Whether the end was asked for, and when it must be.
pub struct Stop {
    asked: Arc<AtomicBool>,
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
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // In this order: the first signal finds the flag down, sets it, and only the second one ends the process.
            flag::register_conditional_shutdown(signal, 1, asked.clone())
                .and_then(|_| flag::register(signal, asked.clone()))
                .context("cannot handle signals")?;
        }
        Ok(Self {
            asked,
            since: OnceLock::new(),
            drain,
            // After the flag: who is woken finds it up.
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
            self.wake.up(|| self.asked.load(Ordering::Relaxed)).await;
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
        self.asked.load(Ordering::Relaxed).then(|| *self.since.get_or_init(noticed))
    }
}
