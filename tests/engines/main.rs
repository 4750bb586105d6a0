//! The pod contract on every engine that runs pods, each in the ways it has of making one.

mod compose;
mod docker;
mod podman;
mod runc;
mod userns;

use e2e::contract;
use e2e::pod::Pod;

/// Every promise of a pod, in turn, on a pod with the textbooks' two containers.
fn keeps_the_contract(mut pod: Pod) {
    contract::peers_serve_each_other(&pod).unwrap();
    contract::peers_share_the_network(&pod).unwrap();
    contract::namespaces_are_pauses(&pod).unwrap();
    contract::orphans_are_reaped(&pod).unwrap();
    contract::a_container_is_replaced(&mut pod).unwrap();
    contract::the_pod_ends_with_pause(&pod).unwrap();
}
