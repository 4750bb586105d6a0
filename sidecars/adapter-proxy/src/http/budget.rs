//! How much may be done twice. Retries help while few requests fail; when many do, they are a load that keeps it so.

use std::cell::Cell;
use tokio::time::Instant;

/// What is remembered, in seconds.
const WINDOW: usize = 10;

/// A share of the requests of the last ten seconds, and some besides for those who have few.
pub struct Budget {
    seconds: [Cell<Second>; WINDOW],
    begun: Instant,
}

#[derive(Clone, Copy, Default)]
struct Second {
    /// Which one since the beginning
    number: u64,
    requests: u32,
    spent: u32,
}

impl Budget {
    pub fn new() -> Self {
        Self { seconds: Default::default(), begun: Instant::now() }
    }

    pub fn request(&self, now: Instant) {
        self.update(now, |second| second.requests += 1);
    }

    /// Whether something may be sent once more, which is counted then. `percent` of the requests may, and `least` a second.
    pub fn spend(&self, now: Instant, percent: u32, least: u32) -> bool {
        let number = self.number(now);
        let recent = self.seconds.iter().map(Cell::get).filter(|second| second.number + WINDOW as u64 > number);
        let (requests, spent) = recent.fold((0, 0), |(requests, spent), second| {
            (requests + u64::from(second.requests), spent + u64::from(second.spent))
        });
        let allowed = requests * u64::from(percent) / 100 + u64::from(least) * WINDOW as u64;
        if spent < allowed {
            self.update(now, |second| second.spent += 1);
        }
        spent < allowed
    }

    fn number(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.begun).as_secs()
    }

    fn update(&self, now: Instant, change: impl FnOnce(&mut Second)) {
        let number = self.number(now);
        let cell = &self.seconds[usize::try_from(number % WINDOW as u64).unwrap_or_default()];
        let mut second = cell.get();
        if second.number != number {
            second = Second { number, ..Second::default() };
        }
        change(&mut second);
        cell.set(second);
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn a_share_of_ten_seconds() {
        let (budget, start) = (Budget::new(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let spend = |now| (0..1000).filter(|_| budget.spend(now, 20, 1)).count();
        assert_eq!(spend(at(0)), 10, "the least");
        assert_eq!(spend(at(5)), 0, "it is still remembered");
        (0..100).for_each(|_| budget.request(at(6)));
        assert_eq!(spend(at(7)), 20, "a fifth of the requests");
        assert_eq!(spend(at(13)), 10, "the first ten are forgotten");
        assert_eq!(spend(at(40)), 10, "all is");
    }
}
