//! What the admin endpoint tells.

use crate::door::Shared;
use adapter_proxy::cluster::{self, Cluster};
use adapter_proxy::filter;
use adapter_proxy::http::{self, Http};
use adapter_proxy::listener::Listener;
use adapter_proxy::traffic::Traffic;
use chassis::admin::{Page, Service};
use chassis::exposition::Exposition;
use chassis::reload::Reloads;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use tokio::sync::Notify;

#[derive(Default)]
pub struct Status {
    pub listening: Cell<bool>,
    pub listeners: RefCell<Vec<Rc<Listener>>>,
    /// What each listener has had, and the name of the cluster it leads to
    pub traffic: RefCell<Vec<(Rc<Traffic>, Rc<str>)>>,
    /// Of listeners that speak HTTP, each
    pub http: RefCell<Vec<Rc<Http>>>,
    pub clusters: RefCell<BTreeMap<String, Rc<Cluster>>>,
    pub shared: Rc<Shared>,
    pub reloads: Reloads,
    pub filters: Rc<filter::Counters>,
    /// Told by a POST of /quit; `None` where there is no such thing
    pub quit: Option<Notify>,
}

impl Status {
    /// Of listeners that there are, and of those that are gone and have connections left.
    pub fn traffic(&self) -> Vec<Rc<Traffic>> {
        self.traffic.borrow().iter().map(|(traffic, _)| traffic.clone()).collect()
    }
}

impl Service for Status {
    /// Whether the app can connect. How the endpoints do is another thing: that the app has to be told anyway.
    fn ready(&self) -> Result<(), String> {
        if !self.listening.get() {
            return Err("not listening yet".into());
        }
        match self.listeners.borrow().iter().find_map(|listener| listener.lost()) {
            Some(path) => Err(format!("somebody has removed {}: a reload or a restart makes it anew", path.display())),
            None => Ok(()),
        }
    }

    fn metrics(&self) -> String {
        let mut page = Exposition::new();
        self.connections(&mut page);
        http::write_metrics(&self.http.borrow(), &mut page);
        cluster::metrics(&self.clusters(), &mut page);
        self.filters.write(&mut page);
        page.gauge("adapter_proxy_pipes", "Pipes for splice, used or to be used again")
            .sample(&[], self.shared.tcp.pipes.made());
        self.reloads.write("adapter_proxy_reloads_total", &mut page);
        page.resident_memory("adapter_proxy_resident_memory_bytes");
        page.finish()
    }

    fn page(&self, path: &str) -> Option<Page> {
        let body = || cluster::page(&self.clusters());
        (path == "/endpoints").then(|| Page { content_type: "application/json", body: body() })
    }

    fn pages(&self) -> &'static [&'static str] {
        &["/endpoints"]
    }

    fn post(&self, path: &str) -> Option<String> {
        let quit = self.quit.as_ref().filter(|_| path == "/quit")?;
        quit.notify_one();
        Some("ending\n".into())
    }
}

impl Status {
    fn clusters(&self) -> Vec<Rc<Cluster>> {
        self.clusters.borrow().values().cloned().collect()
    }

    fn connections(&self, page: &mut Exposition) {
        let all = self.traffic.borrow();
        let family = |page: &mut Exposition, value: &dyn Fn(&Traffic) -> u64| {
            for (traffic, cluster) in &*all {
                page.sample(&[("listener", &traffic.listener.to_string()), ("cluster", cluster)], value(traffic));
            }
        };
        page.counter("adapter_proxy_connections_total", "Connections from the app");
        family(page, &|traffic| traffic.accepted.get());
        page.gauge("adapter_proxy_connections_open", "Connections that are open");
        family(page, &|traffic| traffic.open() as u64);
        page.counter("adapter_proxy_connections_refused_total", "Connections that no endpoint took");
        family(page, &|traffic| traffic.refused.get());
        page.counter("adapter_proxy_connect_failures_total", "Endpoints that did not take a connection");
        family(page, &|traffic| traffic.connect_failures.get());
        page.counter("adapter_proxy_received_bytes_total", "Bytes from the app to an endpoint");
        family(page, &|traffic| traffic.up.get());
        page.counter("adapter_proxy_sent_bytes_total", "Bytes from an endpoint to the app");
        family(page, &|traffic| traffic.down.get());
    }
}
