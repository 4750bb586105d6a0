//! The example `adapter`: an app with a status page and an API of its own, and who wants others.

mod prometheus;
mod tomcat;

use crate::Node;
use anyhow::Result;
use e2e::cgroup::oom_kills;
use e2e::process::status;
use kubelet::http::{self, Answer};
use kubelet::manifest::{Files, Manifest};
use kubelet::pod::Pod;
use kubelet::session::{self, Services};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use prometheus::query;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const PROXY: &str = "adapter-proxy";
/// Between two looks at what Prometheus has
const PERIOD: Duration = Duration::from_millis(200);
/// So many clients ask at a time
const CLIENTS: usize = 8;
/// So often, each
const REQUESTS: usize = 100;
/// What `/v1/orders/42` is
const JSON: &str = r#"{"order":{"id":42,"customer":"Ada Lovelace","total":12.5,"shipped":true,"item":[{"name":"tea","count":2},{"name":"cup","count":1}]}}"#;
/// With `format=xml`
const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<order><id>42</id><customer>Ada Lovelace</customer><total>12.5</total><shipped>true</shipped><item><name>tea</name><count>2</count></item><item><name>cup</name><count>1</count></item></order>";

fn directory() -> PathBuf {
    e2e::workspace("examples/kubernetes/adapter")
}

fn node() -> Node {
    let node = Node::with_image(PROXY);
    prometheus::load(&node).unwrap();
    node
}

/// The example's, whose Prometheus asks more often.
fn manifest() -> Manifest {
    let files = ["config.yaml", "prometheus.yaml", "pod.yaml"];
    let text = files.map(|file| fs::read_to_string(directory().join(file)).unwrap()).join("---\n");
    let text = text.replace("scrape_interval: 5s", "scrape_interval: 1s");
    Manifest::parse(&text).unwrap()
}

fn start(node: &Node) -> Pod<'_> {
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest()).unwrap();
    pod.until_ready().unwrap();
    pod
}

fn get(pod: &Pod, path: &str) -> Answer {
    http::get(SocketAddr::new(pod.ip().unwrap(), 8080), path, Duration::from_secs(20)).unwrap()
}

/// Waits until Prometheus has these values of a query, each by its label.
fn until_scraped(pod: &mut Pod, of: &str, label: &str, expected: &[(&str, &str)]) {
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(label, value)| (label.to_string(), value.to_string())).collect();
    let mut last = BTreeMap::new();
    let scraped = pod.until(of, PERIOD, |pod| {
        last = query(pod, of, label)?;
        Ok(last == expected)
    });
    scraped.unwrap_or_else(|error| panic!("{error:#}: {last:?} and not {expected:?}"));
}

/// The adapter is told other things by its file.
fn configure(pod: &mut Pod, change: impl FnOnce(&str) -> String) {
    let text = fs::read_to_string(pod.volume("config").unwrap().join("adapter-proxy.yaml")).unwrap();
    pod.configure("adapter", Files::from([("adapter-proxy.yaml".into(), change(&text))])).unwrap();
}

/// How often a new file had this result.
fn reloads(pod: &Pod, result: &str) -> Result<f64> {
    let page = pod.exec("app", &["/app", "get", "9630", "metrics"].map(Into::into))?;
    let name = format!("adapter_proxy_reloads_total{{result=\"{result}\"}}");
    Ok(e2e::sidecar::metric(&page, &name).unwrap_or_else(|| panic!("no {name} in {page}")))
}

/// The pod is deleted, and nothing has failed or was begun anew.
fn ends_well(pod: &Pod) {
    pod.delete().unwrap();
    for container in [PROXY, "app", "prometheus"] {
        assert_eq!(pod.status(container).unwrap().exit_code, 0, "{container}: {}", pod.log(container).unwrap());
        assert_eq!(pod.restarts(container).unwrap(), 0, "{container}");
    }
}

#[test]
fn the_session() {
    let node = node();
    session::play(&node.containerd, &node.cri, &directory(), &Services::default()).unwrap();
}

#[test]
fn prometheus_has_what_the_app_says() {
    let node = node();
    let mut pod = start(&node);
    until_scraped(&mut pod, "adapter_up", "target", &[("app", "1")]);
    until_scraped(&mut pod, "shop_up", "job", &[("shop", "1")]);
    until_scraped(&mut pod, "shop_queue_messages", "queue", &[("mail", "3"), ("orders", "12")]);
    until_scraped(&mut pod, "shop_queue_oldest_seconds", "queue", &[("mail", "1.5"), ("orders", "0.25")]);
    until_scraped(&mut pod, "shop_queue_consumed", "queue", &[("mail", "1"), ("orders", "0")]);
    until_scraped(&mut pod, "shop_orders_served_total", "job", &[("shop", "0")]);
    assert_eq!(get(&pod, "/v1/orders/42").status, 200);
    until_scraped(&mut pod, "shop_orders_served_total", "job", &[("shop", "1")]);
    // It asks for OpenMetrics, where a counter is called what its series are without their `_total`.
    let types =
        http::get(SocketAddr::new(pod.ip().unwrap(), 9090), "/api/v1/metadata", Duration::from_secs(20)).unwrap();
    let types: serde_json::Value = serde_json::from_str(&types.body).unwrap();
    assert_eq!(types["data"]["shop_orders_served"][0]["type"], "counter", "{types}");
    assert_eq!(types["data"]["shop_queue_messages"][0]["help"], "Messages that wait", "{types}");
    ends_well(&pod);
}

#[test]
fn one_metric_more_needs_no_restart() {
    let node = node();
    let mut pod = start(&node);
    until_scraped(&mut pod, "shop_up", "job", &[("shop", "1")]);
    assert!(query(&pod, "shop_heap_used_bytes", "job").unwrap().is_empty());
    configure(&mut pod, |text| text.replace("#- {name", "- {name"));
    until_scraped(&mut pod, "shop_heap_used_bytes", "job", &[("shop", "13500000")]);
    assert!(reloads(&pod, "followed").unwrap() >= 1.0);
    // What is wrong is refused, and what there was goes on.
    configure(&mut pod, |text| text.replace("value: .heap.used", "value: .heap.used |"));
    pod.until("it is refused", PERIOD, |pod| Ok(reloads(pod, "refused")? >= 1.0)).unwrap();
    assert_eq!(get(&pod, "/v1/orders/42").status, 200);
    until_scraped(&mut pod, "shop_orders_served_total", "job", &[("shop", "1")]);
    until_scraped(&mut pod, "shop_heap_used_bytes", "job", &[("shop", "13500000")]);
    until_scraped(&mut pod, "min_over_time(adapter_up[1h])", "target", &[("app", "1")]);
    ends_well(&pod);
}

/// A page without what the app would say is a page all the same.
#[test]
fn an_app_that_hangs_is_down_and_comes_back() {
    let node = node();
    let mut pod = start(&node);
    until_scraped(&mut pod, "adapter_up", "target", &[("app", "1")]);
    let app = node.cri.container_pid(&pod.id("app").unwrap()).unwrap();
    kill(app, Signal::SIGSTOP).unwrap();
    until_scraped(&mut pod, "adapter_up", "target", &[("app", "0")]);
    until_scraped(&mut pod, "up", "job", &[("shop", "1")]);
    // Nothing that it said before is said any more.
    until_scraped(&mut pod, "shop_up", "job", &[]);
    kill(app, Signal::SIGCONT).unwrap();
    until_scraped(&mut pod, "adapter_up", "target", &[("app", "1")]);
    until_scraped(&mut pod, "shop_queue_messages", "queue", &[("mail", "3"), ("orders", "12")]);
    ends_well(&pod);
}

#[test]
fn old_clients_are_answered() {
    let node = node();
    let pod = start(&node);
    let answer = |status, body: &str| Answer { status, body: body.into() };
    assert_eq!(get(&pod, "/v1/orders/42"), answer(200, JSON));
    assert_eq!(get(&pod, "/v1/orders/42?format=xml&more=1"), answer(200, XML));
    // What the app says of others is translated, too, and a part of a path stays what it is.
    assert_eq!(get(&pod, "/v1/orders/7"), answer(404, r#"{"error":"there is no /v2/order?id=7"}"#));
    let message = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>there is no /v2/order?id=7%26id%3D42</error>";
    assert_eq!(get(&pod, "/v1/orders/7%26id=42?format=xml"), answer(404, message));
    let new: serde_json::Value = serde_json::from_str(&get(&pod, "/v2/order?id=42").body).unwrap();
    assert_eq!(new["amountCents"], 1250);
    for hidden in ["/status", "/metrics", "/v1/orders", "/v1/orders/"] {
        assert_eq!(get(&pod, hidden).status, 404, "{hidden}");
    }
    ends_well(&pod);
}

/// The proxy's, its workers', and that of the probes that run beside them.
#[test]
fn the_memory_that_the_manifest_allows_is_enough() {
    let node = node();
    let mut manifest = manifest();
    let proxy = &mut manifest.pod.spec.init_containers[0];
    let probes = [&mut proxy.liveness_probe, &mut proxy.readiness_probe];
    probes.into_iter().flatten().for_each(|probe| probe.period_seconds = Some(1));
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    pod.until_ready().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for _ in 0..REQUESTS {
                    assert_eq!(get(&pod, "/v1/orders/42").body, JSON);
                    assert_eq!(get(&pod, "/v1/orders/42?format=xml").body, XML);
                }
            });
        }
    });
    let served = (2 * CLIENTS * REQUESTS).to_string();
    until_scraped(&mut pod, "shop_orders_served_total", "job", &[("shop", &served)]);
    let proxy = node.cri.container_pid(&pod.id(PROXY).unwrap()).unwrap();
    let workers = fs::read_to_string(format!("/proc/{proxy}/task/{proxy}/children")).unwrap();
    let workers = workers.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()));
    let peaks: Vec<_> = workers.chain([proxy]).map(|process| status(process, "VmHWM").unwrap()).collect();
    assert!(peaks.len() > 1 && peaks.iter().sum::<u64>() <= 20 << 10, "at most 20 MB: {peaks:?} kB");
    // A filter that takes all it can get ends its worker before the kernel would, which may take the container for one.
    configure(&mut pod, |text| text.replace("body: {filter: *v1}", "body: {filter: \"[range(1e9)]\"}"));
    pod.until("it is followed", PERIOD, |pod| Ok(reloads(pod, "followed")? >= 1.0)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| assert_eq!(get(&pod, "/v1/orders/42").status, 502));
        }
    });
    assert_eq!(get(&pod, "/v1/orders/42?format=xml").body, XML);
    assert_eq!(oom_kills(proxy).unwrap(), 0);
    ends_well(&pod);
}
