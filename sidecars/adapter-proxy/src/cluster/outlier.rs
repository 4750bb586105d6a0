//! Passive checks: an endpoint at which too much fails in a row is left out for a while, longer each time. After that, one
//! try finds out whether it is back.

use super::Failure;
use crate::config;
use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;

/// Of one endpoint.
#[derive(Default)]
pub struct Outlier {
    failures: Cell<u32>,
    last: Cell<Option<Failure>>,
    /// How often in a row it was put out
    times: Cell<u32>,
    until: Cell<Option<Instant>>,
    /// The try that finds out, while it is under way
    trial: Cell<Option<Trial>>,
    /// So many have been begun
    trials: Cell<u64>,
    /// Since when it is back
    back: Cell<Option<Instant>>,
    /// It failed, or was put out, and there has been no success since
    doubted_until: Cell<Option<Instant>>,
    ejections: Cell<u64>,
}

#[derive(Clone, Copy)]
struct Trial {
    number: u64,
    /// Until when it is the only one, if not to its end
    alone_until: Option<Instant>,
}

/// A try whose client is still sending may find it out late: others wait for it no longer than that.
const ALONE: Duration = Duration::from_secs(1);

/// Whether it does well again is found out by others, for so long, than those who could lose something.
const DOUBT: Duration = Duration::from_secs(10);

/// It was put out.
#[derive(PartialEq, Debug)]
pub struct Ejected {
    pub for_so_long: Duration,
    /// Whether it was in before, and not only on trial
    pub is_new: bool,
}

impl Outlier {
    /// Whether a try may go there.
    pub fn is_in(&self, now: Instant) -> bool {
        self.until.get().is_none_or(|until| until <= now && !self.is_on_trial(now))
    }

    /// Whether it is time to find out if it is back.
    pub fn is_due(&self, now: Instant) -> bool {
        self.until.get().is_some_and(|until| until <= now && !self.is_on_trial(now))
    }

    /// When that will be, unless it is by now, or somebody finds out first.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let due = self.until.get().max(self.trial.get().and_then(|trial| trial.alone_until));
        due.filter(|due| *due > now)
    }

    fn is_on_trial(&self, now: Instant) -> bool {
        self.trial.get().is_some_and(|trial| trial.alone_until.is_none_or(|until| now < until))
    }

    /// Whether a request that can be sent but once is better off elsewhere.
    pub fn is_doubtful(&self, now: Instant) -> bool {
        self.doubted_until.get().is_some_and(|until| now < until)
    }

    /// Until when it is out, at least.
    pub fn until(&self) -> Option<Instant> {
        self.until.get()
    }

    /// Failures in a row, and the last one's kind.
    pub fn failures(&self) -> (u32, Option<Failure>) {
        (self.failures.get(), self.last.get())
    }

    pub fn ejections(&self) -> u64 {
        self.ejections.get()
    }

    /// A try goes there. If it is the one that finds out, it has a number.
    pub fn begin(&self, now: Instant) -> Option<u64> {
        self.is_due(now).then(|| {
            let number = self.trials.get() + 1;
            self.trials.set(number);
            self.trial.set(Some(Trial { number, alone_until: None }));
            number
        })
    }

    /// The try of this number waits for its client.
    pub fn share(&self, number: u64, now: Instant) {
        self.set_trial(number, Some(Trial { number, alone_until: Some(now + ALONE) }));
    }

    /// It does so no more.
    pub fn find_out(&self, number: u64) {
        self.set_trial(number, Some(Trial { number, alone_until: None }));
    }

    /// It has not found out.
    pub fn give_up(&self, number: u64) {
        self.set_trial(number, None);
    }

    /// Unless there is another one by now.
    fn set_trial(&self, number: u64, trial: Option<Trial>) {
        if self.trial.get().is_some_and(|trial| trial.number == number) {
            self.trial.set(trial);
        }
    }

    /// Returns whether that brings it back.
    pub fn succeeded(&self, now: Instant) -> bool {
        self.failures.set(0);
        self.last.set(None);
        self.doubted_until.set(None);
        let returns = self.until.take().is_some();
        if returns {
            self.trial.set(None);
            self.back.set(Some(now));
        }
        returns
    }

    /// `random` is below 1: not all that were put out together are tried together.
    pub fn failed(
        &self,
        now: Instant,
        failure: Failure,
        was_trial: bool,
        settings: &config::Outlier,
        random: f64,
    ) -> Option<Ejected> {
        self.failures.set(self.failures.get().saturating_add(1));
        self.last.set(Some(failure));
        // Who answers that it cannot loses nothing.
        if failure != Failure::Status {
            self.doubted_until.set(self.doubted_until.get().max(Some(now + DOUBT)));
        }
        let is_new = self.until.get().is_none();
        // What was under way when it was put out says nothing new, nor does what was to find out before.
        let is_due = self.until.get().is_some_and(|until| until <= now);
        let reason = if is_new { self.failures.get() >= settings.failures } else { was_trial && is_due };
        if settings.failures == 0 {
            // Nobody is left out any more, nor kept out.
            self.until.set(None);
            self.trial.set(None);
            return None;
        }
        if !reason {
            return None;
        }
        if is_new && self.back.get().is_none_or(|back| now.saturating_duration_since(back) > settings.longest) {
            self.times.set(0);
        }
        let longer = settings.eject_for.saturating_mul(1 << self.times.get().min(20));
        let for_so_long = longer.min(settings.longest).mul_f64(0.75 + random / 4.0);
        self.times.set(self.times.get().saturating_add(1));
        self.until.set(Some(now + for_so_long));
        self.doubted_until.set(Some(now + for_so_long + DOUBT));
        self.trial.set(None);
        self.ejections.set(self.ejections.get() + 1);
        Some(Ejected { for_so_long, is_new })
    }
}

#[cfg(test)]
mod tests {
    use super::{Ejected, Outlier};
    use crate::cluster::Failure::{self, Connect};
    use crate::config;
    use std::time::Duration;
    use tokio::time::Instant;

    const SETTINGS: config::Outlier =
        config::Outlier { failures: 3, eject_for: Duration::from_secs(4), longest: Duration::from_secs(20) };

    fn fail(outlier: &Outlier, now: Instant, trial: bool) -> Option<Duration> {
        outlier.failed(now, Connect, trial, &SETTINGS, 1.0).map(|ejected| ejected.for_so_long)
    }

    #[test]
    fn it_takes_failures_in_a_row() {
        let (outlier, now) = (Outlier::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!((fail(&outlier, now, false), fail(&outlier, now, false)), (None, None));
            assert!(!outlier.succeeded(now));
        }
        assert!(outlier.is_in(now));
        let ejected = (0..3).filter_map(|_| outlier.failed(now, Failure::Timeout, false, &SETTINGS, 0.0)).last();
        assert_eq!(ejected, Some(Ejected { for_so_long: Duration::from_secs(3), is_new: true }));
        assert!(!outlier.is_in(now) && !outlier.is_in(now + Duration::from_millis(2999)));
        assert_eq!(outlier.failures(), (3, Some(Failure::Timeout)));
    }

    #[test]
    fn one_try_finds_out_and_each_time_is_longer() {
        let (outlier, mut now) = (Outlier::default(), Instant::now());
        let first = (0..3).filter_map(|_| fail(&outlier, now, false)).last();
        assert_eq!(first, Some(Duration::from_secs(4)));
        assert_eq!(fail(&outlier, now, false), None, "what was under way");
        for seconds in [8, 16, 20, 20] {
            now = outlier.until().unwrap();
            assert!(outlier.is_in(now) && outlier.begin(now).is_some());
            assert!(!outlier.is_in(now) && outlier.begin(now).is_none());
            assert_eq!(fail(&outlier, now, true), Some(Duration::from_secs(seconds)));
        }
        now = outlier.until().unwrap();
        outlier.give_up(outlier.begin(now).unwrap());
        assert!(outlier.begin(now).is_some(), "that one did not find out");
        assert!(outlier.succeeded(now) && outlier.is_in(now) && !outlier.succeeded(now));
        assert_eq!(outlier.ejections(), 5);
    }

    /// A client may take as long as it likes to send what is to find out.
    #[test]
    fn one_whose_client_is_slow_does_not_keep_others_from_finding_out() {
        let (outlier, mut now) = (Outlier::default(), Instant::now());
        for _ in 0..3 {
            fail(&outlier, now, false);
        }
        now = outlier.until().unwrap();
        let (second, hour) = (Duration::from_secs(1), Duration::from_hours(1));
        let slow = outlier.begin(now).unwrap();
        assert!(!outlier.is_in(now + hour), "as long as it is the endpoint's time");
        outlier.share(slow, now);
        assert!(!outlier.is_in(now + Duration::from_millis(999)) && outlier.due(now) == Some(now + second));
        outlier.find_out(slow);
        assert!(!outlier.is_in(now + hour), "it has sent all");
        outlier.share(slow, now);
        now += second;
        assert!(outlier.is_in(now));
        let other = outlier.begin(now).unwrap();
        outlier.give_up(slow);
        outlier.share(slow, now);
        assert!(!outlier.is_in(now + hour), "that is not that one's any more");
        // Both fail: that is one more reason, and not two.
        assert!(fail(&outlier, now, true).is_some());
        assert_eq!(fail(&outlier, now, true), None);
        outlier.give_up(other);
    }

    #[test]
    fn who_has_been_well_for_long_begins_anew() {
        let (outlier, now) = (Outlier::default(), Instant::now());
        let eject = |now| (0..3).filter_map(|_| fail(&outlier, now, false)).last().map(|time| time.as_secs());
        assert_eq!(eject(now), Some(4));
        outlier.succeeded(now);
        assert_eq!(eject(now + Duration::from_secs(1)), Some(8));
        outlier.succeeded(now);
        assert_eq!(eject(now + Duration::from_secs(21)), Some(4));
    }

    #[test]
    fn never() {
        let (outlier, mut now) = (Outlier::default(), Instant::now());
        let settings = config::Outlier { failures: 0, ..SETTINGS };
        assert!((0..100).all(|_| outlier.failed(now, Connect, false, &settings, 0.0).is_none()));

        let out = (0..3).find_map(|_| fail(&outlier, now, false));
        now += out.expect("it was put out before that");
        assert!(outlier.begin(now).is_some() && !outlier.is_in(now));
        assert_eq!(outlier.failed(now, Connect, true, &settings, 0.0), None);
        assert!(outlier.is_in(now), "who was out is no more");
    }
}
