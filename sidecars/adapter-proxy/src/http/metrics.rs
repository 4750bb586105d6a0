//! What is counted.

use super::{Http, buffer};
use chassis::exposition::{Exposition, Histogram};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// The first digit of a status; 0 for a client that was gone before there was one.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

#[derive(Default)]
pub struct Counters {
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
    /// Connections to upstreams, and requests that took one from the pool
    pub connects: Cell<u64>,
    pub reuses: Cell<u64>,
    /// Requests that were refused because others hold all the memory that they may
    pub memory: Cell<u64>,
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
    pub fn request(&self) -> Held<'_> {
        Held::of(&self.active)
    }

    pub fn answered(&self, status: u16, took: Duration) {
        self.refused(status);
        self.took.add(took);
    }

    /// What was no request yet.
    pub fn refused(&self, status: u16) {
        add(&self.requests[usize::from(status / 100).min(CLASSES.len() - 1)], 1);
    }

    /// Requests that are being answered; connections that wait for one are none.
    pub fn active(&self) -> u64 {
        self.active.get()
    }
}

/// The metrics of all that speak HTTP.
pub fn write(all: &[Rc<Http>], page: &mut Exposition) {
    let Some(one) = all.first() else { return };
    let names: Vec<_> = all.iter().map(|http| (http, http.listener.as_str(), http.routing().name())).collect();
    page.counter("adapter_proxy_http_requests_total", "Requests, by what they were answered");
    for (http, listener, cluster) in &names {
        for (class, count) in CLASSES.iter().zip(&http.counters.requests) {
            page.sample(&[("listener", listener), ("cluster", cluster), ("code", class)], count.get());
        }
    }
    page.times("adapter_proxy_http_request_seconds", "From the whole head of a request to the end of the answer");
    for (http, listener, cluster) in &names {
        page.histogram(&[("listener", listener), ("cluster", cluster)], &http.counters.took);
    }
    let each = |page: &mut Exposition, value: fn(&Http) -> u64| {
        for (http, listener, cluster) in &names {
            page.sample(&[("listener", listener), ("cluster", cluster)], value(http));
        }
    };
    page.counter("adapter_proxy_http_retries_total", "Requests that were sent once more");
    each(page, |http| http.counters.retries.get());
    page.counter(
        "adapter_proxy_http_hedges_total",
        "Requests that were sent to another endpoint because one took too long",
    );
    each(page, |http| http.counters.hedges.get());
    page.counter("adapter_proxy_http_hedges_won_total", "Those that were answered there first");
    each(page, |http| http.counters.hedges_won.get());
    page.counter(
        "adapter_proxy_http_budget_exhausted_total",
        "Times that a request was not sent once more because too many were",
    );
    each(page, |http| http.counters.exhausted.get());
    page.counter("adapter_proxy_http_upstream_connects_total", "Connections to upstreams that were begun");
    each(page, |http| http.counters.connects.get());
    page.counter("adapter_proxy_http_upstream_reuses_total", "Requests over a connection that there was");
    each(page, |http| http.counters.reuses.get());
    page.counter("adapter_proxy_http_memory_refusals_total", "Requests refused since others held too much memory");
    each(page, |http| http.counters.memory.get());
    page.gauge("adapter_proxy_http_active_requests", "Requests that are being answered");
    each(page, |http| http.counters.active.get());
    page.gauge("adapter_proxy_http_idle_upstream_connections", "Connections that wait for a request");
    each(page, |http| http.pool.len() as u64);
    page.gauge("adapter_proxy_http_buffered_bytes", "Memory that requests of all listeners hold")
        .sample(&[], buffer::held() as u64);
    page.counter("adapter_proxy_access_log_left_out_total", "Lines that nobody was quick enough to read")
        .sample(&[], one.log.left_out());
}
