//! Messages about endpoints that fail: all kinds of them, none of them in a flood.

use chassis::message;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// One of a kind and an endpoint in so long.
const PAUSE: Duration = Duration::from_secs(1);

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
    pub fn say(&self, kind: &'static str, endpoint: &Rc<str>, text: impl Display) {
        let (now, mut last) = (Instant::now(), self.last.borrow_mut());
        if last.len() >= MOST {
            last.retain(|_, said| now.saturating_duration_since(said.at) < PAUSE);
        }
        let is_full = last.len() >= MOST;
        let unsaid = match last.get_mut(&(kind, endpoint.clone())) {
            Some(said) if now.saturating_duration_since(said.at) < PAUSE => {
                said.unsaid += 1;
                return;
            }
            Some(said) => said.unsaid,
            None if is_full => return,
            None => 0,
        };
        last.insert((kind, endpoint.clone()), Said { at: now, unsaid: 0 });
        let more = if unsaid > 0 { format!(" (and {unsaid} more since the last message)") } else { String::new() };
        message::warning(format_args!("{text}{more}"));
    }
}
