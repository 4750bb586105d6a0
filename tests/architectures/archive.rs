use crate::ARCHITECTURES;
use e2e::archive::Archive;
use e2e::command::output;
use e2e::engine::{self, Engine};
use serde_json::json;
use std::fs;
use std::process::Command;

#[test]
fn one_index_leads_to_every_architecture() {
    let archive = Archive::unpack(&e2e::workspace("dist/images/pause.tar")).unwrap();
    let entries = archive.json("index.json")["manifests"].as_array().unwrap().clone();
    assert_eq!(entries.len(), 1, "skopeo and Podman refuse to choose");
    assert_eq!(
        entries[0]["annotations"]["io.containerd.image.name"],
        concat!("localhost/pause:", env!("CARGO_PKG_VERSION"))
    );
    let index = archive.json(&archive.blob(&entries[0]));
    assert_eq!(index["mediaType"], entries[0]["mediaType"]);
    assert_eq!(index["annotations"], archive.json("index.json")["annotations"]);

    let manifests = index["manifests"].as_array().unwrap();
    assert_eq!(manifests.len(), ARCHITECTURES.len());
    for (&architecture, entry) in ARCHITECTURES.iter().zip(manifests) {
        let mut platform = json!({ "architecture": architecture, "os": "linux" });
        if architecture == "arm" {
            platform["variant"] = json!("v7");
        }
        assert_eq!(entry["platform"], platform);
        let manifest = archive.json(&archive.blob(entry));
        let config = archive.blob(&manifest["config"]);
        for (name, value) in platform.as_object().unwrap() {
            assert_eq!(&archive.json(&config)[name], value, "{architecture}");
        }
        let built = e2e::workspace(&format!("dist/bin/{architecture}/pause"));
        assert!(archive.program(entry) == fs::read(&built).unwrap(), "the image has {}", built.display());
        // An engine that knows no index finds this machine's.
        if architecture == e2e::architecture() {
            assert_eq!(archive.json("manifest.json")[0]["Config"], config);
        }
    }
}

#[test]
fn engines_run_the_image_of_this_machine() {
    for engine in [Engine::docker(), Engine::podman()].into_iter().flatten() {
        let before = engine.images().unwrap();
        let image = engine::image("pause");
        engine.load("dist", "pause").unwrap();
        let version = engine.run(&["run", "--rm", "--network=none", &image, "-v"]);
        if !before.contains(&image) {
            engine.run(&["image", "rm", &image]).unwrap();
        }
        assert_eq!(version.unwrap(), concat!("pause ", env!("CARGO_PKG_VERSION")), "{}", engine.name);
    }
}

#[test]
fn built_again_it_is_the_same_to_the_byte() {
    let archives = [None, Some(("RUSTFLAGS", "-Cdebuginfo=2"))].map(|variable| {
        let dist = tempfile::tempdir().unwrap();
        let mut xtask = Command::new(env!("CARGO"));
        xtask.args(["xtask", "images", "pause", "--all-architectures", "--dist"]).arg(dist.path());
        output(xtask.current_dir(e2e::workspace("")).envs(variable)).unwrap();
        fs::read(dist.path().join("images/pause.tar")).unwrap()
    });
    assert!(archives[0] == archives[1]);
}
