//! The example `ambassador`: an app that knows one local address, and a cluster behind it that changes.

use crate::Node;
use anyhow::Result;
use e2e::process::until;
use e2e::proxy::cluster::NameServer;
use e2e::proxy::nginx::Nginx;
use kubelet::manifest::{Container, Files, Manifest};
use kubelet::pod::{Phase, Pod};
use kubelet::sandbox::Sandbox;
use kubelet::session::{self, Services};
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

const PROXY: &str = "adapter-proxy";
/// So many apps more
const APPS: usize = 7;
/// Are answered before anybody looks
const REQUESTS: f64 = 3000.0;

fn directory() -> PathBuf {
    e2e::workspace("examples/kubernetes/ambassador")
}

/// The headless Service `stock`: addresses on the node's side of the pods' bridge, where no firewall keeps pods from them,
/// and a name server that knows them.
pub struct Stock<'a> {
    names: NameServer,
    pub dns: Ipv4Addr,
    servers: Vec<Server>,
    _home: tempfile::TempDir,
    _bridge: Sandbox<'a>,
}

struct Server {
    name: String,
    ip: Ipv4Addr,
    /// As long as it is not killed
    nginx: Option<Nginx>,
}

impl<'a> Stock<'a> {
    /// Of `stock-1`, `stock-2` and `stock-3`.
    pub fn start(node: &'a Node) -> Result<Self> {
        let (bridge, home, network) = (node.bridge()?, tempfile::tempdir()?, &node.containerd.network);
        let server = |number| {
            let (name, ip) = (format!("stock-{number}"), network.address()?);
            let nginx = Some(Nginx::start((ip, 8080).into(), &format!("return 200 {name}\\n;")));
            Ok(Server { name, ip, nginx })
        };
        let servers = (1..=3).map(server).collect::<Result<Vec<_>>>()?;
        let dns = network.address()?;
        let names = NameServer::start(dns, home.path(), &zone(&servers));
        Ok(Self { names, dns, servers, _home: home, _bridge: bridge })
    }

    /// The manifest in `file`, in a cluster with this name server.
    fn manifest(&self, file: &str) -> Manifest {
        let read = |file| fs::read_to_string(directory().join(file)).unwrap();
        let mut manifest = Manifest::parse(&[read("config.yaml"), read(file)].join("---\n")).unwrap();
        manifest.dns = Some(self.dns.into());
        manifest
    }
}

fn zone(servers: &[Server]) -> String {
    servers.iter().fold(String::new(), |mut zone, server| {
        let _ = writeln!(zone, "{} stock.default.svc.cluster.local", server.ip);
        zone
    })
}

/// Waits until the app has been answered by this one, or says so.
fn until_printed(pod: &mut Pod, what: &str) {
    let printed = |pod: &mut Pod| Ok(pod.log("app")?.lines().any(|line| line == what));
    pod.until(&format!("the app prints `{what}`"), Duration::ZERO, printed).unwrap();
}

fn metrics(pod: &Pod) -> String {
    pod.exec("app", &["/app", "get", "9630", "metrics"].map(Into::into)).unwrap()
}

fn metric(pod: &Pod, name: &str) -> f64 {
    let page = metrics(pod);
    e2e::sidecar::metric(&page, name).unwrap_or_else(|| panic!("no {name} in {page}"))
}

/// The most that adapter-proxy had resident, in kB.
fn peak(node: &Node, pod: &Pod) -> u64 {
    let pid = node.cri.container_pid(&pod.id(PROXY).unwrap()).unwrap();
    e2e::process::status(pid, "VmHWM").unwrap()
}

/// The pod is deleted while its app asks; no question was without an answer.
fn ends_well(pod: &Pod) {
    pod.delete().unwrap();
    let log = pod.log("app").unwrap();
    let last = log.lines().last().unwrap_or_default();
    assert!(last.starts_with("asked ") && last.ends_with(" times, 0 failed"), "{log}");
    for container in ["app", PROXY] {
        let end = pod.status(container).unwrap();
        assert_eq!(end.exit_code, 0, "{container}: {}", pod.log(container).unwrap());
        assert_eq!(pod.restarts(container).unwrap(), 0);
    }
}

#[test]
fn the_session() {
    let node = Node::with_image(PROXY);
    let stock = Stock::start(&node).unwrap();
    let services = Services { dns: Some(stock.dns.into()), ..Services::default() };
    session::play(&node.containerd, &node.cri, &directory(), &services).unwrap();
}

#[test]
fn an_endpoint_that_is_killed_fails_no_request() {
    let node = Node::with_image(PROXY);
    let mut stock = Stock::start(&node).unwrap();
    let mut manifest = stock.manifest("pod.yaml");
    // One of the next three requests is for the one that hangs.
    for text in manifest.config_maps.values_mut().flat_map(|files| files.values_mut()) {
        *text = text.replace("endpoints:", "balance: round-robin\n    endpoints:");
    }
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    pod.until_ready().unwrap();
    for server in &stock.servers {
        until_printed(&mut pod, &server.name);
    }
    // It hangs, so that it has a request when it dies.
    let hedges_won = |pod: &Pod| metric(pod, "adapter_proxy_http_hedges_won_total");
    let before = hedges_won(&pod);
    stock.servers[0].nginx.as_ref().unwrap().hang();
    let elsewhere = |pod: &mut Pod| Ok(hedges_won(pod) > before);
    pod.until("what it has is answered elsewhere", Duration::ZERO, elsewhere).unwrap();
    stock.servers[0].nginx = None;
    // By its checks or by the app's requests, whatever comes first.
    let out = format!("address=\"{}:8080\"}} 0", stock.servers[0].ip);
    pod.until("it is out", Duration::ZERO, |pod| {
        Ok(metrics(pod).lines().any(|line| line.starts_with("adapter_proxy_endpoint_up") && line.ends_with(&out)))
    })
    .unwrap();
    ends_well(&pod);
}

/// The whole memory of its control group is 16 MiB, and what a probe takes is in it.
#[test]
fn the_memory_that_the_manifest_allows_is_enough() {
    let node = Node::with_image(PROXY);
    let stock = Stock::start(&node).unwrap();
    let mut manifest = stock.manifest("pod.yaml");
    let spec = &mut manifest.pod.spec;
    let proxy = &mut spec.init_containers[0];
    let probes = [&mut proxy.liveness_probe, &mut proxy.readiness_probe];
    probes.into_iter().flatten().for_each(|probe| probe.period_seconds = Some(1));
    let more = (0..APPS).map(|number| Container { name: format!("app-{number}"), ..spec.containers[0].clone() });
    spec.containers.extend(more.collect::<Vec<_>>());
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    pod.until_ready().unwrap();
    let asked = |pod: &mut Pod| Ok(metric(pod, "adapter_proxy_http_request_seconds_count") >= REQUESTS);
    pod.until("requests are answered", Duration::ZERO, asked).unwrap();
    let peak = peak(&node, &pod);
    assert!(peak <= 8 << 10, "at most 8 MB: {peak} kB");
    ends_well(&pod);
}

#[test]
fn what_dns_and_the_config_map_say_anew_is_followed() {
    let node = Node::with_image(PROXY);
    let stock = Stock::start(&node).unwrap();
    stock.names.change(&zone(&stock.servers[..1]));
    let mut pod = Pod::start(&node.containerd, &node.cri, stock.manifest("pod.yaml")).unwrap();
    until_printed(&mut pod, "stock-1");
    assert!(!pod.log("app").unwrap().contains("stock-2"));
    stock.names.change(&zone(&stock.servers[..2]));
    until_printed(&mut pod, "stock-2");
    // It is in no zone, and in the new file.
    let text = format!(
        "{{\"listeners\": [{{\"listen\": \"127.0.0.1:8080\", \"protocol\": \"http\", \"cluster\": \"other\"}}], \"clusters\": {{\"other\": {{\"endpoints\": [\"{}:8080\"]}}}}}}",
        stock.servers[2].ip
    );
    pod.configure("ambassador", Files::from([("adapter-proxy.yaml".into(), text)])).unwrap();
    until_printed(&mut pod, "stock-3");
    assert!(metric(&pod, "adapter_proxy_reloads_total{result=\"followed\"}") >= 1.0);
    pod.configure("ambassador", Files::from([("adapter-proxy.yaml".into(), "nonsense".into())])).unwrap();
    until("it is refused", || metric(&pod, "adapter_proxy_reloads_total{result=\"refused\"}") >= 1.0);
    ends_well(&pod);
}

/// Both containers are asked to end at the same time.
#[test]
fn an_app_that_ends_is_served_to_its_end() {
    let node = Node::with_image(PROXY);
    let stock = Stock::start(&node).unwrap();
    let mut pod = Pod::start(&node.containerd, &node.cri, stock.manifest("classic.yaml")).unwrap();
    pod.until_ready().unwrap();
    until_printed(&mut pod, "stock-1");
    ends_well(&pod);
    let [app, proxy] = ["app", PROXY].map(|container| pod.status(container).unwrap().finished_at);
    assert!(app <= proxy, "the app ends at {app}, adapter-proxy at {proxy}");
}

#[test]
fn a_job_ends_its_ambassador() {
    let node = Node::with_image(PROXY);
    let stock = Stock::start(&node).unwrap();
    let mut pod = Pod::start(&node.containerd, &node.cri, stock.manifest("job.yaml")).unwrap();
    assert_eq!(pod.until_ended().unwrap(), Phase::Succeeded);
    assert!(pod.log("work").unwrap().ends_with("asked 100 times, 0 failed"));
    assert!(pod.log(PROXY).unwrap().contains("asked to quit"));
}
