//! Warnings that may come thousands of times a second: one of a kind in a while is said.

use chassis::message;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// So often one of the same kind, about the same endpoint or cluster, is said.
const EVERY: Duration = Duration::from_secs(1);

/// Of more pairs than that the oldest are forgotten, so that names which come and go do not pile up.
const MOST: usize = 256;

#[derive(Default)]
pub struct Complaints {
    last: RefCell<BTreeMap<(&'static str, Rc<str>), Said>>,
}

#[derive(Clone, Copy)]
struct Said {
    at: Instant,
    unsaid: u64,
}

impl Complaints {
    /// Says it, unless something like it was said just now; how often that was so is said with the next one.
    pub fn say(&self, kind: &'static str, about: &Rc<str>, text: impl Display) {
        let (now, mut last) = (Instant::now(), self.last.borrow_mut());
        let is_new = |said: &Said| now.saturating_duration_since(said.at) < EVERY;
        if last.len() >= MOST {
            last.retain(|_, said| is_new(said));
        }
        let is_full = last.len() >= MOST;
        let unsaid = match last.get_mut(&(kind, about.clone())) {
            Some(said) if is_new(said) => {
                said.unsaid += 1;
                return;
            }
            Some(said) => said.unsaid,
            None if is_full => return,
            None => 0,
        };
        last.insert((kind, about.clone()), Said { at: now, unsaid: 0 });
        match unsaid {
            0 => message::warning(text),
            unsaid => message::warning(format_args!("{text} (and {unsaid} more of that kind before)")),
        }
    }
}
