use e2e::archive::Archive;
use e2e::engine::Engine;
use e2e::registry::Registry;

const VERSION: &str = concat!("pause ", env!("CARGO_PKG_VERSION"));

/// The index is pushed as it is, and what an engine pulls by its digest runs.
#[test]
fn a_registry_hands_out_what_was_pushed() {
    let registry = Registry::start(&e2e::workspace("target/registry")).unwrap();
    let archive = e2e::workspace("dist/images/pause.tar");
    let pushed = registry.push(&archive, concat!("infra/pause:", env!("CARGO_PKG_VERSION"))).unwrap();
    let index = Archive::unpack(&archive).unwrap().json("index.json");
    let digest = index["manifests"][0]["digest"].as_str().unwrap();
    assert!(pushed.ends_with(digest), "{pushed} is the index of the archive, {digest}");

    for engine in [Engine::docker(), Engine::podman()].into_iter().flatten() {
        let insecure: &[&str] = if engine.name == "podman" { &["--tls-verify=false"] } else { &[] };
        engine.run(&[&["pull", "--quiet"], insecure, &[&pushed]].concat()).unwrap();
        let version = engine.run(&["run", "--rm", "--network=none", &pushed, "-v"]);
        engine.run(&["image", "rm", &pushed]).unwrap();
        assert_eq!(version.unwrap(), VERSION, "{}", engine.name);
    }
}
