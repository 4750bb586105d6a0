//! What goes wrong for everybody at once is said once.

use chassis::message;
use std::cell::Cell;
use std::fmt::Display;
use std::time::{Duration, Instant};

/// So often one of the same kind is said.
const EVERY: Duration = Duration::from_secs(1);

/// A kind of warning, which may come thousands of times a second.
#[derive(Default)]
pub struct Complaint {
    last: Cell<Option<Instant>>,
    kept: Cell<u64>,
}

impl Complaint {
    /// Says it, unless something like it was said just now; how often that was so is said with the next one.
    pub fn say(&self, text: impl Display) {
        if self.last.get().is_some_and(|last| last.elapsed() < EVERY) {
            self.kept.set(self.kept.get() + 1);
            return;
        }
        self.last.set(Some(Instant::now()));
        match self.kept.take() {
            0 => message::warning(text),
            kept => message::warning(format_args!("{text}, and {kept} more of that kind before")),
        }
    }
}
