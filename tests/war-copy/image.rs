//! The image: what is in it, how large it is, and what is made `FROM` it.

use e2e::archive::{Archive, sha256};
use e2e::command::output;
use e2e::engine::{Engine, image};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// As a node pulls it: configuration, manifest and layer.
const MOST: u64 = 800_000;

#[test]
fn it_is_small_and_has_the_program_by_both_its_names() {
    let archive = Archive::unpack(&e2e::workspace("dist/images/war-copy.tar")).unwrap();
    let image = &archive.json("index.json")["manifests"][0];
    let size = archive.pulled(image);
    assert!(size <= MOST, "{size} bytes");
    let parts = archive.json(&archive.blob(image));
    let (config, layer) = (archive.blob(&parts["config"]), archive.blob(&parts["layers"][0]));
    assert_eq!(parts["layers"].as_array().unwrap().len(), 1);
    let expected = json!({ "User": "65532:65532", "Env": ["PATH=/bin"], "Entrypoint": ["/bin/war-copy"] });
    assert_eq!(archive.json(&config)["config"], expected);
    let tar = archive.path("layer.tar");
    fs::write(&tar, Command::new("gzip").arg("-dc").arg(archive.path(&layer)).output().unwrap().stdout).unwrap();
    let listed = output(Command::new("tar").args(["-tv", "--numeric-owner", "--utc", "-f"]).arg(&tar)).unwrap();
    let parts: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    let size = fs::metadata(e2e::program("war-copy")).unwrap().len().to_string();
    assert_eq!(parts[0], ["-r-xr-xr-x", "0/0", &size, "1970-01-01", "00:00", "bin/war-copy"]);
    assert_eq!(parts[1], ["lrwxrwxrwx", "0/0", "0", "1970-01-01", "00:00", "bin/cp", "->", "/bin/war-copy"]);
    assert_eq!(parts.len(), 2, "{listed}");
}

/// What a test leaves in the engine, removed also when it fails.
struct Made<'a> {
    engine: &'a Engine,
    image: String,
    volume: String,
    /// What was there before
    images: BTreeSet<String>,
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        let _ = self.engine.run(&["volume", "rm", "--force", &self.volume]);
        for made in [&self.image, &image("war-copy")] {
            if !self.images.contains(made) {
                let _ = self.engine.run(&["image", "rm", made]);
            }
        }
    }
}

#[test]
fn an_image_of_three_lines_puts_its_artifact_on_a_volume() {
    let Some(engine) = Engine::docker() else {
        e2e::skip("images are built by Docker here, and no Docker daemon answers");
        return;
    };
    let (name, images) = (e2e::pod::name(), engine.images().unwrap());
    let made = Made { engine: &engine, image: format!("localhost/{name}"), volume: format!("{name}-app"), images };
    engine.load("dist", "war-copy").unwrap();
    let context = tempfile::tempdir().unwrap();
    fs::write(context.path().join("sample.war"), "sample").unwrap();
    let dockerfile = format!("FROM {}\nCOPY sample.war /artifacts/\nCOPY sample.war /\n", image("war-copy"));
    fs::write(context.path().join("Dockerfile"), dockerfile).unwrap();
    engine.run(&["build", "--force-rm", "--quiet", "--tag", &made.image, context.path().to_str().unwrap()]).unwrap();

    // A volume of root's, given to the user as kubelet does for fsGroup.
    engine.run(&["volume", "create", &made.volume]).unwrap();
    let path = engine.run(&["volume", "inspect", "--format", "{{.Mountpoint}}", &made.volume]).unwrap();
    std::os::unix::fs::chown(&path, Some(65532), Some(65532)).unwrap();
    let volume = format!("{}:/app", made.volume);
    let run = |more: &[&str], arguments: &[&str]| {
        let hard =
            ["run", "--rm", "--read-only", "--cap-drop", "ALL", "--user", "65532", "--network", "none", "-v", &volume];
        let ended = engine.command().args(hard).args(more).arg(&made.image).args(arguments).output().unwrap();
        (ended.status.code().unwrap(), String::from_utf8(ended.stderr).unwrap())
    };
    let (code, said) = run(&[], &[]);
    assert!(code == 0 && said.contains("1 file put in /app"), "{code}: {said}");
    let put = std::path::Path::new(&path).join("sample.war");
    assert_eq!(fs::read(&put).unwrap(), b"sample");
    let (code, said) = run(&[], &[]);
    assert!(code == 0 && said.contains("nothing to do"), "{code}: {said}");
    let (code, said) = run(&["--env", &format!("WAR_COPY_SHA256=sample.war={}", sha256(&put))], &[]);
    assert!(code == 0 && said.contains("SHA-256 of 1 checked"), "{code}: {said}");

    // As pods have it that came with busybox: `command: [cp, /sample.war, /app]`
    fs::remove_file(&put).unwrap();
    let (code, said) = run(&["--entrypoint", "cp"], &["/sample.war", "/app"]);
    assert!(code == 0 && said.starts_with("cp: 1 file put in /app"), "{code}: {said}");
    assert_eq!(fs::read(&put).unwrap(), b"sample");
    let (code, said) = run(&["--entrypoint", "cp"], &["--sparse=always", "/sample.war", "/app"]);
    assert!(code == 2 && said.contains("unexpected argument"), "{code}: {said}");
}
