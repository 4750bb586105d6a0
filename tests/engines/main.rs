//! The pod contract on every engine that runs pods, each in the ways it has of making one. What a test sees, it notes in
//! the matrix.

mod compose;
mod demo;
mod digest;
mod docker;
mod podman;
mod runc;
mod signing;
mod userns;

use anyhow::Result;
use e2e::contract;
use e2e::matrix::Behaviour::{
    EndsWithPause, ExitsWithZero, ImagesUser, PausesNamespaces, ReapsAsleep, Replaced, Seccomp, ServeEachOther,
    ShareNetwork,
};
use e2e::matrix::{Behaviour, Column};
use e2e::pod::Pod;

/// As the image has it, `uid:gid`.
const USER: &str = "65535:65535";

/// Every promise of a pod, in turn, on a pod with the textbooks' two containers; the engine runs pause as `user`.
fn keeps_the_contract(column: &Column, user: &str, mut pod: Pod) {
    let seen = |behaviour: Behaviour, promise: Result<String>| {
        promise.unwrap();
        column.saw(behaviour);
    };
    seen(ServeEachOther, contract::peers_serve_each_other(&pod));
    seen(ShareNetwork, contract::peers_share_the_network(&pod));
    seen(PausesNamespaces, contract::namespaces_are_pauses(&pod));
    seen(Seccomp, contract::pause_is_behind_seccomp(&pod));
    assert_eq!(pod.view("server").unwrap().init.user, user);
    column.looked(ImagesUser, user == USER);
    seen(ReapsAsleep, contract::orphans_are_reaped(&pod));
    seen(Replaced, contract::a_container_is_replaced(&mut pod));
    seen(EndsWithPause, contract::the_pod_ends_with_pause(&pod));
    column.saw(ExitsWithZero);
}
