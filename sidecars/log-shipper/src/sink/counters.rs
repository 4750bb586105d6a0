//! What metrics tell about the sink.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The reasons are the sink's own words; more than that would be no good as labels.
const REASONS: usize = 32;

#[derive(Default)]
pub struct Counters {
    /// Batches of which everything is stored or with the dead letters
    pub batches: Number,
    /// Events in them
    pub events: Number,
    /// Bytes of requests, as they go over the network; of those that had a connection
    pub bytes: Number,
    /// Events that were sent once more
    pub retried: Number,
    /// Events that were given up and are nowhere, since that was asked for or the index for dead letters refused them
    pub dropped: Number,
    /// Batches that are being delivered now
    pub in_flight: Number,
    requests: [Number; Outcome::ALL.len()],
    dead_letters: Mutex<BTreeMap<String, u64>>,
    up: Mutex<Option<(bool, SystemTime)>>,
}

#[derive(Default)]
pub struct Number(AtomicU64);

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Each event was answered for, be it stored or not
    Answered,
    /// No connection
    Unreachable,
    TimedOut,
    /// The connection ended before the answer did
    Broken,
    /// What came was no answer to it
    Nonsense,
    /// 401 and 403, or a secret that cannot be read
    Unauthorized,
    /// 413
    TooLarge,
    /// 429 and 503
    Busy,
    /// Another status than 200
    Refused,
}

impl Outcome {
    pub const ALL: [Self; 9] = [
        Self::Answered,
        Self::Unreachable,
        Self::TimedOut,
        Self::Broken,
        Self::Nonsense,
        Self::Unauthorized,
        Self::TooLarge,
        Self::Busy,
        Self::Refused,
    ];

    /// As a label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed-out",
            Self::Broken => "broken",
            Self::Nonsense => "nonsense",
            Self::Unauthorized => "unauthorized",
            Self::TooLarge => "too-large",
            Self::Busy => "busy",
            Self::Refused => "refused",
        }
    }
}

impl Number {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }
}

/// One more, until it is dropped.
pub(super) struct During<'a>(&'a Number);

impl<'a> During<'a> {
    pub(super) fn new(number: &'a Number) -> Self {
        number.add(1);
        Self(number)
    }
}

impl Drop for During<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counters {
    /// How many requests ended so.
    pub fn requests(&self, outcome: Outcome) -> u64 {
        self.requests[outcome as usize].get()
    }

    /// How many events were given up, by the reason's type. Those of rare types are together, as `other`.
    pub fn dead_letters(&self) -> BTreeMap<String, u64> {
        self.dead_letters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the sink takes events, and since when that is so. Nothing before the first request.
    pub fn up(&self) -> Option<(bool, SystemTime)> {
        *self.up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn delivered(&self, events: u64) {
        self.batches.add(1);
        self.events.add(events);
    }

    pub(super) fn ended(&self, outcome: Outcome) {
        self.requests[outcome as usize].add(1);
    }

    /// Returns whether it is the first one for this reason.
    pub(super) fn dead_letter(&self, reason: &str) -> bool {
        let mut letters = self.dead_letters.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = if letters.len() < REASONS || letters.contains_key(reason) { reason } else { "other" };
        let count = letters.entry(reason.into()).or_default();
        *count += 1;
        *count == 1
    }

    pub(super) fn is_up(&self, up: bool) {
        let mut known = self.up.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none_or(|(was, _)| was != up) {
            *known = Some((up, SystemTime::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counters, Outcome};

    #[test]
    fn outcomes_are_counted_each_in_its_place() {
        let counters = Counters::default();
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
            counters.ended(outcome);
            assert_eq!(counters.requests(outcome), 1);
        }
    }

    #[test]
    fn a_sink_that_invents_reasons_does_not_fill_the_memory() {
        let counters = Counters::default();
        for number in 0..1000 {
            counters.dead_letter(&format!("reason_{number}"));
        }
        let letters = counters.dead_letters();
        assert!(letters.len() <= 33);
        assert_eq!(letters.values().sum::<u64>(), 1000);
    }
}
