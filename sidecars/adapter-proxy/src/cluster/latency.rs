//! How long an endpoint takes: peak EWMA, as Finagle and linkerd have it. What is slower than before counts at once, and
//! is forgotten little by little.

use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;

/// After so long, about a third of what was is left.
const DECAY: Duration = Duration::from_secs(5);
/// Who was not asked for so long is worth a try, however slow it was: a peak of seconds takes the better part of a minute
/// to fade.
const FORGIVEN: Duration = Duration::from_secs(10);
/// What an endpoint counts as that is asked for the first time and has not answered. In seconds.
const UNKNOWN: f64 = 1.0;
/// A failure counts as at least that much: who refuses fast must not look like the best. In seconds.
const FAILURE: f64 = 0.02;

/// Of one endpoint.
pub struct Latency {
    /// In seconds; none yet when it is 0
    average: Cell<f64>,
    /// When that was seen last
    seen: Cell<Instant>,
    /// Tries that have neither succeeded nor failed
    unanswered: Cell<u32>,
    /// Since when it is silent, while there are some
    silent: Cell<Instant>,
}

impl Latency {
    pub fn new(now: Instant) -> Self {
        Self { average: Cell::new(0.0), seen: Cell::new(now), unanswered: Cell::new(0), silent: Cell::new(now) }
    }

    /// What a next try would take, as far as one can know. In seconds; 0 when nothing is known and it has nothing to do.
    ///
    /// What was is forgotten only while nothing is asked: as soon as it has faded, or is long ago, one try finds out how it is now, and
    /// the others wait for that. And who does not answer is as slow as it has been silent, so that one that hangs is
    /// left alone after milliseconds, and not when something times out.
    pub fn expected(&self, now: Instant) -> f64 {
        let average = self.average.get();
        let ago = now.saturating_duration_since(self.seen.get());
        match (self.unanswered.get(), average) {
            (0, 0.0) => 0.0,
            (0, _) if ago >= FORGIVEN => 0.0,
            (0, _) => average * fade(ago),
            (_, 0.0) => UNKNOWN,
            (_, _) => average.max(now.saturating_duration_since(self.silent.get()).as_secs_f64()),
        }
    }

    /// In seconds, as it was seen last; 0 when nothing is known.
    pub fn average(&self) -> f64 {
        self.average.get()
    }

    pub fn asked(&self, now: Instant) {
        if self.unanswered.get() == 0 {
            self.silent.set(now);
        }
        self.unanswered.set(self.unanswered.get() + 1);
    }

    /// It has answered after `took`.
    pub fn answered(&self, now: Instant, took: Duration) {
        self.no_more();
        self.observe(now, took.as_secs_f64());
    }

    /// It has failed after `took`.
    pub fn failed(&self, now: Instant, took: Duration) {
        let penalty = (2.0 * self.average.get()).clamp(FAILURE, UNKNOWN);
        self.no_more();
        self.observe(now, took.as_secs_f64().max(penalty));
    }

    /// Nobody waits for that answer any more, which would have taken longer than `waited`.
    pub fn given_up(&self, now: Instant, waited: Duration) {
        self.no_more();
        if waited.as_secs_f64() > self.average.get() {
            self.observe(now, waited.as_secs_f64());
        }
    }

    /// It was not asked after all.
    pub fn no_more(&self) {
        self.unanswered.set(self.unanswered.get().saturating_sub(1));
    }

    /// What was holds no more.
    pub fn forget(&self) {
        self.average.set(0.0);
    }

    fn observe(&self, now: Instant, seconds: f64) {
        // 0 is for what is not known.
        let (seconds, average) = (seconds.max(1e-9), self.average.get());
        let ago = now.saturating_duration_since(self.seen.get());
        let old = if ago >= FORGIVEN { 0.0 } else { fade(ago) };
        self.average.set(if seconds >= average { seconds } else { average * old + seconds * (1.0 - old) });
        self.seen.set(now);
        self.silent.set(now);
    }
}

/// How much of what was is left after that time.
fn fade(time: Duration) -> f64 {
    (-time.as_secs_f64() / DECAY.as_secs_f64()).exp()
}

#[cfg(test)]
mod tests {
    use super::Latency;
    use std::time::Duration;
    use tokio::time::Instant;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_peak_counts_at_once_and_fades() {
        let mut now = Instant::now();
        let latency = Latency::new(now);
        let answer = |now: &mut Instant, took: Duration| {
            latency.asked(*now);
            *now += took;
            latency.answered(*now, took);
        };
        answer(&mut now, MS);
        answer(&mut now, 500 * MS);
        assert!((latency.expected(now) - 0.5).abs() < 1e-6);
        assert!(latency.expected(now + Duration::from_secs(9)) < 0.1);
        for _ in 0..100 {
            now += 200 * MS;
            answer(&mut now, MS);
        }
        assert!(latency.expected(now) < 0.02, "{}", latency.expected(now));
    }

    #[test]
    fn one_try_finds_out_whether_it_is_still_slow() {
        let now = Instant::now();
        let latency = Latency::new(now);
        latency.asked(now);
        assert!(latency.expected(now) >= 1.0, "not known, and already asked");
        latency.answered(now + 500 * MS, 500 * MS);
        assert!(latency.expected(now + Duration::from_secs(10)) > 0.05);
        let later = now + Duration::from_secs(11);
        assert!(latency.expected(later) < 1e-4, "long ago");
        latency.asked(later);
        assert!(latency.expected(later) >= 0.5, "nobody else, before that one has");
        latency.answered(later + MS, MS);
        assert!(latency.expected(later + MS) < 0.002, "it is fast again");
    }

    #[test]
    fn who_is_silent_is_slow() {
        let now = Instant::now();
        let latency = Latency::new(now);
        latency.asked(now);
        latency.answered(now + MS, MS);
        latency.asked(now + MS);
        assert!(latency.expected(now + 2 * MS) < 0.002);
        assert!(latency.expected(now + 101 * MS) >= 0.1);
        latency.given_up(now + 101 * MS, 100 * MS);
        assert!(latency.expected(now + 101 * MS) >= 0.1, "it would have taken longer");
        latency.asked(now + 102 * MS);
        latency.given_up(now + 102 * MS, MS);
        assert!(latency.expected(now + 102 * MS) >= 0.09, "who gives up soon has seen nothing");
    }

    #[test]
    fn to_fail_fast_is_not_to_be_fast() {
        let now = Instant::now();
        let latency = Latency::new(now);
        latency.asked(now);
        latency.failed(now + MS, MS);
        assert!(latency.expected(now + MS) >= 0.01);
        for _ in 0..100 {
            latency.asked(now);
            latency.failed(now + MS, MS);
        }
        assert!(latency.expected(now + MS) <= 1.0, "it will be asked again");
    }
}
