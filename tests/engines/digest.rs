//! The image in a registry, whence engines pull it by its digest.

use crate::{docker, podman};
use e2e::archive::Archive;
use e2e::engine::Engine;
use e2e::matrix::{self, Behaviour, Column};
use e2e::registry::Registry;

/// A registry with the archive's index, and the name by which that very index can be pulled.
pub fn pushed() -> (Registry, String) {
    let registry = Registry::start(&e2e::workspace("target/registry")).unwrap();
    let archive = e2e::workspace("dist/images/pause.tar");
    let pushed = registry.push(&archive, concat!("infra/pause:", env!("CARGO_PKG_VERSION"))).unwrap();
    (registry, pushed)
}

#[test]
fn a_registry_has_what_was_pushed() {
    let (_registry, pushed) = pushed();
    let archive = Archive::unpack(&e2e::workspace("dist/images/pause.tar")).unwrap();
    let index = &archive.json("index.json")["manifests"][0];
    let digest = index["digest"].as_str().unwrap();
    assert!(pushed.ends_with(digest), "{pushed} is the index of the archive, {digest}");
    let images = archive.json(&archive.blob(index))["manifests"].as_array().map_or(1, Vec::len);
    assert!(images > 1, "one for each architecture: run `make images-all`");
}

#[test]
fn docker_runs_what_it_pulls_by_digest() {
    let Some((_alone, engine)) = docker::engine(matrix::Engine::Docker) else { return };
    runs_what_it_pulls_by_digest(matrix::Engine::Docker, &engine, &[]);
}

#[test]
fn podman_runs_what_it_pulls_by_digest() {
    let Some((_alone, engine)) = podman::engine(matrix::Engine::Podman) else { return };
    runs_what_it_pulls_by_digest(matrix::Engine::Podman, &engine, &["--tls-verify=false"]);
}

fn runs_what_it_pulls_by_digest(tested: matrix::Engine, engine: &Engine, insecure: &[&str]) {
    let (_registry, pushed) = pushed();
    engine.run(&[&["pull", "--quiet"], insecure, &[&pushed]].concat()).unwrap();
    let version = engine.run(&["run", "--rm", "--network=none", &pushed, "-v"]);
    engine.run(&["image", "rm", &pushed]).unwrap();
    assert_eq!(version.unwrap(), concat!("pause ", env!("CARGO_PKG_VERSION")));
    Column::new(tested, &engine.version).saw(Behaviour::ByDigest);
}
