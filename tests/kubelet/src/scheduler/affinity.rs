//! Which pods a pod has to be with: the required terms of `podAffinity`, each node for itself.
//! <https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity>

use super::Place;
use crate::manifest::{self, Pod};
use anyhow::{Result, ensure};
use std::collections::BTreeMap;

manifest::objects! {
    Affinity {
        pod_affinity: PodAffinity,
    }
    PodAffinity {
        required_during_scheduling_ignored_during_execution: Vec<Term>,
    }
    Term {
        label_selector: LabelSelector,
        topology_key: String,
    }
    LabelSelector {
        match_labels: BTreeMap<String, String>,
    }
}

/// Whether this node has a pod of which all terms hold; `satisfyPodAffinity` in `interpodaffinity/filtering.go`. The first
/// of pods that ask for each other may be anywhere.
///
/// # Errors
/// If a term is not of single nodes.
pub fn allows(pod: &Pod, place: &Place, places: &[Place]) -> Result<bool> {
    let terms = &pod.spec.affinity.pod_affinity.required_during_scheduling_ignored_during_execution;
    for Term { topology_key, .. } in terms {
        ensure!(topology_key == "kubernetes.io/hostname", "the runner knows no topology {topology_key}");
    }
    let wanted = terms.iter().flat_map(|term| &term.label_selector.match_labels);
    let matches = |labels: &BTreeMap<String, String>| wanted.clone().all(|(key, value)| labels.get(key) == Some(value));
    let on = |place: &Place| place.pods.iter().any(matches);
    Ok(terms.is_empty() || on(place) || !places.iter().any(on) && matches(&pod.metadata.labels))
}
