//! Numbered lines, to tell what was lost and what came twice.

use serde_json::{Map, Value};

/// How often each number was seen.
#[derive(Default)]
pub struct Numbers {
    counts: Vec<u8>,
    seen: u64,
    extra: u64,
}

impl Numbers {
    pub fn count(&self, number: u64) -> u8 {
        usize::try_from(number).ok().and_then(|at| self.counts.get(at)).copied().unwrap_or(0)
    }

    /// How many numbers were seen at all.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// How often a number was seen that had been seen already.
    pub fn extra(&self) -> u64 {
        self.extra
    }

    /// Those below `end` that never came.
    pub fn missing(&self, end: u64) -> impl Iterator<Item = u64> {
        (0..end).filter(|&number| self.count(number) == 0)
    }
}

impl Extend<u64> for Numbers {
    fn extend<T: IntoIterator<Item = u64>>(&mut self, seen: T) {
        for number in seen {
            let at = usize::try_from(number).expect("an index");
            if self.counts.len() <= at {
                self.counts.resize(at + 1, 0);
            }
            let first = self.counts[at] == 0;
            self.counts[at] = self.counts[at].saturating_add(1);
            self.seen += u64::from(first);
            self.extra += u64::from(!first);
        }
    }
}

/// The number of a line: what follows the first `n=` of its text, or its field `n`.
pub fn number(document: &Map<String, Value>) -> Option<u64> {
    let text = || {
        let (_, rest) = document.get("message")?.as_str()?.split_once("n=")?;
        rest.split(|other: char| !other.is_ascii_digit()).next()?.parse().ok()
    };
    document.get("n").and_then(Value::as_u64).or_else(text)
}

#[cfg(test)]
mod tests {
    use super::{Numbers, number};
    use serde_json::json;

    #[test]
    fn lines_are_counted_by_their_numbers() {
        let mut numbers = Numbers::default();
        for message in ["n=0 x", "INFO n=000002", "n=2", "none", "n=x"] {
            numbers.extend(number(json!({"message": message}).as_object().unwrap()));
        }
        numbers.extend(number(json!({"n": 5}).as_object().unwrap()));
        assert_eq!(numbers.missing(7).collect::<Vec<_>>(), [1, 3, 4, 6]);
        assert_eq!((numbers.seen(), numbers.extra(), numbers.count(2)), (3, 1, 2));
    }
}
