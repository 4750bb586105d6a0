//! How long things take, in buckets.

use super::Exposition;
use std::cell::Cell;
use std::time::Duration;

/// Each takes twice as long as the one before: from 128 µs to 67 s.
const BOUNDS: usize = 20;
const FIRST: u32 = 7; // 2⁷ µs

/// Times by buckets whose bounds double, so that counting one takes an instruction or two.
#[derive(Default)]
pub struct Histogram {
    counts: [Cell<u64>; BOUNDS + 1],
    sum: Cell<Duration>,
}

impl Histogram {
    pub fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        // A bound belongs to the bucket that it ends.
        let power = micros.saturating_sub(1).checked_ilog2().map_or(0, |power| power + 1);
        let count = &self.counts[(power.saturating_sub(FIRST) as usize).min(BOUNDS)];
        count.set(count.get() + 1);
        self.sum.set(self.sum.get().saturating_add(took));
    }
}

impl Exposition {
    /// Times, in seconds. The name of the family ends in `_seconds`, and it was begun by [`Exposition::times`].
    pub fn histogram(&mut self, labels: &[(&str, &str)], histogram: &Histogram) -> &mut Self {
        let family = self.family;
        let mut all = 0;
        for (index, count) in histogram.counts.iter().enumerate() {
            all += count.get();
            let bound: String = match index {
                BOUNDS => "+Inf".into(),
                _ => Duration::from_micros(1 << (index + FIRST as usize)).as_secs_f64().to_string(),
            };
            let labels = [labels, &[("le", bound.as_str())]].concat();
            self.line(family, "_bucket", &labels, all);
        }
        self.line(family, "_sum", labels, histogram.sum.get().as_secs_f64());
        self.line(family, "_count", labels, all)
    }

    /// A family of histograms.
    pub fn times(&mut self, name: &'static str, help: &str) -> &mut Self {
        self.family(name, "histogram", help)
    }
}

#[cfg(test)]
mod tests {
    use super::{Exposition, Histogram};
    use std::time::Duration;

    #[test]
    fn buckets_count_all_that_are_shorter() {
        let histogram = Histogram::default();
        for micros in [0, 1, 128, 129, 256, 257, 67_108_864, 67_108_865, 1 << 40] {
            histogram.add(Duration::from_micros(micros));
        }
        let mut page = Exposition::new();
        page.times("app_seconds", "How long").histogram(&[("to", "x")], &histogram);
        let page = page.finish();
        for line in [
            "# TYPE app_seconds histogram",
            "app_seconds_bucket{to=\"x\",le=\"0.000128\"} 3",
            "app_seconds_bucket{to=\"x\",le=\"0.000256\"} 5",
            "app_seconds_bucket{to=\"x\",le=\"0.000512\"} 6",
            "app_seconds_bucket{to=\"x\",le=\"33.554432\"} 6",
            "app_seconds_bucket{to=\"x\",le=\"67.108864\"} 7",
            "app_seconds_bucket{to=\"x\",le=\"+Inf\"} 9",
            "app_seconds_count{to=\"x\"} 9",
        ] {
            assert!(page.lines().any(|one| one == line), "{line}\n{page}");
        }
    }
}
