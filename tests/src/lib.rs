//! What the end-to-end tests, the demo and the benches share: a launcher of processes in namespaces, orphans made to
//! order, a tracer, the container engine of this machine, and a pod built by hand on it.

pub mod archive;
pub mod asking;
pub mod cgroup;
pub mod command;
pub mod contract;
pub mod debian;
pub mod elasticsearch;
pub mod elf;
pub mod engine;
pub mod follow;
pub mod launch;
pub mod matrix;
pub mod members;
pub mod moods;
pub mod mounts;
pub mod network;
pub mod orphans;
pub mod pause;
pub mod pod;
pub mod process;
pub mod proxy;
pub mod registry;
pub mod session;
pub mod shipper;
pub mod shop;
pub mod sidecar;
pub mod stock;
pub mod trace;
pub mod view;

use std::io::Write;
use std::path::PathBuf;

/// A file of the workspace.
pub fn workspace(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

/// As OCI images name this machine's architecture.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The built program, as it will be released.
///
/// # Panics
/// If it is not built.
pub fn program(name: &str) -> PathBuf {
    let path = workspace(&format!("dist/bin/{}/{name}", architecture()));
    assert!(path.exists(), "{} is missing: run `make build`", path.display());
    path
}

/// Is this root? Where not, says that a test cannot run.
pub fn is_root() -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    if !root {
        skip("only root makes namespaces and control groups: run it as root");
    }
    root
}

/// Says that a test cannot run on this machine, and why. With `CI=true` that is a failure.
pub fn skip(why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    // Not by `eprintln!`, which the test harness keeps to itself.
    let _ = std::io::stderr().write_all(format!("skipped: {why}\n").as_bytes());
}
