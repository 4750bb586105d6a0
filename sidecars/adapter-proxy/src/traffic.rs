//! What goes through a listener: its connections, what they move, and since when they do not.

use crate::address::Address;
use crate::complaints::Complaints;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// From the app
    Up,
    /// To the app
    Down,
}

/// What one listener has had, and has. It outlives the listener as long as a connection of it is open.
pub struct Traffic {
    pub listener: Address,
    pub accepted: Cell<u64>,
    /// Connections that came to nothing, since no endpoint took them
    pub refused: Cell<u64>,
    /// Endpoints that did not take a connection
    pub connect_failures: Cell<u64>,
    pub up: Cell<u64>,
    pub down: Cell<u64>,
    pub complaints: Complaints,
    open: RefCell<BTreeMap<u64, Rc<Progress>>>,
    last: Cell<Instant>,
    /// Who has moved nothing for so long is silent
    quiet_for: Duration,
    ended: Rc<Notify>,
}

/// Of one connection.
struct Progress {
    last: Cell<Instant>,
    /// What has been taken and not been passed on: bytes, or requests
    held: Cell<usize>,
}

impl Progress {
    /// Whether something would be missing if it ended now, as far as can be known: it holds something, or has moved
    /// something within `quiet_for`.
    fn is_under_way(&self, quiet_for: Duration) -> bool {
        self.held.get() > 0 || self.last.get().elapsed() < quiet_for
    }
}

impl Traffic {
    /// `ended` is told whenever a connection has.
    pub fn new(listener: Address, quiet_for: Duration, ended: Rc<Notify>) -> Rc<Self> {
        Rc::new(Self {
            listener,
            accepted: Cell::default(),
            refused: Cell::default(),
            connect_failures: Cell::default(),
            up: Cell::default(),
            down: Cell::default(),
            complaints: Complaints::default(),
            open: RefCell::default(),
            last: Cell::new(Instant::now()),
            quiet_for,
            ended,
        })
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.open.borrow().len()
    }

    /// Of how many something would be missing if they ended now.
    pub fn under_way(&self) -> usize {
        self.open.borrow().values().filter(|progress| progress.is_under_way(self.quiet_for)).count()
    }

    /// When something was moved last, or a connection came or ended.
    pub fn last(&self) -> Instant {
        self.last.get()
    }

    fn touch(&self) -> Instant {
        let now = Instant::now();
        self.last.set(now);
        now
    }
}

/// An open connection of the app's. It counts as open until it is dropped.
pub struct Connection {
    traffic: Rc<Traffic>,
    number: u64,
    progress: Rc<Progress>,
}

impl Connection {
    pub fn of(traffic: &Rc<Traffic>) -> Self {
        let number = traffic.accepted.get() + 1;
        traffic.accepted.set(number);
        let progress = Rc::new(Progress { last: Cell::new(traffic.touch()), held: Cell::new(0) });
        traffic.open.borrow_mut().insert(number, progress.clone());
        Self { traffic: traffic.clone(), number, progress }
    }

    /// So many bytes have been passed on.
    pub fn moved(&self, way: Way, bytes: u64) {
        let counter = match way {
            Way::Up => &self.traffic.up,
            Way::Down => &self.traffic.down,
        };
        counter.set(counter.get() + bytes);
        self.touch();
    }

    /// Something is going on.
    pub fn touch(&self) {
        self.progress.last.set(self.traffic.touch());
    }

    /// So much has been taken that cannot be passed on just now …
    pub fn hold(&self, what: usize) {
        self.progress.held.set(self.progress.held.get() + what);
    }

    /// … and now it can. Who is dropped in between still holds it, and so it is known that something is missing.
    pub fn release(&self, what: usize) {
        self.progress.held.set(self.progress.held.get().saturating_sub(what));
    }

    /// When it did something last.
    pub fn last(&self) -> Instant {
        self.progress.last.get()
    }

    /// Whether it has taken something that it has not passed on.
    pub fn holds(&self) -> bool {
        self.progress.held.get() > 0
    }

    /// Whether something would be missing if it ended now.
    pub fn is_under_way(&self) -> bool {
        self.progress.is_under_way(self.traffic.quiet_for)
    }

    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.traffic.open.borrow_mut().remove(&self.number);
        self.traffic.touch();
        self.traffic.ended.notify_waiters();
    }
}
