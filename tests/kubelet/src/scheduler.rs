//! Where kube-scheduler may put a pod, as far as resources and pod affinity have a say. Its plugins `NodeResourcesFit` and
//! `InterPodAffinity`, in `pkg/scheduler/framework/plugins` of <https://github.com/kubernetes/kubernetes>, are what this
//! follows; <https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/> says what they are for.

pub mod affinity;
pub mod request;

use crate::manifest::{self, Metadata, Pod};
use crate::resources::quantity;
use anyhow::{Result, ensure};
use request::Request;
use std::collections::{BTreeMap, BTreeSet};

manifest::objects! {
    Node {
        api_version: String,
        kind: String,
        metadata: Metadata,
        status: NodeStatus,
    }
    NodeStatus {
        allocatable: Allocatable,
    }
    /// What is left for pods when the system has its own
    Allocatable {
        cpu: String,
        memory: String,
        pods: String,
    }
}

/// Of a file of nothing but nodes.
///
/// # Errors
/// If it has something else.
pub fn nodes(text: &str) -> Result<Vec<Node>> {
    let read = |document: &String| {
        let node: Node = serde_saphyr::from_str(document)?;
        ensure!(node.kind == "Node", "a {} is no Node", node.kind);
        Ok(node)
    };
    manifest::documents(text).iter().map(read).collect()
}

/// Of a file of nothing but pods.
///
/// # Errors
/// If it has something else.
pub fn pods(text: &str) -> Result<Vec<Pod>> {
    let read = |document: &String| {
        let pod: Pod = serde_saphyr::from_str(document)?;
        ensure!(pod.kind == "Pod", "a {} is no Pod", pod.kind);
        Ok(pod)
    };
    manifest::documents(text).iter().map(read).collect()
}

/// A node, and what is on it.
#[derive(Clone, Debug)]
pub struct Place {
    pub name: String,
    pub allocatable: Request,
    pub requested: Request,
    most_pods: usize,
    /// Labels of its pods
    pods: Vec<BTreeMap<String, String>>,
}

impl Place {
    /// An empty node.
    ///
    /// # Errors
    /// If one of its amounts is none.
    pub fn new(node: &Node) -> Result<Self> {
        let allocatable = &node.status.allocatable;
        Ok(Self {
            name: node.metadata.name.clone(),
            allocatable: Request { cpu: quantity(&allocatable.cpu, 1000)?, memory: quantity(&allocatable.memory, 1)? },
            requested: Request::default(),
            most_pods: allocatable.pods.parse()?,
            pods: vec![],
        })
    }

    pub fn free(&self) -> Request {
        Request {
            cpu: self.allocatable.cpu - self.requested.cpu,
            memory: self.allocatable.memory - self.requested.memory,
        }
    }

    fn take(&mut self, pod: &Pod) -> Result<()> {
        self.requested = self.requested + Request::of(&pod.spec)?;
        self.pods.push(pod.metadata.labels.clone());
        Ok(())
    }

    /// Why it has no room; `fitsRequest` in `noderesources/fit.go`. Who asks for nothing needs none.
    fn lacks(&self, request: Request) -> Vec<&'static str> {
        let (free, full) = (self.free(), self.pods.len() >= self.most_pods);
        let reasons = [
            (full, "Too many pods"),
            (request.cpu > 0 && request.cpu > free.cpu, "Insufficient cpu"),
            (request.memory > 0 && request.memory > free.memory, "Insufficient memory"),
        ];
        reasons.into_iter().filter(|(lacks, _)| *lacks).map(|(_, reason)| reason).collect()
    }

    /// From 0 to 100, the more the better; `NodeResourcesFit` with equal weights for processor and memory. The sum of the
    /// scores of other plugins decides, too.
    pub fn score(&self, request: Request, strategy: Strategy) -> i64 {
        let requested = self.requested + request;
        let score = |requested: i64, allocatable: i64| match strategy {
            _ if allocatable == 0 || requested > allocatable => 0,
            Strategy::LeastAllocated => (allocatable - requested) * 100 / allocatable,
            Strategy::MostAllocated => requested * 100 / allocatable,
        };
        i64::midpoint(score(requested.cpu, self.allocatable.cpu), score(requested.memory, self.allocatable.memory))
    }
}

/// `scoringStrategy` of the plugin: `noderesources/least_allocated.go`, which is the default, and `most_allocated.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    LeastAllocated,
    MostAllocated,
}

/// The nodes that a pod fits, or what the scheduler says when there is none.
///
/// # Errors
/// If the pod asks for what the runner does not know.
pub fn filter(places: &[Place], pod: &Pod) -> Result<Result<Vec<usize>, String>> {
    let request = Request::of(&pod.spec)?;
    let (mut fitting, mut reasons) = (vec![], BTreeMap::<_, u32>::new());
    for (index, place) in places.iter().enumerate() {
        // A node that one plugin has filtered out is not shown to the next.
        let mut against = place.lacks(request);
        if against.is_empty() && !affinity::allows(pod, place, places)? {
            against.push("node(s) didn't match pod affinity rules");
        }
        if against.is_empty() {
            fitting.push(index);
        }
        for reason in against {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    if !fitting.is_empty() {
        return Ok(Ok(fitting));
    }
    // In the order of the texts, as `FitError.Error` has it
    let reasons: BTreeSet<_> = reasons.iter().map(|(reason, nodes)| format!("{nodes} {reason}")).collect();
    let reasons: Vec<_> = reasons.into_iter().collect();
    Ok(Err(format!("0/{} nodes are available: {}.", places.len(), reasons.join(", "))))
}

/// A pod's turn: what each node had free, and the node it went to, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub pod: String,
    pub request: Request,
    pub free: Vec<Request>,
    pub node: Result<String, String>,
}

/// All ways it can go when these pods come one after another to empty nodes: scores choose among the nodes that a pod
/// fits, and know nothing of the pods that are yet to come.
///
/// # Errors
/// If a pod or a node has what the runner does not know.
pub fn outcomes(nodes: &[Node], pods: &[Pod]) -> Result<Vec<Vec<Turn>>> {
    fn go(places: &[Place], pods: &[Pod], before: &[Turn], all: &mut Vec<Vec<Turn>>) -> Result<()> {
        let [pod, rest @ ..] = pods else {
            all.push(before.to_vec());
            return Ok(());
        };
        let (request, free) = (Request::of(&pod.spec)?, places.iter().map(Place::free).collect::<Vec<_>>());
        let turn =
            |node| [before, &[Turn { pod: pod.metadata.name.clone(), request, free: free.clone(), node }]].concat();
        match filter(places, pod)? {
            // It stays Pending, and the next has its turn.
            Err(reason) => go(places, rest, &turn(Err(reason)), all),
            Ok(fitting) => fitting.into_iter().try_for_each(|index| {
                let mut places = places.to_vec();
                places[index].take(pod)?;
                go(&places, rest, &turn(Ok(places[index].name.clone())), all)
            }),
        }
    }
    let places: Vec<_> = nodes.iter().map(Place::new).collect::<Result<_>>()?;
    let mut all = vec![];
    go(&places, pods, &[], &mut all)?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::{nodes, outcomes, pods};

    /// Where pods of these specs go, and why not, on nodes `a` and `b` of 1 processor, 1 Gi and 2 pods each.
    fn go(specs: &[&str]) -> Vec<Vec<String>> {
        let node = |name| {
            format!(
                "apiVersion: v1\nkind: Node\nmetadata: {{ name: {name} }}\n\
                 status: {{ allocatable: {{ cpu: '1', memory: 1Gi, pods: '2' }} }}\n"
            )
        };
        let pod = |spec: &&str| {
            format!("apiVersion: v1\nkind: Pod\nmetadata: {{ name: pod, labels: {{ app: x }} }}\nspec: {{ {spec} }}\n")
        };
        let nodes = nodes(&["a", "b"].map(node).join("---\n")).unwrap();
        let pods = pods(&specs.iter().map(pod).collect::<Vec<_>>().join("---\n")).unwrap();
        let ways = outcomes(&nodes, &pods).unwrap();
        ways.into_iter()
            .map(|turns| turns.into_iter().map(|turn| turn.node.unwrap_or_else(|why| why)).collect())
            .collect()
    }

    fn asks(requests: &str) -> String {
        format!("containers: [{{ resources: {{ requests: {{ {requests} }} }} }}]")
    }

    #[test]
    fn each_node_says_what_it_lacks() {
        for (requests, reasons) in [
            ("cpu: '2'", "2 Insufficient cpu"),
            ("memory: 2Gi", "2 Insufficient memory"),
            ("cpu: '2', memory: 2Gi", "2 Insufficient cpu, 2 Insufficient memory"),
        ] {
            assert_eq!(go(&[&asks(requests)]), [[format!("0/2 nodes are available: {reasons}.")]], "{requests}");
        }
        let full = go(&["", "", "", "", ""]);
        let last = full.iter().map(|turns| turns.last().unwrap().as_str());
        assert!(
            full.len() > 1 && last.clone().all(|last| last == "0/2 nodes are available: 2 Too many pods."),
            "{full:?}"
        );
    }

    /// Else none of them would ever be placed.
    #[test]
    fn the_first_of_pods_that_ask_for_each_other_goes_anywhere() {
        let term = |label: &str| {
            format!(
                "affinity: {{ podAffinity: {{ requiredDuringSchedulingIgnoredDuringExecution: [{{ \
                 labelSelector: {{ matchLabels: {{ app: {label} }} }}, topologyKey: kubernetes.io/hostname }}] }} }}"
            )
        };
        let (own, others) = (term("x"), term("y"));
        assert_eq!(go(&[&own, &own]), [["a", "a"], ["b", "b"]]);
        let nowhere = "0/2 nodes are available: 2 node(s) didn't match pod affinity rules.";
        assert_eq!(go(&[&others]), [[nowhere]]);
    }
}
