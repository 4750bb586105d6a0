//! `make demo` where there is Podman and no Docker. On Docker, `make test` runs it.

use crate::podman;
use e2e::matrix;
use std::process::Command;

#[test]
fn the_demo_runs_on_podman() {
    let Some((_alone, _engine)) = podman::engine(matrix::Engine::Podman) else { return };
    let demo = Command::new(env!("CARGO_BIN_EXE_demo")).args(["--engine", "podman"]).output().unwrap();
    let shown = String::from_utf8_lossy(&demo.stdout);
    assert!(demo.status.success(), "{shown}{}", String::from_utf8_lossy(&demo.stderr));
    assert!(shown.contains("\nlines lost      0, and 0 twice\n"), "{shown}");
}
