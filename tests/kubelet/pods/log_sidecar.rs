//! The example `log-sidecar`: what an app logs to files on a volume comes to Elasticsearch, all of it, once.

pub mod elasticsearch;

use crate::Node;
use anyhow::{Context, Result};
use e2e::shipper::expect_all;
use elasticsearch::{Elasticsearch, PORT, SERVICE};
use kubelet::manifest::{Container, HostAlias, Manifest, Probe, RestartPolicy};
use kubelet::pod::{Phase, Pod};
use kubelet::session::{self, Services};
use nix::sys::signal::{Signal, kill};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// So many lines at the start, and as many at the end.
const LINES: u64 = 20_000;
const STREAM: &str = "logs-shop-default";
const SHIPPER: &str = "log-shipper";

fn directory() -> PathBuf {
    e2e::workspace("examples/kubernetes/log-sidecar")
}

#[test]
fn the_session() {
    let node = Node::with_image(SHIPPER);
    let elasticsearch = Elasticsearch::start(&node, PORT).unwrap();
    let services = Services { addresses: [(SERVICE.into(), elasticsearch.ip)].into(), dns: None };
    session::play(&node.containerd, &node.cri, &directory(), &services).unwrap();
    // What the runner need not show of the documents: all that the pod was told about itself.
    elasticsearch.server.with(|state| {
        let documents = &state.store.in_index(STREAM).documents;
        let first = documents[0].value();
        let told = &first["kubernetes"];
        assert_eq!(first["log"]["file"]["path"], "/var/log/app/app.log");
        assert_eq!((&told["pod"]["name"], &told["namespace"]), (&"log-sidecar".into(), &"default".into()));
        assert_eq!((&told["node"]["name"], &told["labels"]["app"]), (&"node".into(), &"shop".into()));
        assert!(told["pod"]["uid"].is_string() && told["pod"]["ip"].is_string(), "{told}");
        assert_eq!(state.store.numbers.extra(), 0);
    });
}

/// The manifest in `file`, with another work for its app, and an Elasticsearch to be found.
fn manifest(file: &str, elasticsearch: &Elasticsearch, work: &str) -> Result<Manifest> {
    let read = |file| fs::read_to_string(directory().join(file)).with_context(|| format!("no {file}"));
    // The other tests have an Elasticsearch at the same address.
    let port = format!("{SERVICE}:{}", elasticsearch.server.address().port());
    let text = [read("config.yaml")?, read(file)?].join("---\n").replace(&format!("{SERVICE}:{PORT}"), &port);
    let mut manifest = Manifest::parse(&text)?;
    let spec = &mut manifest.pod.spec;
    spec.host_aliases.push(HostAlias { ip: elasticsearch.ip.to_string(), hostnames: vec![SERVICE.into()] });
    let mut containers = spec.containers.iter_mut().chain(&mut spec.init_containers);
    let app = containers.find(|container| container.name != SHIPPER).context("no app")?;
    app.args = work.split(' ').map(Into::into).collect();
    Ok(manifest)
}

/// The app logs much, is asked to end in the midst of the delivery, and logs as much again.
fn log_much(file: &str) -> [i64; 2] {
    let node = Node::with_image(SHIPPER);
    let elasticsearch = Elasticsearch::start(&node, 0).unwrap();
    let work = format!("log /var/log/app/app.log {LINES} --at-end {LINES}");
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest(file, &elasticsearch, &work).unwrap()).unwrap();
    pod.until_ready().unwrap();
    elasticsearch.server.until_stored(LINES / 2);
    pod.delete().unwrap();
    expect_all(&elasticsearch.server, 2 * LINES);
    assert_eq!(pod.restarts(SHIPPER).unwrap(), 0);
    ["app", SHIPPER].map(|container| {
        let end = pod.status(container).unwrap();
        assert_eq!(end.exit_code, 0, "{container}: {}", pod.log(container).unwrap());
        end.finished_at
    })
}

#[test]
fn a_pod_that_is_deleted_has_delivered_all() {
    log_much("pod.yaml");
}

#[test]
fn a_sidecar_ends_after_its_app_and_has_delivered_all() {
    let [app, shipper] = log_much("sidecar.yaml");
    assert!(app <= shipper, "the app ends at {app}, log-shipper at {shipper}");
}

/// What it had delivered is on a volume, which its successor reads: nothing comes twice.
#[test]
fn a_shipper_that_is_killed_goes_on() {
    let node = Node::with_image(SHIPPER);
    let elasticsearch = Elasticsearch::start(&node, 0).unwrap();
    let work = format!("log /var/log/app/app.log {LINES} --at-end {LINES}");
    let manifest = manifest("sidecar.yaml", &elasticsearch, &work).unwrap();
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    elasticsearch.server.until_stored(1);
    kill(node.cri.container_pid(&pod.id(SHIPPER).unwrap()).unwrap(), Signal::SIGKILL).unwrap();
    pod.until("its restart", Duration::ZERO, |pod| Ok(pod.restarts(SHIPPER)? == 1)).unwrap();
    elasticsearch.server.until_stored(LINES);
    pod.delete().unwrap();
    expect_all(&elasticsearch.server, 2 * LINES);
}

/// Also where nobody asks the pod to end, and the app fails: its last line says why.
#[test]
fn what_a_failing_app_says_last_is_delivered() {
    let node = Node::with_image(SHIPPER);
    let elasticsearch = Elasticsearch::start(&node, 0).unwrap();
    let work = format!("log /var/log/app/app.log {LINES} --code 3");
    let mut manifest = manifest("sidecar.yaml", &elasticsearch, &work).unwrap();
    manifest.pod.spec.restart_policy = RestartPolicy::Never;
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    assert_eq!(pod.until_ended().unwrap(), Phase::Failed);
    expect_all(&elasticsearch.server, LINES);
}

#[test]
fn a_job_is_complete_when_its_log_is_delivered() {
    let node = Node::with_image(SHIPPER);
    let elasticsearch = Elasticsearch::start(&node, 0).unwrap();
    let work = format!("log /var/log/job/report.log {LINES}");
    let manifest = manifest("job.yaml", &elasticsearch, &work).unwrap();
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    assert_eq!(pod.until_ended().unwrap(), Phase::Succeeded);
    expect_all(&elasticsearch.server, LINES);
}

/// The whole memory of its control group is 16 MiB, and what a probe takes is in it.
#[test]
fn the_memory_that_the_manifest_allows_is_enough() {
    let node = Node::with_image(SHIPPER);
    let elasticsearch = Elasticsearch::start(&node, 0).unwrap();
    let work = format!("log /var/log/app/app.log {} --at-end 1", 2 * LINES);
    let mut manifest = manifest("sidecar.yaml", &elasticsearch, &work).unwrap();
    for probe in probes(&mut manifest.pod.spec.init_containers[0]) {
        probe.period_seconds = Some(1);
    }
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    let process = node.cri.container_pid(&pod.id(SHIPPER).unwrap()).unwrap();
    let stored = || elasticsearch.server.with(|state| state.store.stored());
    pod.until("all lines", Duration::ZERO, |_| Ok(stored() >= 2 * LINES)).unwrap();
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    assert!(peak.is_some_and(|peak: u64| peak <= 10 << 10), "at most 10 MB: {peak:?} kB");
    assert_eq!(pod.restarts(SHIPPER).unwrap(), 0, "{}", pod.log(SHIPPER).unwrap());
    pod.delete().unwrap();
    expect_all(&elasticsearch.server, 2 * LINES + 1);
}

fn probes(container: &mut Container) -> impl Iterator<Item = &mut Probe> {
    [&mut container.liveness_probe, &mut container.readiness_probe].into_iter().flatten()
}
