//! Plays kubelet's part for the tests: pods from Kubernetes manifests, on a containerd of the tests' own, over its CRI.

#![forbid(unsafe_code)]

pub mod containerd;
mod convert;
pub mod cri;
mod debian;
mod facts;
pub mod http;
pub mod image;
pub mod kustomize;
pub mod manifest;
pub mod messages;
mod network;
pub mod pod;
mod probe;
mod projection;
mod resources;
pub mod sandbox;
pub mod scheduler;
pub mod session;
pub mod token;
mod volumes;
mod writer;

/// A port of the node's that nobody listens on.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
