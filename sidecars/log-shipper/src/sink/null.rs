//! Takes everything, and counts it.

use super::counters::Counters;
use crate::batch::Batch;

#[derive(Default)]
pub struct Null {
    pub(super) counters: Counters,
}

impl Null {
    pub(super) fn deliver(&self, mut batch: Batch) -> Batch {
        self.counters.delivered(batch.items);
        batch.clear_events();
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::Null;
    use crate::batch::Batch;

    #[test]
    fn events_of_which_nothing_is_written_are_counted() {
        let (null, mut batch) = (Null::default(), Batch::default());
        (0..3).for_each(|_| batch.count());
        batch.reached(1, 1000);
        let batch = null.deliver(batch);
        assert!(batch.is_empty());
        assert_eq!((null.counters.events.get(), &batch.reach[..]), (3, &[(1, 1000)][..]));
    }
}
