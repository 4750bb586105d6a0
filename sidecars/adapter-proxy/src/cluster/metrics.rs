//! What `/metrics` tells of clusters.

use super::{Cluster, End, Endpoint};
use chassis::exposition::Exposition;
use std::rc::Rc;
use tokio::time::Instant;

/// Writes a sample of an endpoint, which has these labels.
type Sample<'a> = dyn FnMut(&[(&str, &str)], &Endpoint) + 'a;

/// Of all clusters: a family is written once.
pub fn metrics(clusters: &[Rc<Cluster>], page: &mut Exposition) {
    let now = Instant::now();
    of_clusters(clusters, now, page);
    // An address is one endpoint of its cluster at most, so that no two samples have the same labels.
    let lists: Vec<_> = clusters.iter().map(|cluster| (&*cluster.name, cluster.members.list().clone())).collect();
    let each = |sample: &mut Sample| {
        for (cluster, endpoints) in &lists {
            for endpoint in endpoints {
                let address = endpoint.address.to_string();
                sample(&[("cluster", cluster), ("endpoint", &endpoint.name), ("address", &address)], endpoint);
            }
        }
    };
    page.gauge(
        "adapter_proxy_endpoint_up",
        "Whether it does well: it passes its checks, and is not left out or on trial",
    );
    each(&mut |labels, endpoint| {
        page.sample(labels, u8::from(endpoint.is_well(now) && endpoint.outlier.until().is_none()));
    });
    page.gauge("adapter_proxy_endpoint_busy", "Tries under way: connections, or for HTTP requests");
    each(&mut |labels, endpoint| {
        page.sample(labels, endpoint.busy());
    });
    page.gauge(
        "adapter_proxy_endpoint_latency_seconds",
        "How long it takes to connect, or for HTTP to answer: peak EWMA",
    );
    each(&mut |labels, endpoint| {
        page.sample(labels, endpoint.latency.average());
    });
    page.counter("adapter_proxy_endpoint_tries_total", "Tries, by how they ended");
    each(&mut |labels, endpoint| {
        for end in End::ALL {
            page.sample(&[labels, &[("result", end.name())]].concat(), endpoint.ended(end));
        }
    });
    page.counter("adapter_proxy_endpoint_ejections_total", "How often it was left out after failures in a row");
    each(&mut |labels, endpoint| {
        page.sample(labels, endpoint.outlier.ejections());
    });
    page.counter("adapter_proxy_endpoint_checks_total", "Active checks, by how they ended");
    each(&mut |labels, endpoint| {
        let (passed, failed) = endpoint.health.counts();
        for (result, count) in [("ok", passed), ("failed", failed)] {
            page.sample(&[labels, &[("result", result)]].concat(), count);
        }
    });
}

fn of_clusters(clusters: &[Rc<Cluster>], now: Instant, page: &mut Exposition) {
    let each = |page: &mut Exposition, value: &dyn Fn(&Cluster) -> u64| {
        for cluster in clusters {
            page.sample(&[("cluster", &cluster.name)], value(cluster));
        }
    };
    page.gauge("adapter_proxy_cluster_endpoints", "Endpoints that it has");
    each(page, &|cluster| cluster.members.list().len() as u64);
    page.gauge("adapter_proxy_cluster_panic", "Whether so few endpoints are well that all are used");
    each(page, &|cluster| u64::from(cluster.panics(now)));
    page.gauge("adapter_proxy_cluster_pending", "Those that wait for an endpoint");
    each(page, &|cluster| cluster.waiting.count() as u64);
    page.counter("adapter_proxy_cluster_resolves_total", "Names that were looked up");
    each(page, &|cluster| cluster.counters.resolves.get());
    page.counter(
        "adapter_proxy_cluster_resolve_failures_total",
        "Names that could not be looked up, or have no addresses",
    );
    each(page, &|cluster| cluster.counters.resolve_failures.get());
    page.counter("adapter_proxy_cluster_file_failures_total", "Times that the file of endpoints was wrong, or empty");
    each(page, &|cluster| cluster.counters.file_failures.get());
    page.counter("adapter_proxy_cluster_unavailable_total", "Tries that found no endpoint, or all of them busy");
    for cluster in clusters {
        for (reason, count) in [("none", &cluster.counters.none), ("busy", &cluster.counters.refused)] {
            page.sample(&[("cluster", &cluster.name), ("reason", reason)], count.get());
        }
    }
}
