//! Clusters without a network, and in a time of their own.

mod balancing;
mod changes;
mod failing;
mod limits;

use super::{Cluster, Endpoint, Try, Unavailable};
use crate::config;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

/// What these settings say; endpoints are on `127.0.0.1`.
fn settings(text: &str) -> config::Cluster {
    chassis::config::parse(Path::new("x"), text).unwrap_or_else(|wrong| panic!("{}", wrong.0))
}

fn cluster(text: &str) -> Rc<Cluster> {
    Cluster::new("test", &settings(text))
}

/// By its port.
fn endpoint(cluster: &Cluster, port: u16) -> Rc<Endpoint> {
    let list = cluster.members.list();
    list.iter().find(|endpoint| *endpoint.name == format!("127.0.0.1:{port}")).unwrap().clone()
}

fn port(endpoint: &Endpoint) -> u16 {
    endpoint.name.rsplit(':').next().unwrap().parse().unwrap()
}

/// The ports of so many choices, each of which succeeds at once.
fn ports(cluster: &Cluster, count: usize) -> Vec<u16> {
    let one = |_| {
        let mut chosen = cluster.choose(&[]).ok()?;
        chosen.succeeded();
        Some(port(chosen.endpoint()))
    };
    (0..count).filter_map(one).collect()
}

/// How often each of them is there.
fn counts(ports: &[u16]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for port in ports {
        *counts.entry(*port).or_default() += 1;
    }
    counts
}

/// Why there is none.
fn refused(result: Result<Try, Unavailable>) -> Option<Unavailable> {
    result.err()
}
