//! The example `co-scheduling`: what fits one of two nodes as one pod, and may fit none as three.

use crate::Node;
use crate::examples::{assert_container_restricted, directory};
use kubelet::manifest::Pod;
use kubelet::scheduler::request::Request;
use kubelet::scheduler::{self, Place, Strategy, Turn, outcomes};
use kubelet::session::{self, Services};
use std::fs;

#[test]
fn the_session() {
    let node = Node::get();
    session::play(&node.containerd, &node.cri, &directory("co-scheduling"), &Services::default()).unwrap();
}

fn read(file: &str) -> String {
    fs::read_to_string(directory("co-scheduling").join(file)).unwrap()
}

fn nodes() -> Vec<scheduler::Node> {
    scheduler::nodes(&read("nodes.yaml")).unwrap()
}

fn pods(file: &str) -> Vec<Pod> {
    scheduler::pods(&read(file)).unwrap()
}

/// All ways it can go; for each, where the pods of a file are in the end.
fn placed(file: &str) -> Vec<Vec<Option<String>>> {
    let node = |turn: Turn| turn.node.ok();
    outcomes(&nodes(), &pods(file)).unwrap().into_iter().map(|turns| turns.into_iter().map(node).collect()).collect()
}

#[test]
fn one_by_one_they_may_strand() {
    let on = |node: &str| Some(node.to_owned());
    let all = vec![on("node-1"), on("node-1"), on("node-1")];
    assert_eq!(placed("three.yaml"), [all, vec![on("node-2"), on("node-2"), None]]);
}

#[test]
fn as_one_pod_they_fit_one_node_only() {
    assert_eq!(placed("pod.yaml"), [[Some("node-1".to_owned())]]);
}

/// What decides for the first of three: by default the node that is emptier afterwards, which here is the right one by
/// chance; where nodes are to be filled up, the wrong one.
#[test]
fn what_the_scores_choose() {
    let places: Vec<_> = nodes().iter().map(|node| Place::new(node).unwrap()).collect();
    let main = Request::of(&pods("three.yaml")[0].spec).unwrap();
    let scores = |strategy| places.iter().map(|place| place.score(main, strategy)).collect::<Vec<_>>();
    let (least, most) = (scores(Strategy::LeastAllocated), scores(Strategy::MostAllocated));
    assert!(least[0] > least[1] && most[0] < most[1], "{least:?} {most:?}");
    let readme = read("README.md").replace('\n', " ");
    for text in [
        format!("LeastAllocated, gives node-1 {} points and node-2 {},", least[0], least[1]),
        format!("MostAllocated, for clusters that are to be packed, gives {} and {}.", most[0], most[1]),
    ] {
        assert!(readme.contains(&text), "the README has not `{text}`");
    }
}

/// What is asked for does not depend on how it is cut.
#[test]
fn three_pods_ask_for_what_one_asks_for() {
    let sum = |file: &str| {
        let requests = pods(file).into_iter().map(|pod| Request::of(&pod.spec).unwrap());
        requests.fold(Request::default(), |sum, request| sum + request)
    };
    assert_eq!(sum("pod.yaml"), Request { cpu: 30, memory: 3 << 30 });
    assert_eq!(sum("three.yaml"), sum("pod.yaml"));
}

#[test]
fn the_readme_has_the_sums() {
    let readme = read("README.md");
    let one_by_one = outcomes(&nodes(), &pods("three.yaml")).unwrap();
    let as_one = outcomes(&nodes(), &pods("pod.yaml")).unwrap();
    for turns in one_by_one.iter().chain(&as_one) {
        let table = table(turns);
        assert!(readme.contains(&table), "the README has not\n{table}");
    }
}

fn table(turns: &[Turn]) -> String {
    // Exact for halves, which is all there is here
    #[expect(clippy::cast_precision_loss)]
    let gibibytes = |request: &Request| format!("{:.1} GiB", request.memory as f64 / f64::from(1 << 30));
    let row = |Turn { pod, request, free, node }: &Turn| {
        let free: Vec<_> = free.iter().map(gibibytes).collect();
        let node = node.as_ref().map_or_else(|reason| format!("none: `{reason}`"), Clone::clone);
        format!("| {pod} | {} | {} | {node} |\n", gibibytes(request), free.join(" | "))
    };
    let rows: Vec<_> = turns.iter().map(row).collect();
    format!("| | asks for | node-1 has | node-2 has | goes to |\n|---|---|---|---|---|\n{}", rows.concat())
}

#[test]
fn the_three_are_restricted() {
    for pod in pods("three.yaml") {
        for container in &pod.spec.containers {
            assert_container_restricted("co-scheduling/three.yaml", container, &pod.spec.security_context);
        }
    }
}
