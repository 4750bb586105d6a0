//! Numbers of generations. Documents are named by them, so none is ever given twice: also not after a crash that came
//! before it was on the disk, nor to whom an older file of positions is given back.

use rustix::rand::{GetRandomFlags, getrandom};
use std::time::{SystemTime, UNIX_EPOCH};

/// A number that is larger than all before it, which are smaller than `least`: milliseconds since 1970, and chance.
pub fn next(least: &mut u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
    let mut chance = [0; 4];
    let _ = getrandom(&mut chance, GetRandomFlags::empty()); // so few bytes are never refused
    let chance = u64::from(u32::from_ne_bytes(chance) >> 12);
    let number = (u64::try_from(now).unwrap_or(0) << 20 | chance).max(*least);
    *least = number + 1;
    number
}

#[cfg(test)]
mod tests {
    use super::next;
    use std::iter::repeat_with;

    #[test]
    fn larger_than_all_before_and_never_the_same_again() {
        let mut least = 1;
        let numbers: Vec<u64> = (0..1000).map(|_| next(&mut least)).collect();
        assert!(numbers.is_sorted_by(|one, other| one < other));
        // As after a crash, when nobody knows of them: from the next millisecond on.
        let time = |number: u64| number >> 20;
        let again = repeat_with(|| next(&mut 1)).find(|again| time(*again) > time(numbers[999])).unwrap();
        assert!(again > least, "{again}");
    }

    #[test]
    fn also_when_the_clock_was_ahead() {
        assert_eq!(next(&mut (u64::MAX - 5)), u64::MAX - 5);
    }
}
