//! One endpoint: where it is, how it does, and what it has to do.

use super::Cluster;
use super::health::Health;
use super::latency::Latency;
use super::outlier::Outlier;
use super::tasks::Task;
use crate::address::Address;
use crate::stream::Stream;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Display, Formatter};
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

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
    cluster: Weak<Cluster>,
    pub(super) latency: Latency,
    pub(super) outlier: Outlier,
    pub(super) health: Health,
    /// Active checks, which end with it
    pub(super) checks: RefCell<Option<Task>>,
    /// What it has been given, in parts of its weight: for those that take turns
    pub(super) given: Cell<f64>,
    ends: [Cell<u64>; 6],
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

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "it takes no connection",
            Self::Timeout => "it took too long",
            Self::Broken => "it broke off",
            Self::Status => "it answered that it cannot",
        })
    }
}

/// How a try ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Ok,
    Failed(Failure),
    /// Nobody waited for it any more
    GivenUp,
}

impl End {
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::Failed(Failure::Connect),
        Self::Failed(Failure::Timeout),
        Self::Failed(Failure::Broken),
        Self::Failed(Failure::Status),
        Self::GivenUp,
    ];

    /// For metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed(Failure::Connect) => "connect",
            Self::Failed(Failure::Timeout) => "timeout",
            Self::Failed(Failure::Broken) => "broken",
            Self::Failed(Failure::Status) => "status",
            Self::GivenUp => "given_up",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Ok => 0,
            Self::Failed(Failure::Connect) => 1,
            Self::Failed(Failure::Timeout) => 2,
            Self::Failed(Failure::Broken) => 3,
            Self::Failed(Failure::Status) => 4,
            Self::GivenUp => 5,
        }
    }
}

impl Endpoint {
    /// One of this cluster, which it need not outlive.
    pub fn new(name: &str, address: Address, cluster: Weak<Cluster>) -> Rc<Self> {
        Rc::new(Self {
            name: name.into(),
            address,
            weight: Cell::new(1),
            backup: Cell::new(false),
            busy: Cell::new(0),
            left: Cell::new(false),
            leaving: Notify::new(),
            cluster,
            latency: Latency::new(Instant::now()),
            outlier: Outlier::default(),
            health: Health::default(),
            checks: RefCell::default(),
            given: Cell::new(0.0),
            ends: Default::default(),
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

    /// Tries that are under way.
    pub fn busy(&self) -> u32 {
        self.busy.get()
    }

    /// How many tries ended so.
    pub fn ended(&self, end: End) -> u64 {
        self.ends[end.index()].get()
    }

    /// Whether it does well, as far as one knows.
    pub fn is_well(&self, now: Instant) -> bool {
        self.health.is_up() && self.outlier.is_in(now)
    }

    /// Whether a request that can be sent but once is better off at another one of its group.
    pub fn is_doubtful(&self, now: Instant) -> bool {
        self.outlier.is_doubtful(now)
    }

    /// The one it was made for, if that is still there.
    pub(super) fn cluster(&self) -> Option<Rc<Cluster>> {
        self.cluster.upgrade()
    }

    pub(super) fn leave(&self) {
        self.checks.take();
        self.left.set(true);
        self.leaving.notify_waiters();
    }
}

impl Display for Endpoint {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.address {
            Address::Socket(address) if !is_shown(&self.name, *address) => write!(f, " ({})", address.ip()),
            _ => Ok(()),
        }
    }
}

fn is_shown(name: &str, address: std::net::SocketAddr) -> bool {
    name.parse() == Ok(address)
}

/// A use of an endpoint, which counts as its load until it is dropped. For TCP that is a connection, for HTTP a request.
pub struct Try {
    endpoint: Rc<Endpoint>,
    /// Since when the endpoint takes its time; before that the client does
    begun: Option<Instant>,
    /// The number under which it finds out whether the endpoint is back
    trial: Option<u64>,
    ended: bool,
}

impl Try {
    pub(super) fn of(endpoint: Rc<Endpoint>, now: Instant) -> Self {
        endpoint.busy.set(endpoint.busy.get() + 1);
        endpoint.latency.asked(now);
        let trial = endpoint.outlier.begin(now);
        Self { endpoint, begun: Some(now), trial, ended: false }
    }

    pub fn endpoint(&self) -> &Rc<Endpoint> {
        &self.endpoint
    }

    /// The client has not sent all of it yet: how long that takes says nothing of the endpoint, and nobody else waits for
    /// long until it has found out whether that is back.
    pub fn await_client(&mut self, now: Instant) {
        if self.begun.take().is_some() {
            self.endpoint.latency.no_more();
        }
        if let Some(trial) = self.trial {
            self.endpoint.outlier.share(trial, now);
        }
    }

    /// Now the endpoint has all of it.
    pub fn has_all(&mut self, now: Instant) {
        if self.begun.replace(now).is_none() {
            self.endpoint.latency.asked(now);
            if let Some(trial) = self.trial {
                self.endpoint.outlier.find_out(trial);
            }
        }
    }

    /// It answered, or took the connection, after the time that has passed since it was chosen, or had all of it.
    pub fn succeeded(&mut self) {
        let now = Instant::now();
        if self.end(End::Ok)
            && let Some(begun) = self.begun
        {
            self.endpoint.latency.answered(now, now.saturating_duration_since(begun));
        }
        self.trial = None;
        if self.endpoint.outlier.succeeded(now)
            && let Some(cluster) = self.endpoint.cluster()
        {
            cluster.returned(&self.endpoint);
        }
    }

    /// It did not. After a success that is another fact: a connection that breaks off later, for one.
    pub fn failed(&mut self, failure: Failure) {
        let now = Instant::now();
        if self.end(End::Failed(failure)) {
            let begun = self.begun.unwrap_or(now);
            self.has_all(begun);
            self.endpoint.latency.failed(now, now.saturating_duration_since(begun));
        }
        let was_trial = self.trial.take().is_some();
        if let Some(cluster) = self.endpoint.cluster() {
            cluster.failed(&self.endpoint, now, failure, was_trial);
        }
    }

    /// It was not used at all.
    pub fn undo(mut self) {
        self.came_to_nothing();
    }

    /// The same, for want of something here: that says nothing of the endpoint.
    pub fn came_to_nothing(&mut self) {
        self.ended = true;
        if self.begun.is_some() {
            self.endpoint.latency.no_more();
        }
    }

    /// Counts how it ended. Returns whether that is the first time.
    fn end(&mut self, end: End) -> bool {
        let count = &self.endpoint.ends[end.index()];
        let first = !std::mem::replace(&mut self.ended, true);
        if first {
            count.set(count.get() + 1);
        }
        first
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        if self.end(End::GivenUp)
            && let Some(begun) = self.begun
        {
            let now = Instant::now();
            self.endpoint.latency.given_up(now, now.saturating_duration_since(begun));
        }
        if let Some(trial) = self.trial {
            self.endpoint.outlier.give_up(trial);
        }
        self.endpoint.busy.set(self.endpoint.busy.get().saturating_sub(1));
        if let Some(cluster) = self.endpoint.cluster() {
            cluster.freed();
        }
    }
}
