//! How long answers took lately, to tell which of them takes too long.

use std::cell::{Cell, RefCell};
use std::time::Duration;
use tokio::time::Instant;

/// Four buckets for each power of two of microseconds, up to more than an hour.
const BUCKETS: usize = 128;

/// After so long the older half is forgotten.
const HALF: Duration = Duration::from_secs(5);

/// With fewer answers than that nothing is known.
const ENOUGH: u64 = 20;

/// As long as nothing is known.
const FIRST: Duration = Duration::from_millis(50);

/// So many times the time that 99% keep to is too long …
const MULTIPLE: u32 = 3;

/// … but nothing under that is, and everything over this: unless half of the answers take a good part of it.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(150);

/// Looking at all buckets is done so often.
const FRESH: Duration = Duration::from_millis(100);

pub struct Recent {
    halves: RefCell<[[u32; BUCKETS]; 2]>,
    turned: Cell<Instant>,
    known: Cell<Option<(Instant, Duration)>>,
}

impl Recent {
    pub fn new() -> Self {
        Self { halves: RefCell::new([[0; BUCKETS]; 2]), turned: Cell::new(Instant::now()), known: Cell::new(None) }
    }

    pub fn add(&self, now: Instant, took: Duration) {
        let mut halves = self.halves.borrow_mut();
        if now.saturating_duration_since(self.turned.get()) >= HALF {
            *halves = [[0; BUCKETS], halves[0]];
            self.turned.set(now);
        }
        halves[0][bucket(took)] += 1;
    }

    /// After which time without an answer another endpoint is asked, too.
    pub fn too_long(&self, now: Instant) -> Duration {
        match self.known.get() {
            Some((at, known)) if now.saturating_duration_since(at) < FRESH => known,
            _ => {
                let known = self.look();
                self.known.set(Some((now, known)));
                known
            }
        }
    }

    fn look(&self) -> Duration {
        let halves = self.halves.borrow();
        let counts = || (0..BUCKETS).map(|index| u64::from(halves[0][index]) + u64::from(halves[1][index]));
        let all: u64 = counts().sum();
        if all < ENOUGH {
            return FIRST;
        }
        let quantile = |percent: u64| {
            let mut seen = 0;
            let index = counts().position(|count| {
                seen += count;
                seen * 100 >= all * percent
            });
            upper(index.unwrap_or(BUCKETS - 1))
        };
        // Half of them are usual, also when one of three endpoints hangs. What usually takes that long is not too long.
        let longest = LONGEST.max(quantile(50) * MULTIPLE);
        (quantile(99) * MULTIPLE).clamp(SHORTEST, longest)
    }
}

fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(4);
    let power = micros.ilog2() - 2;
    let quarter = usize::from((micros >> power) & 1 != 0) + 2 * usize::from((micros >> power) & 2 != 0);
    (power as usize * 4 + quarter).min(BUCKETS - 1)
}

/// What a bucket's times are less than.
fn upper(bucket: usize) -> Duration {
    let (power, quarter) = (bucket / 4, bucket as u64 % 4);
    Duration::from_micros((quarter + 5) << power)
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, FIRST, LONGEST, Recent, SHORTEST, bucket, upper};
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn buckets_are_a_quarter_wide() {
        for micros in (1..100_000).chain([1 << 31, (1 << 32) - 1]) {
            let took = Duration::from_micros(micros);
            let bucket = bucket(took);
            assert!(took < upper(bucket) || micros < 5, "{micros}");
            assert!(bucket == 0 || took >= upper(bucket - 1), "{micros}");
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn what_is_too_long() {
        let start = Instant::now();
        let after = |times: &[u64]| {
            let recent = Recent::new();
            for millis in times {
                recent.add(start, Duration::from_millis(*millis));
            }
            recent.too_long(start)
        };
        assert_eq!(after(&[]), FIRST);
        assert_eq!(after(&[1; 100]), SHORTEST);
        assert!((60..=80).contains(&after(&[20; 100]).as_millis()));
        let third_hangs = [[1; 66].as_slice(), &[500; 34]].concat();
        assert_eq!(after(&third_hangs), LONGEST);
        assert!(after(&[500; 100]).as_millis() >= 1500, "it is usual here");
    }

    #[test]
    fn it_forgets() {
        let (recent, start) = (Recent::new(), Instant::now());
        (0..100).for_each(|_| recent.add(start, Duration::from_secs(1)));
        for seconds in [6, 12] {
            (0..100).for_each(|_| recent.add(start + Duration::from_secs(seconds), Duration::from_millis(1)));
        }
        assert_eq!(recent.too_long(start + Duration::from_secs(12)), SHORTEST);
    }
}
