//! When to try again.

use hyper::header::HeaderValue;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(5);

/// Who cannot connect costs the sink nothing by trying, and is to be there when it comes back.
const LAST_CONNECT: Duration = Duration::from_millis(500);

/// When the sink has stored some events of a request, it will soon have room for the others: the sooner, the fewer they
/// are.
const PARTLY: Duration = Duration::from_millis(80);
const SOONEST: Duration = Duration::from_millis(5);

/// No sink is obeyed longer than that.
const LONGEST: Duration = Duration::from_mins(1);

/// How long to wait, which is the longer the more tries have failed.
#[derive(Default)]
pub struct Backoff {
    tries: u32,
}

impl Backoff {
    /// After a request that failed; `told` is what the sink said about it.
    pub fn failed(&mut self, told: Option<Duration>) -> Duration {
        let wait = self.next(LAST);
        told.map_or(wait, |told| told.min(LONGEST).max(wait))
    }

    /// After one that did not even begin.
    pub fn unreachable(&mut self) -> Duration {
        self.next(LAST_CONNECT)
    }

    /// After one of `all` events that was stored but for `again`.
    pub fn partly(&mut self, again: usize, all: usize) -> Duration {
        self.tries = 0;
        let [again, all] = [again, all].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        jitter((PARTLY * again / all.max(1)).max(SOONEST))
    }

    pub fn reset(&mut self) {
        self.tries = 0;
    }

    fn next(&mut self, last: Duration) -> Duration {
        let wait = FIRST.saturating_mul(1 << self.tries.min(10)).min(last);
        self.tries = self.tries.saturating_add(1);
        jitter(wait)
    }
}

/// Between half of it and all of it, so that pods which failed together do not come back together.
fn jitter(wait: Duration) -> Duration {
    // A new state hashes nothing to another number each time.
    let [random, ..] = RandomState::new().build_hasher().finish().to_be_bytes();
    let half = wait / 2;
    half + half * u32::from(random) / u32::from(u8::MAX)
}

/// What `Retry-After` says: a number of seconds, or a date (RFC 9110, 10.2.3).
pub fn retry_after(value: &HeaderValue, now: SystemTime) -> Option<Duration> {
    let value = value.to_str().ok()?.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        // A date that has passed means now.
        Err(_) => Some(httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, retry_after};
    use hyper::header::HeaderValue;
    use std::time::{Duration, SystemTime};

    fn milliseconds(wait: Duration) -> u128 {
        wait.as_millis()
    }

    #[test]
    fn it_doubles_from_100_ms_to_5_s() {
        let mut backoff = Backoff::default();
        for last in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let wait = milliseconds(backoff.failed(None));
            assert!((last / 2..=last).contains(&wait), "{wait} of {last}");
        }
        for _ in 0..100 {
            backoff.failed(None);
        }
        assert!((2500..=5000).contains(&milliseconds(backoff.failed(None))));
        backoff.reset();
        assert!(milliseconds(backoff.failed(None)) <= 100);
    }

    #[test]
    fn a_sink_that_comes_back_is_noticed_within_half_a_second() {
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            assert!(milliseconds(backoff.unreachable()) <= 500);
        }
    }

    #[test]
    fn waits_differ() {
        let waits: Vec<_> = (0..10).map(|_| Backoff::default().failed(None)).collect();
        assert!(waits.iter().any(|wait| *wait != waits[0]));
    }

    #[test]
    fn the_sink_says_how_long_but_not_for_ever() {
        let told = |seconds| Backoff::default().failed(Some(Duration::from_secs(seconds)));
        assert_eq!(told(7), Duration::from_secs(7));
        assert_eq!(told(100_000), Duration::from_mins(1));
        assert!(told(0) >= Duration::from_millis(50));
    }

    #[test]
    fn seconds_and_dates() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        let parsed = |text: &str| retry_after(&HeaderValue::from_str(text).unwrap(), now);
        assert_eq!(parsed("120"), Some(Duration::from_mins(2)));
        assert_eq!(parsed("Sun, 06 Nov 1994 08:49:57 GMT"), Some(Duration::from_secs(20)));
        assert_eq!(parsed("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(parsed("soon"), None);
        assert_eq!(parsed("-1"), None);
    }
}
