//! One alarm of the runtime's for the deadlines of all connections.
//!
//! The runtime takes a system call for a deadline that is nearer than the one it sleeps for, and each one that has come
//! wakes it. A request has such a deadline, after which it is sent to another endpoint, too, and is nearly always answered
//! before that: so those that are near each other ring together, and a ring that is not needed any more comes to nothing.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{Instant, Sleep, sleep_until};

/// It rings at multiples of that only, which a second is, too: so much later than a deadline at most.
pub const GRID: Duration = Duration::from_millis(2);

/// It rings so rarely when there is nothing to ring for.
const NEVER: Duration = Duration::from_hours(24);

pub struct Alarm {
    /// By when they are to be looked at. Each is there once
    waiting: RefCell<BTreeMap<(Instant, *const Waiting), Rc<Waiting>>>,
    sleep: RefCell<Pin<Box<Sleep>>>,
    begun: Instant,
    ringing: AbortHandle,
}

/// A deadline, and who waits for it.
pub struct Waiting {
    /// It may be moved to a later time at any time
    pub deadline: Cell<Instant>,
    /// When the alarm rings for it, if it does
    pub rings: Cell<Option<Instant>>,
    pub waker: RefCell<Option<Waker>>,
}

impl Alarm {
    /// Within a `LocalSet`.
    pub fn new() -> Rc<Self> {
        let begun = Instant::now();
        Rc::new_cyclic(|alarm| Self {
            waiting: RefCell::default(),
            sleep: RefCell::new(Box::pin(sleep_until(begun + NEVER))),
            begun,
            ringing: spawn_local(ring(alarm.clone())).abort_handle(),
        })
    }

    /// Rings for it once its deadline has passed, wherever that is by then.
    pub fn add(&self, waiting: &Rc<Waiting>) {
        self.remove(waiting);
        let rings = self.insert(waiting.clone());
        let mut sleep = self.sleep.borrow_mut();
        if rings < sleep.deadline() {
            sleep.as_mut().reset(rings);
        }
    }

    pub fn remove(&self, waiting: &Rc<Waiting>) {
        if let Some(rings) = waiting.rings.take() {
            self.waiting.borrow_mut().remove(&(rings, Rc::as_ptr(waiting)));
        }
    }

    fn insert(&self, waiting: Rc<Waiting>) -> Instant {
        let rings = self.next_after(waiting.deadline.get());
        waiting.rings.set(Some(rings));
        self.waiting.borrow_mut().insert((rings, Rc::as_ptr(&waiting)), waiting);
        rings
    }

    /// Later than the deadline, and by `GRID` at most.
    fn next_after(&self, deadline: Instant) -> Instant {
        let since = deadline.saturating_duration_since(self.begun);
        deadline + GRID - Duration::from_nanos((since.subsec_nanos() % GRID.subsec_nanos()).into())
    }

    fn poll(&self, context: &mut Context) -> Poll<()> {
        loop {
            ready!(self.sleep.borrow_mut().as_mut().poll(context));
            let now = Instant::now();
            let next = self.ring(now).unwrap_or(now + NEVER);
            self.sleep.borrow_mut().as_mut().reset(next);
        }
    }

    /// Wakes who has waited long enough, and puts those whose deadlines were moved where they belong now, so that it does
    /// not ring for them before that. Says when it has to ring next.
    fn ring(&self, now: Instant) -> Option<Instant> {
        loop {
            let mut all = self.waiting.borrow_mut();
            let first = all.first_entry()?;
            let (rings, deadline) = (first.key().0, first.get().deadline.get());
            if deadline > now && deadline < rings {
                return Some(rings);
            }
            let waiting = first.remove();
            drop(all);
            waiting.rings.set(None);
            if deadline > now {
                self.insert(waiting);
            } else if let Some(waker) = waiting.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.ringing.abort();
    }
}

async fn ring(alarm: Weak<Alarm>) {
    std::future::poll_fn(|context| alarm.upgrade().map_or(Poll::Ready(()), |alarm| alarm.poll(context))).await;
}
