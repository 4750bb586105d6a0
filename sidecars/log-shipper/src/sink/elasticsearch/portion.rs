//! The part of a batch that goes in one request, and what is left of the batch after the answer.

use super::answer::{Answer, Fate, Reason, Refusal};
use crate::batch::Batch;

/// How many events, and how many bytes they are, fit into so many bytes. One always does.
pub fn beginning(batch: &Batch, limit: usize) -> (usize, usize) {
    let fits = |end: &u32| *end as usize <= limit;
    let count = if batch.ends.last().is_some_and(fits) { batch.ends.len() } else { batch.ends.partition_point(fits) };
    let count = count.max(1);
    (count, batch.ends[count - 1] as usize)
}

/// Leaves what is to be sent again, and what has not been sent yet.
pub fn drop_answered(batch: &mut Batch, fates: &[Fate]) {
    let (mut start, mut length, mut kept) = (0, 0, 0);
    for place in 0..batch.ends.len() {
        let end = batch.ends[place] as usize;
        if fates.get(place).is_none_or(|fate| *fate == Fate::Again) {
            batch.body.copy_within(start..end, length);
            length += end - start;
            batch.ends[kept] = u32::try_from(length).unwrap_or(u32::MAX);
            kept += 1;
        }
        start = end;
    }
    batch.body.truncate(length);
    batch.ends.truncate(kept);
}

/// What it means that a request with one event in it was too large.
pub fn too_large(length: usize) -> Answer {
    let text = format!("a request of {length} bytes, with this event alone in it, is too large").into();
    let reason = Reason { status: 413, kind: "request_entity_too_large".into(), text, remedy: None };
    Answer { fates: vec![Fate::Refused], refusals: vec![Refusal { item: 0, reason }], again: None }
}

#[cfg(test)]
mod tests {
    use super::{Batch, Fate, beginning, drop_answered};

    fn batch(items: &[&str]) -> Batch {
        let mut batch = Batch::default();
        for item in items {
            batch.body.extend_from_slice(item.as_bytes());
            batch.seal();
        }
        batch
    }

    #[test]
    fn as_many_as_fit_but_at_least_one() {
        let batch = batch(&["one\n", "two\n", "three\n"]);
        for (limit, expected) in [(0, (1, 4)), (4, (1, 4)), (7, (1, 4)), (8, (2, 8)), (13, (2, 8)), (14, (3, 14))] {
            assert_eq!(beginning(&batch, limit), expected, "{limit}");
        }
    }

    #[test]
    fn what_is_left() {
        let fates = [Fate::Stored, Fate::Again, Fate::Refused, Fate::Again];
        let mut left = batch(&["one\n", "two\n", "three\n", "four\n", "five\n"]);
        drop_answered(&mut left, &fates);
        assert_eq!((&left.body[..], &left.ends[..]), (&b"two\nfour\nfive\n"[..], &[4, 9, 14][..]));
        drop_answered(&mut left, &[Fate::Stored; 3]);
        assert!(left.body.is_empty() && left.ends.is_empty());
    }
}
