//! What is asked of adapter-proxy, and what it does.

use super::http::Http;
use super::quiet::{Quiet, megabytes};
use super::tcp::Tcp;
use super::{Rounds, ratio};
use crate::table::{Table, number};
use anyhow::{Context, Result};
use serde_json::Value;
use std::fs;

/// In the order of `names`, adapter-proxy first.
///
/// # Errors
/// If it has no image.
pub fn table(names: &[&str], alive: &Http, each: &Http, tcp: &Tcp, quiet: &Quiet) -> Result<Table> {
    let mut rows = vec![];
    let mut row = |what: &'static str, most: String, is: String| rows.push((what, most, is));
    let times = |figure: f64| number(figure, 2) + "×";

    row("CPU per request to the better of haproxy and nginx, at most", times(1.0), times(to_best(&alive.cpu, 1..3)));
    if let Some(envoy) = names.iter().position(|&name| name == "envoy") {
        row("… to envoy", times(0.4), times(to_best(&alive.cpu, envoy..=envoy)));
    }
    row("p99 at the same load, to the best", times(1.0), times(to_best(&alive.p99, 1..names.len())));
    row("a connection for each request: CPU, to the best", times(1.0), times(to_best(&each.cpu, 1..names.len())));
    row("… p99 at the same load", times(1.0), times(to_best(&each.p99, 1..names.len())));
    row("TCP: CPU, to the better of haproxy and nginx", times(0.4), times(to_best(&tcp.cpu, 1..3)));
    row("… to haproxy, splicing by hand", times(1.1), times(to_best(&tcp.cpu, names.len()..)));
    row("idle RSS MB", "3".into(), number(megabytes(quiet.idle), 1));
    row("busy RSS MB", "8".into(), number(megabytes(alive.busy[0]), 1));
    row("kB per idle connection", "10".into(), number(quiet.connection, 1));
    row("ms to first answer", "10".into(), number(quiet.start(), 1));
    row("image bytes", "2,500,000".into(), number(image()?, 0));

    let what: Vec<_> = rows.iter().map(|row| row.0).collect();
    let mut table = Table::new("asked of adapter-proxy", &what);
    table.add_cells("at most", rows.iter().map(|row| row.1.clone()));
    table.add_cells("is", rows.iter().map(|row| row.2.clone()));
    Ok(table)
}

/// What the first row is to the best of these.
fn to_best(rounds: &Rounds, others: impl std::slice::SliceIndex<[Vec<f64>], Output = [Vec<f64>]>) -> f64 {
    rounds[others].iter().map(|other| ratio(&rounds[0], other)).fold(0.0, f64::max)
}

/// As pulled.
fn image() -> Result<f64> {
    let sizes: Value = serde_json::from_slice(&fs::read(e2e::workspace("dist/images/sizes.json"))?)?;
    let size = &sizes["adapter-proxy"][e2e::architecture()]["total"];
    size.as_f64().context("adapter-proxy has no image: run `make images`")
}
