//! How large a request may be: what was asked for, or what the sink, or something before it, has been seen to take.

use std::sync::{Mutex, PoisonError};

/// So many requests of full size have to pass before a larger one is tried; twice as many each time that was wrong.
const PATIENCE: (u32, u32) = (16, 4096);

pub struct Limit {
    asked_for: usize,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
struct State {
    now: usize,
    /// The largest that was taken since
    taken: usize,
    passed: u32,
    patience: u32,
}

impl Limit {
    pub fn new(asked_for: usize) -> Self {
        let state = State { now: asked_for, taken: 0, passed: 0, patience: PATIENCE.0 };
        Self { asked_for, state: Mutex::new(state) }
    }

    /// In bytes, before they are compressed.
    pub fn get(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    /// A request of this size was answered with 413.
    pub fn refused(&self, size: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Another request of the same size may have been on its way.
        if size / 2 >= state.now {
            return;
        }
        let probe = state.taken > size / 2 && state.taken < size;
        state.now = if probe { state.taken } else { (size / 2).max(1) };
        state.taken = state.taken.min(state.now);
        state.patience = if probe { (state.patience * 2).min(PATIENCE.1) } else { PATIENCE.0 };
        state.passed = 0;
    }

    /// A request of this size was taken.
    pub fn passed(&self, size: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.now >= self.asked_for || size < state.now / 4 * 3 {
            return;
        }
        state.taken = state.taken.max(size);
        state.passed += 1;
        if state.passed >= state.patience {
            state.passed = 0;
            state.now = (state.now + state.now / 8 + 1).min(self.asked_for);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Limit;

    /// Requests of full size to a sink that takes so many bytes; returns how many it did not take.
    fn requests(limit: &Limit, takes: usize, count: u32) -> u32 {
        let mut refused = 0;
        for _ in 0..count {
            let size = limit.get();
            if size > takes {
                limit.refused(size);
                refused += 1;
            } else {
                limit.passed(size);
            }
        }
        refused
    }

    #[test]
    fn it_finds_what_the_sink_takes_and_rarely_asks_for_more() {
        let limit = Limit::new(1 << 20);
        let refused = requests(&limit, 100_000, 10_000);
        assert!((80_000..=100_000).contains(&limit.get()), "{}", limit.get());
        assert!(refused < 20, "{refused}");
    }

    #[test]
    fn it_grows_again_when_the_sink_takes_more_and_never_beyond_what_was_asked_for() {
        let limit = Limit::new(1 << 20);
        requests(&limit, 100_000, 20);
        requests(&limit, usize::MAX, 10_000);
        assert_eq!(limit.get(), 1 << 20);
    }

    #[test]
    fn a_second_request_of_the_old_size_changes_nothing() {
        let limit = Limit::new(1 << 20);
        limit.refused(1 << 20);
        limit.refused(1 << 20);
        assert_eq!(limit.get(), 1 << 19);
    }

    #[test]
    fn it_is_never_nothing() {
        let limit = Limit::new(8);
        (0..10).for_each(|_| limit.refused(limit.get()));
        assert_eq!(limit.get(), 1);
    }
}
