//! The example `probes`: what kubelet asks a pod, and what it does about the answers.

use crate::Node;
use crate::examples::directory;
use e2e::cgroup::oom_kills;
use e2e::process::status;
use kubelet::manifest::Manifest;
use kubelet::messages::ContainerState;
use kubelet::pod::Pod;
use kubelet::session::{self, Services};
use std::fs;
use std::time::{Duration, Instant};

const PROXY: &str = "adapter-proxy";

fn manifest() -> Manifest {
    Manifest::parse(&fs::read_to_string(directory("probes/pod.yaml")).unwrap()).unwrap()
}

fn start(node: &Node) -> Pod<'_> {
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest()).unwrap();
    pod.until_ready().unwrap();
    pod
}

fn app(pod: &Pod, words: &str) -> anyhow::Result<String> {
    let words: Vec<_> = std::iter::once("/app").chain(words.split(' ')).map(Into::into).collect();
    pod.exec("app", &words)
}

#[test]
fn the_session() {
    let node = Node::with_image(PROXY);
    session::play(&node.containerd, &node.cri, &directory("probes"), &Services::default()).unwrap();
}

/// Not the pod: what held its network before holds it still, and its sidecar is the process that it was.
#[test]
fn a_stuck_container_is_restarted_alone() {
    let node = Node::with_image(PROXY);
    let mut pod = start(&node);
    let whole = |pod: &Pod| {
        let proxy = node.cri.container_pid(&pod.id(PROXY).unwrap()).unwrap();
        (pod.ip().unwrap(), node.cri.sandbox_pid(&pod.sandbox.id).unwrap(), proxy)
    };
    let (before, first) = (whole(&pod), node.cri.container_pid(&pod.id("app").unwrap()).unwrap());
    app(&pod, "post 8081 /stuck").unwrap();
    pod.until("its restart", Duration::ZERO, |pod| Ok(pod.restarts("app")? == 1)).unwrap();
    pod.until_ready().unwrap();
    assert_eq!(whole(&pod), before);
    assert_ne!(node.cri.container_pid(&pod.id("app").unwrap()).unwrap(), first);
    assert_eq!(pod.restarts(PROXY).unwrap(), 0);
    assert_eq!(app(&pod, "get 8080").unwrap(), "well");
    pod.delete().unwrap();
}

#[test]
fn a_busy_container_is_not_restarted() {
    let node = Node::with_image(PROXY);
    let mut pod = start(&node);
    app(&pod, "post 8081 /busy").unwrap();
    pod.until_not_ready().unwrap();
    assert_eq!(pod.ready().unwrap(), 1, "adapter-proxy can do its part");
    // As many liveness probes as would do if they failed.
    let begin = Instant::now();
    pod.until("some time", Duration::ZERO, |_| Ok(begin.elapsed() > Duration::from_secs(8))).unwrap();
    app(&pod, "post 8081 /well").unwrap();
    pod.until_ready().unwrap();
    assert_eq!(pod.restarts("app").unwrap(), 0);
    pod.delete().unwrap();
}

#[test]
fn a_pod_that_is_deleted_drains_before_sigterm() {
    let node = Node::with_image(PROXY);
    let pod = start(&node);
    pod.delete().unwrap();
    assert_eq!(pod.log("app").unwrap(), "starts\nis well\ndrains\nhears SIGTERM, and ends");
    for container in ["app", PROXY] {
        let end = pod.status(container).unwrap();
        assert_eq!((end.state(), end.exit_code), (ContainerState::Exited, 0), "{container}");
    }
    let [app, proxy] = ["app", PROXY].map(|container| pod.status(container).unwrap().finished_at);
    assert!(app <= proxy, "the app ends at {app}, adapter-proxy at {proxy}");
}

/// With its probes each second, and all that the app may be asked at the same time.
#[test]
fn the_memory_that_the_manifest_allows_is_enough() {
    let node = Node::with_image(PROXY);
    let mut manifest = manifest();
    let spec = &mut manifest.pod.spec;
    for container in spec.init_containers.iter_mut().chain(&mut spec.containers) {
        let probes = [&mut container.liveness_probe, &mut container.readiness_probe];
        probes.into_iter().flatten().for_each(|probe| probe.period_seconds = Some(1));
    }
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    pod.until_ready().unwrap();
    let [own, proxy] = ["app", PROXY].map(|name| node.cri.container_pid(&pod.id(name).unwrap()).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10).for_each(|_| assert_eq!(app(&pod, "get 8080").unwrap(), "well")));
        }
    });
    let begin = Instant::now();
    pod.until("some probes", Duration::ZERO, |_| Ok(begin.elapsed() > Duration::from_secs(3))).unwrap();
    for (process, name, limit) in [(own, "app", 4 << 10), (proxy, PROXY, 8 << 10)] {
        let peak = status(process, "VmHWM").unwrap();
        assert!(peak <= limit, "{name} has at most {limit} kB: {peak}");
        assert_eq!(oom_kills(process).unwrap(), 0, "{name}");
    }
    assert_eq!(pod.restarts("app").unwrap() + pod.restarts(PROXY).unwrap(), 0);
    pod.delete().unwrap();
}
