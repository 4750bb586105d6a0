//! Which log reads which file.

use crate::input::generation::Generation;
use crate::input::identity::{Identity, Seen};
use std::collections::HashMap;

/// Logs by the files that they read or have read, each with its time of birth: a number that was given away is that of
/// two files, until the log of the one that is gone has been compared with its directory.
#[derive(Default)]
pub(super) struct Readers(HashMap<(Identity, u64), usize>);

impl Readers {
    pub fn of(&self, seen: &Seen) -> Option<usize> {
        let born = [seen.born, 0]; // or it was not known when it was read
        born.iter().find_map(|born| self.0.get(&(seen.identity, *born)).copied())
    }

    pub fn insert(&mut self, generation: &Generation, log: usize) {
        if let Some(identity) = generation.identity {
            self.0.insert((identity, generation.born), log);
        }
    }

    pub fn remove(&mut self, generation: &Generation) {
        if let Some(identity) = generation.identity {
            self.0.remove(&(identity, generation.born));
        }
    }
}
