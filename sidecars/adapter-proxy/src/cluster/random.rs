//! Numbers that nobody is to guess right too often; not for secrets. A system call for each would cost more than a choice.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

/// xorshift64*: <https://doi.org/10.1145/2845077>
pub struct Random(Cell<u64>);

impl Random {
    /// Another one in each process, so that many proxies do not all choose the same.
    pub fn new() -> Self {
        let mut seed = [0; 8];
        let filled = rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::NONBLOCK);
        // Early at boot the kernel has none yet.
        let seed = if filled == Ok(8) { u64::from_ne_bytes(seed) } else { clock() };
        Self(Cell::new(seed.max(1)))
    }

    pub fn number(&self) -> u64 {
        let mut state = self.0.get();
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.0.set(state);
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// One of the numbers below `end`; 0 when there is none.
    pub fn below(&self, end: u64) -> u64 {
        let product = u128::from(self.number()) * u128::from(end);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// From 0 to below 1.
    #[expect(clippy::cast_precision_loss, reason = "32 bits fit")]
    pub fn fraction(&self) -> f64 {
        (self.number() >> 32) as f64 / 4_294_967_296.0
    }
}

fn clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs() ^ u64::from(now.subsec_nanos()) << 32
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn all_of_them_come() {
        let random = Random::new();
        let mut seen = [0; 5];
        for _ in 0..5000 {
            seen[usize::try_from(random.below(5)).unwrap()] += 1;
            assert!((0.0..1.0).contains(&random.fraction()));
        }
        assert!(seen.iter().all(|count| (500..1500).contains(count)), "{seen:?}");
        assert_eq!((random.below(0), random.below(1)), (0, 0));
    }
}
