//! One endpoint: where it is, how it does, and what it has to do.

use crate::address::Address;
use crate::stream::Stream;
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout;

pub struct Endpoint {
    /// As it was written; for a name, its address is not in it
    pub name: Rc<str>,
    pub address: Address,
    pub weight: Cell<u32>,
    pub backup: Cell<bool>,
    /// Tries that are under way
    busy: Cell<u32>,
    /// It is in its cluster no more
    left: Cell<bool>,
    leaving: Notify,
}

/// How a try failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It takes no connection
    Connect,
    /// It took too long
    Timeout,
    /// It broke off
    Broken,
    /// It answered that it cannot: a status of 500 or more
    Status,
}

impl Endpoint {
    pub fn new(name: &str, address: Address) -> Rc<Self> {
        Rc::new(Self {
            name: name.into(),
            address,
            weight: Cell::new(1),
            backup: Cell::new(false),
            busy: Cell::new(0),
            left: Cell::new(false),
            leaving: Notify::new(),
        })
    }

    /// # Errors
    /// When it does not take the connection, or not within `limit`.
    pub async fn connect(&self, limit: Duration) -> io::Result<Stream> {
        timeout(limit, Stream::connect(&self.address)).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// Whether it is in its cluster no more: what it has under way may end, and nothing new begins.
    pub fn has_left(&self) -> bool {
        self.left.get()
    }

    /// Resolves when it is in its cluster no more.
    pub async fn left(&self) {
        while !self.left.get() {
            self.leaving.notified().await;
        }
    }
}

/// A use of an endpoint, which counts as its load until it is dropped. For TCP that is a connection, for HTTP a request.
pub struct Try {
    endpoint: Rc<Endpoint>,
    begun: Instant,
}

impl Try {
    pub(super) fn of(endpoint: Rc<Endpoint>) -> Self {
        endpoint.busy.set(endpoint.busy.get() + 1);
        Self { endpoint, begun: Instant::now() }
    }

    pub fn endpoint(&self) -> &Rc<Endpoint> {
        &self.endpoint
    }

    /// It answered, or took the connection, after the time that has passed since it was chosen.
    pub fn succeeded(&mut self) {
        let _took = self.begun.elapsed();
    }

    /// It did not.
    pub fn failed(&mut self, _failure: Failure) {}
}

impl Drop for Try {
    fn drop(&mut self) {
        self.endpoint.busy.set(self.endpoint.busy.get() - 1);
    }
}
