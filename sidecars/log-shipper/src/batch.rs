//! Events on their way to the sink.

/// Encoded events, and how far the files have been shipped once the sink has all of them.
#[derive(Default)]
pub struct Batch {
    /// As the sink takes it: for Elasticsearch an action line and a document line for each event
    pub body: Vec<u8>,
    /// Where each event ends in `body`
    pub ends: Vec<u32>,
    /// How many events there are, also of those that leave nothing in `body`
    pub items: u64,
    /// For each generation of a file that is in it: everything before this offset has been shipped, then
    pub reach: Vec<(u64, u64)>,
    /// Bytes of the files it was made of
    pub read: u64,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// For the next events, in the same memory.
    pub fn clear(&mut self) {
        self.clear_events();
        self.reach.clear();
        self.read = 0;
    }

    /// The sink has the events; how far the files have been shipped is still to be noted.
    pub fn clear_events(&mut self) {
        self.body.clear();
        self.ends.clear();
        self.items = 0;
    }

    /// The event just written to `body` is whole.
    pub fn seal(&mut self) {
        // A batch is a few MiB at most.
        self.ends.push(u32::try_from(self.body.len()).unwrap_or(u32::MAX));
        self.items += 1;
    }

    /// There is an event more, of which nothing is to be written.
    pub fn count(&mut self) {
        self.items += 1;
    }

    /// The files have been decoded up to there.
    pub fn reached(&mut self, generation: u64, offset: u64) {
        match self.reach.iter_mut().find(|(known, _)| *known == generation) {
            Some((_, reached)) => *reached = offset,
            None => self.reach.push((generation, offset)),
        }
    }
}
