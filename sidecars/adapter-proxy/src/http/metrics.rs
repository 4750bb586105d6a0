//! What is counted.

use super::Http;
use chassis::exposition::{Exposition, Histogram};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// The first digit of a status; 0 for a client that was gone before there was one.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

#[derive(Default)]
pub struct Counters {
    connections: Cell<u64>,
    open: Cell<u64>,
    /// Requests that are being answered
    active: Cell<u64>,
    requests: [Cell<u64>; CLASSES.len()],
    took: Histogram,
    pub retries: Cell<u64>,
    pub hedges: Cell<u64>,
    /// Hedges that answered first
    pub hedges_won: Cell<u64>,
    /// Retries and hedges that there was no budget for
    pub exhausted: Cell<u64>,
    pub received: Cell<u64>,
    pub sent: Cell<u64>,
    /// Connections to upstreams, and requests that took one from the pool
    pub connects: Cell<u64>,
    pub reuses: Cell<u64>,
}

/// Counts for as long as it is held.
pub struct Held<'a>(&'a Cell<u64>);

impl<'a> Held<'a> {
    fn of(gauge: &'a Cell<u64>) -> Self {
        add(gauge, 1);
        Self(gauge)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

pub fn add(counter: &Cell<u64>, count: u64) {
    counter.set(counter.get() + count);
}

impl Counters {
    pub fn connection(&self) -> Held<'_> {
        add(&self.connections, 1);
        Held::of(&self.open)
    }

    pub fn request(&self) -> Held<'_> {
        Held::of(&self.active)
    }

    pub fn answered(&self, status: u16, took: Duration) {
        let class = &self.requests[usize::from(status / 100).min(CLASSES.len() - 1)];
        add(class, 1);
        self.took.add(took);
    }

    /// Requests that are being answered; connections that wait for one are none.
    pub fn active(&self) -> u64 {
        self.active.get()
    }
}

/// The metrics of all that speak HTTP.
pub fn write(all: &[Rc<Http>], page: &mut Exposition) {
    type Of = fn(&Http) -> u64;
    let Some(one) = all.first() else { return };
    page.counter("adapter_proxy_http_requests_total", "Requests, by what they were answered");
    for http in all {
        for (class, count) in CLASSES.iter().zip(&http.counters.requests) {
            page.sample(&[("listener", &http.listener), ("cluster", &http.cluster.name), ("code", class)], count.get());
        }
    }
    page.times("adapter_proxy_http_request_seconds", "From the whole head of a request to the end of the answer");
    for http in all {
        page.histogram(&[("listener", &http.listener), ("cluster", &http.cluster.name)], &http.counters.took);
    }
    let mut families = |kind: fn(&mut Exposition, &'static str, &str), families: &[(&'static str, &str, Of)]| {
        for (name, help, value) in families {
            kind(page, name, help);
            for http in all {
                page.sample(&[("listener", &http.listener), ("cluster", &http.cluster.name)], value(http));
            }
        }
    };
    families(
        |page, name, help| {
            page.counter(name, help);
        },
        &[
            ("adapter_proxy_http_connections_total", "Connections that were taken", |http| {
                http.counters.connections.get()
            }),
            ("adapter_proxy_http_retries_total", "Requests that were sent once more", |http| {
                http.counters.retries.get()
            }),
            (
                "adapter_proxy_http_hedges_total",
                "Requests that were sent to another endpoint because one took too long",
                |http| http.counters.hedges.get(),
            ),
            ("adapter_proxy_http_hedges_won_total", "Those that were answered there first", |http| {
                http.counters.hedges_won.get()
            }),
            (
                "adapter_proxy_http_budget_exhausted_total",
                "Requests that were not sent once more because too many were",
                |http| http.counters.exhausted.get(),
            ),
            ("adapter_proxy_http_received_bytes_total", "Bytes of bodies from clients", |http| {
                http.counters.received.get()
            }),
            ("adapter_proxy_http_sent_bytes_total", "Bytes to clients", |http| http.counters.sent.get()),
            ("adapter_proxy_http_upstream_connects_total", "Connections to upstreams that were begun", |http| {
                http.counters.connects.get()
            }),
            ("adapter_proxy_http_upstream_reuses_total", "Requests over a connection that there was", |http| {
                http.counters.reuses.get()
            }),
        ],
    );
    families(
        |page, name, help| {
            page.gauge(name, help);
        },
        &[
            ("adapter_proxy_http_open_connections", "Connections of clients", |http| http.counters.open.get()),
            ("adapter_proxy_http_active_requests", "Requests that are being answered", |http| {
                http.counters.active.get()
            }),
            ("adapter_proxy_http_idle_upstream_connections", "Connections that wait for a request", |http| {
                http.pool.len() as u64
            }),
        ],
    );
    page.counter("adapter_proxy_access_log_left_out_total", "Lines that nobody was quick enough to read")
        .sample(&[], one.log.left_out());
}
