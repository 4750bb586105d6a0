//! Whether a configuration is right, and what it means.

use crate::args::Settings;
use adapter_proxy::address::Address;
use adapter_proxy::config::{Balance, Check, Cluster, Http, Listener, Match, Protocol, Request, Route, To};
use adapter_proxy::route::unreachable;
use anyhow::Result;
use chassis::message;
use std::io::{Write, stdout};
use std::time::Duration;

/// # Errors
/// When stdout is closed.
pub fn check(settings: &Settings) -> Result<()> {
    let mut out = stdout().lock();
    for listener in &settings.config.listeners {
        show_listener(&mut out, listener)?;
    }
    for (name, cluster) in &settings.config.clusters {
        show_cluster(&mut out, name, cluster)?;
    }
    Ok(())
}

fn show_listener(out: &mut impl Write, listener: &Listener) -> Result<()> {
    let Listener { listen, protocol, cluster, max_connections, .. } = listener;
    let mode = match listen {
        Address::Unix(_) => format!(" (mode {:04o})", listener.mode),
        Address::Socket(_) => String::new(),
    };
    let protocol = match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Http => "http",
    };
    let idle = time(listener.idle_timeout);
    let limits = format!("at most {max_connections} connections, closed after {idle} without a byte");
    let to = match cluster {
        Some(cluster) => format!("to the cluster {cluster}"),
        None => "what its routes take".into(),
    };
    writeln!(out, "{listen}{mode}: {protocol}, {to}; {limits}")?;
    if !listen.is_local() {
        writeln!(out, "  others than this pod may connect to it, too")?;
    }
    for route in &listener.routes {
        writeln!(out, "  route `{}`: {}; {}", route.name, taken(&route.matching), led(route))?;
    }
    for warning in unreachable(&listener.routes) {
        message::warning(format_args!("{listen}: {warning}"));
    }
    if listener.protocol == Protocol::Http {
        show_http(out, &listener.http)?;
    }
    Ok(())
}

/// The requests that it takes.
fn taken(wanted: &Match) -> String {
    let methods: Vec<&str> = wanted.methods.iter().map(|method| &**method).collect();
    let methods = if methods.is_empty() { "all".into() } else { methods.join(" or ") };
    let path = match &wanted.path {
        Some(path) if path.is_prefix => format!(" of {path} and below"),
        Some(path) => format!(" of {path}"),
        None => String::new(),
    };
    let host = wanted.host.iter().map(|host| format!("host {host}"));
    let headers = wanted.headers.iter().map(|(name, value)| format!("header field {name}: {value}"));
    let query = wanted.query.iter().map(|(name, value)| format!("parameter {name}: {value}"));
    let others: Vec<_> = host.chain(headers).chain(query).collect();
    let with = if others.is_empty() { String::new() } else { format!(", with {}", others.join(", ")) };
    format!("{methods}{path}{with}")
}

/// Who answers them.
fn led(route: &Route) -> String {
    let Request { method, path, .. } = &route.request;
    let to = match &route.to {
        To::Default => "to the listener's cluster".into(),
        To::Cluster(cluster) => format!("to the cluster {cluster}"),
        To::Metrics(page) => format!("answered with the metrics {page}"),
        To::Answer(answer) => format!("answered with {}", answer.status),
    };
    let rewritten = match (method, path) {
        (Some(method), Some(path)) => format!(" as {method} of {path}"),
        (Some(method), None) => format!(" as {method}"),
        (None, Some(path)) => format!(" as {path}"),
        (None, None) => String::new(),
    };
    let request = route.request.body.iter().map(|_| "request");
    let answers = route.responses.iter().filter(|response| response.body.is_some()).take(1).map(|_| "answers");
    let bodies: Vec<_> = request.chain(answers).collect();
    let mapped = if bodies.is_empty() { String::new() } else { format!("; bodies mapped: {}", bodies.join(" and ")) };
    format!("{to}{rewritten}{mapped}")
}

fn show_http(out: &mut impl Write, http: &Http) -> Result<()> {
    let (each, all) = (time(http.try_timeout), time(http.request_timeout));
    writeln!(out, "  an answer begins within {each} of each try, and within {all} of all {}", http.retries.tries)?;
    match &http.retries.methods[..] {
        [] => writeln!(out, "  nothing is sent again that an endpoint may have had")?,
        methods => writeln!(out, "  sent again although an endpoint may have had it: {}", methods.join(", "))?,
    }
    if http.hedge {
        writeln!(out, "  what only asks and takes unusually long is sent to a second endpoint, too")?;
    }
    Ok(())
}

fn show_cluster(out: &mut impl Write, name: &str, cluster: &Cluster) -> Result<()> {
    writeln!(out, "cluster {name}: connections within {}", time(cluster.connect_timeout))?;
    for endpoint in &cluster.endpoints {
        let weight = if endpoint.weight == 1 { String::new() } else { format!(", weight {}", endpoint.weight) };
        let backup = if endpoint.backup { ", when none of the others is well" } else { "" };
        writeln!(out, "  {}{weight}{backup}", endpoint.at)?;
    }
    if let Some(file) = &cluster.file {
        writeln!(out, "  and those that {} lists", file.display())?;
    }
    let balance = match cluster.balance {
        Balance::Ewma => "the quicker of two",
        Balance::LeastRequest => "the less busy of two",
        Balance::RoundRobin => "one after the other",
    };
    let outlier = match cluster.outlier.failures {
        0 => "never left out for failures".into(),
        count => format!("left out for {} after {count} failures in a row", time(cluster.outlier.eject_for)),
    };
    writeln!(out, "  chosen: {balance}; {outlier}")?;
    if let Some(health) = &cluster.health {
        let asked = match &health.check {
            Check::Tcp {} => "for a connection".into(),
            Check::Http { path, .. } => format!("for {path}"),
            Check::Talk { expect, .. } => format!("for an answer that begins with {expect:?}"),
        };
        writeln!(out, "  asked every {} {asked}", time(health.interval))?;
    }
    Ok(())
}

/// As it may be written.
fn time(time: Duration) -> String {
    let milliseconds = time.as_millis();
    let units: [(u128, &str); 3] = [(3_600_000, "h"), (60_000, "m"), (1000, "s")];
    match units.iter().find(|(unit, _)| milliseconds > 0 && milliseconds.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", milliseconds / unit),
        None => format!("{milliseconds}ms"),
    }
}
