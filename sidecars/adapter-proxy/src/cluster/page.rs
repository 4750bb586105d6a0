//! What `/endpoints` tells: each endpoint, and in words why it is used or not.

use super::{Cluster, End, Endpoint};
use serde::Serialize;
use std::rc::Rc;
use tokio::time::Instant;

#[derive(Serialize)]
struct Line<'a> {
    cluster: &'a str,
    name: &'a str,
    address: String,
    /// `up`, `down`, `ejected`, `trial` or `leaving`
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    weight: u32,
    backup: bool,
    busy: u32,
    ewma_ms: f64,
    tries: u64,
    failures_in_a_row: u32,
    ejections: u64,
    /// In seconds from now
    #[serde(skip_serializing_if = "Option::is_none")]
    ejected_for: Option<f64>,
}

/// A JSON array of all endpoints of all clusters.
pub fn page(clusters: &[Rc<Cluster>]) -> String {
    let now = Instant::now();
    let lists: Vec<_> =
        clusters.iter().map(|cluster| (cluster, cluster.members.list().clone(), cluster.members.leaving())).collect();
    let lines: Vec<_> = lists
        .iter()
        .flat_map(|(cluster, here, leaving)| {
            here.iter().chain(leaving).map(|endpoint| line(&cluster.name, endpoint, now))
        })
        .collect();
    // Texts and numbers are always JSON.
    serde_json::to_string_pretty(&lines).unwrap_or_default() + "\n"
}

fn line<'a>(cluster: &'a str, endpoint: &'a Endpoint, now: Instant) -> Line<'a> {
    let (failures, last) = endpoint.outlier.failures();
    let until = endpoint.outlier.until();
    let failed = || last.map(|last| format!("{failures} failures in a row, the last: {last}"));
    let (state, reason) = if endpoint.has_left() {
        ("leaving", Some("it is in its cluster no more, and has something under way".into()))
    } else if let Some(wrong) = endpoint.health.wrong() {
        ("down", Some(wrong))
    } else if until.is_some_and(|until| now < until) {
        ("ejected", failed())
    } else if until.is_some() {
        ("trial", failed())
    } else {
        ("up", None)
    };
    Line {
        cluster,
        name: &endpoint.name,
        address: endpoint.address.to_string(),
        state,
        reason,
        weight: endpoint.weight.get(),
        backup: endpoint.backup.get(),
        busy: endpoint.busy(),
        ewma_ms: (endpoint.latency.average() * 1e6).round() / 1e3,
        tries: End::ALL.map(|end| endpoint.ended(end)).iter().sum(),
        failures_in_a_row: failures,
        ejections: endpoint.outlier.ejections(),
        ejected_for: until.map(|until| until.saturating_duration_since(now).as_secs_f64()).filter(|time| *time > 0.0),
    }
}
