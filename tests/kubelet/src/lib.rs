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

use std::net::TcpStream;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port of the node's that nobody listens on, and that nobody will be given: the kernel gives others, and so does
/// [`e2e::sidecar::free_port`].
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(30_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpStream::connect(("127.0.0.1", port)).is_err() {
            return port;
        }
    }
}
