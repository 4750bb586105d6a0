//! `docs/images.md`, line by line: a push, a signature, and a policy without which nothing is pulled.

use crate::podman;
use e2e::archive::Archive;
use e2e::command::output;
use e2e::matrix::{self, Behaviour, Column};
use e2e::registry::Registry;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Someone with a copy of `dist`, keys and settings of their own.
struct Person {
    home: TempDir,
    registry: Registry,
}

impl Person {
    fn new(registry: Registry) -> Self {
        let home = tempfile::tempdir().unwrap();
        let at = |path: &str| home.path().join(path);
        fs::create_dir_all(at(".config/containers")).unwrap();
        let host = &registry.host;
        let insecure = format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n");
        fs::write(at(".config/containers/registries.conf"), insecure).unwrap();
        let storage = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
            at("storage").display(),
            at("run").display()
        );
        fs::write(at("storage.conf"), storage).unwrap();
        output(Command::new("cp").arg("-r").arg(e2e::workspace("dist")).arg(home.path())).unwrap();
        Self { home, registry }
    }

    /// What these lines print; with the registry and a directory of this test's in the place of the document's.
    fn play(&self, lines: &str) -> anyhow::Result<String> {
        let signatures = self.home.path().join("signatures");
        let lines = lines.replace("registry.example", &self.registry.host);
        let lines = lines.replace("/var/lib/signatures", signatures.to_str().unwrap());
        let mut shell = Command::new("bash");
        shell.args(["-e", "-u", "-o", "pipefail", "-c", &lines]).current_dir(&self.home).env("HOME", self.home.path());
        output(shell.env("CONTAINERS_STORAGE_CONF", self.home.path().join("storage.conf")).env_remove("GNUPGHOME"))
    }

    fn make_key(&self, name: &str) {
        self.play(&format!("gpg --batch --quiet --passphrase '' --quick-generate-key {name} ed25519 sign never"))
            .unwrap();
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.play("gpgconf --kill all");
    }
}

/// The blocks of shell lines that the document says are played.
fn blocks(document: &Path) -> Vec<String> {
    let text = fs::read_to_string(document).unwrap();
    let (played, _) = text.split_once("\n## With oras and cosign").unwrap();
    let blocks = played.split("\n```sh\n").skip(1);
    blocks.map(|block| block.split_once("\n```").unwrap().0.into()).collect()
}

#[test]
fn only_what_is_signed_is_pulled() {
    let Some((_alone, engine)) = podman::engine(matrix::Engine::Podman) else { return };
    let blocks = blocks(&e2e::workspace("docs/images.md"));
    let [push, export, sign, require, sign_files, check_files] = blocks.as_slice() else {
        panic!("{} blocks of lines in the document", blocks.len());
    };
    let person = Person::new(Registry::start(&e2e::workspace("target/registry")).unwrap());
    person.make_key("release@example.com");
    person.make_key("other@example.com");

    let archive = Archive::unpack(&e2e::workspace("dist/images/pause.tar")).unwrap();
    let digest = archive.json("index.json")["manifests"][0]["digest"].as_str().unwrap().to_string();
    let printed = person.play(push).unwrap();
    assert!(printed.ends_with(&digest), "{printed}");

    person.play(export).unwrap();
    let refused = |reason: &str| {
        let error = format!("{:#}", person.play(require).unwrap_err());
        assert!(error.contains(reason), "no `{reason}` in: {error}");
        assert_eq!(person.play("podman images --quiet").unwrap(), "");
    };
    refused("A signature was required, but no signature exists");
    person.play(&sign.replace("release@", "other@")).unwrap();
    refused("Invalid GPG signature");
    person.play(sign).unwrap();
    person.play(require).unwrap();
    person.play(&format!("podman pull registry.example/infra/pause@{digest}")).unwrap();
    Column::new(matrix::Engine::Podman, &engine.version).saw(Behaviour::Signed);

    person.play(sign_files).unwrap();
    person.play(check_files).unwrap();
    person.play("printf x >> dist/images/pause.cdx.json").unwrap();
    person.play(check_files).unwrap_err();
}
