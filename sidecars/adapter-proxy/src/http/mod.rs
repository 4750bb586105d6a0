//! HTTP/1.1, from a client's first byte to the last of an answer. An engine of its own, so that it can be told of each
//! request what has been sent where, and so whether it may be sent again.

mod access_log;
mod alarm;
mod attempt;
mod budget;
mod buffer;
pub mod chunked;
mod client;
mod collect;
mod exchange;
pub mod framing;
mod metrics;
pub mod names;
mod pool;
mod problem;
mod pump;
mod recent;
mod refusal;
mod reply;
pub mod request;
pub mod response;
mod routing;
pub mod scan;
mod timer;
mod trace;
mod upgrade;

pub use access_log::AccessLog;
pub use client::serve;
pub use metrics::{Counters, write as write_metrics};
pub use refusal::Refusal;
pub use routing::Routing;

use crate::config;
use alarm::Alarm;
use budget::Budget;
use pool::Pool;
use recent::Recent;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What waits in a pool is looked at after so long; while nothing comes to it, after twice as long each time, up to the
/// other.
const SWEEP: Duration = Duration::from_secs(1);
const LONGEST_SWEEP: Duration = Duration::from_secs(5);

/// What all connections to one listener share.
pub struct Http {
    /// Where it listens
    pub listener: String,
    settings: RefCell<Rc<config::Http>>,
    idle_timeout: Cell<Duration>,
    routing: RefCell<Rc<Routing>>,
    pool: Pool,
    budget: Budget,
    recent: Recent,
    alarm: Rc<Alarm>,
    pub counters: Counters,
    log: Rc<AccessLog>,
    sweeping: Cell<bool>,
}

impl Http {
    /// What a listener serves. `log` is the one of the whole program. Within a `LocalSet`.
    pub fn new(listener: &config::Listener, routing: Rc<Routing>, log: Rc<AccessLog>) -> Rc<Self> {
        Rc::new(Self {
            listener: listener.listen.to_string(),
            settings: RefCell::new(Rc::new(listener.http.clone())),
            idle_timeout: Cell::new(listener.idle_timeout),
            routing: RefCell::new(routing),
            pool: Pool::default(),
            budget: Budget::new(),
            recent: Recent::new(),
            alarm: Alarm::new(),
            counters: Counters::default(),
            log,
            sweeping: Cell::new(false),
        })
    }

    /// Follows a new configuration, from each connection's next request on.
    pub fn follow(&self, listener: &config::Listener, routing: Rc<Routing>) {
        self.routing.replace(routing);
        *self.settings.borrow_mut() = Rc::new(listener.http.clone());
        self.idle_timeout.set(listener.idle_timeout);
    }

    fn routing(&self) -> Rc<Routing> {
        self.routing.borrow().clone()
    }

    fn settings(&self) -> Rc<config::Http> {
        self.settings.borrow().clone()
    }

    /// Looks after the pool for as long as there is something in it.
    fn sweep(self: &Rc<Self>) {
        if self.sweeping.replace(true) {
            return;
        }
        let this = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            let mut pause = SWEEP;
            loop {
                sleep(pause).await;
                let Some(this) = this.upgrade() else { return };
                let (settings, now) = (this.settings(), Instant::now());
                this.pool.sweep(&settings.idle_upstreams, now);
                if this.pool.len() == 0 {
                    this.sweeping.set(false);
                    return;
                }
                pause = if this.pool.was_used() { SWEEP } else { LONGEST_SWEEP.min(2 * pause) };
            }
        });
    }
}

/// A client, as the fields of a request name it; empty as long as none does, since asking the kernel takes a call.
#[derive(Default)]
pub struct ClientAddress {
    plain: String,
    /// For `Forwarded` (RFC 7239, 6)
    quoted: String,
}

impl ClientAddress {
    pub fn of(peer: Option<SocketAddr>) -> Self {
        match peer.map(|peer| peer.ip().to_canonical()) {
            Some(ip) if ip.is_ipv6() => Self { plain: ip.to_string(), quoted: format!("\"[{ip}]\"") },
            Some(ip) => Self { plain: ip.to_string(), quoted: ip.to_string() },
            None => Self { plain: "unix".into(), quoted: "_unix".into() },
        }
    }
}
