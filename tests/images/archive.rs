use crate::xtask_images;
use e2e::archive::{self, Archive};
use e2e::command::output;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

#[test]
fn the_layout_leads_to_the_program() {
    let archive = Archive::unpack(&e2e::workspace("dist/images/pause.tar")).unwrap();
    assert_eq!(archive.json("oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }));
    let index = archive.json("index.json");
    assert_eq!(index["annotations"]["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
    let entry = &index["manifests"][0];
    assert_eq!(entry["platform"], json!({ "architecture": e2e::architecture(), "os": "linux" }));
    let name = concat!("localhost/pause:", env!("CARGO_PKG_VERSION"));
    assert_eq!(entry["annotations"]["io.containerd.image.name"], name);
    assert_eq!(entry["annotations"]["org.opencontainers.image.ref.name"], env!("CARGO_PKG_VERSION"));

    let manifest = archive.json(&archive.blob(entry));
    let (config, layer) = (archive.blob(&manifest["config"]), archive.blob(&manifest["layers"][0]));
    let docker = archive.json("manifest.json");
    assert_eq!(docker, json!([{ "Config": config, "RepoTags": [name], "Layers": [layer] }]));

    let config = archive.json(&config);
    assert_eq!(config["config"], json!({ "User": "65535:65535", "Entrypoint": ["/pause"] }));
    let tar = archive.path("layer.tar");
    fs::write(&tar, output_bytes(Command::new("gzip").arg("-dc").arg(archive.path(&layer)))).unwrap();
    assert_eq!(config["rootfs"]["diff_ids"], json!([format!("sha256:{}", archive::sha256(&tar))]));
    let listed = output(Command::new("tar").args(["-tv", "--numeric-owner", "--utc", "-f"]).arg(&tar)).unwrap();
    let listed: Vec<&str> = listed.split_whitespace().collect();
    let size = fs::metadata(e2e::program("pause")).unwrap().len().to_string();
    assert_eq!(listed, ["-r-xr-xr-x", "0/0", &size, "1970-01-01", "00:00", "pause"]);
    let program = output_bytes(Command::new("tar").arg("-xOf").arg(&tar));
    assert!(program == fs::read(e2e::program("pause")).unwrap(), "the image has the program of dist/bin");
}

fn output_bytes(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn what_a_node_pulls_fits_a_kibibyte() {
    let archive = Archive::unpack(&e2e::workspace("dist/images/pause.tar")).unwrap();
    let bytes = |name: &str| fs::metadata(archive.path(name)).unwrap().len();
    let entry = archive.json("index.json")["manifests"][0].clone();
    let manifest = archive.blob(&entry);
    let parts = archive.json(&manifest);
    let (config, layer) = (archive.blob(&parts["config"]), archive.blob(&parts["layers"][0]));
    let total = archive.pulled(&entry);
    assert!(total <= 1024, "{total} bytes");

    let sizes: Value = serde_json::from_slice(&fs::read(e2e::workspace("dist/images/sizes.json")).unwrap()).unwrap();
    let elf = fs::metadata(e2e::program("pause")).unwrap().len();
    assert_eq!(
        sizes["pause"][e2e::architecture()],
        json!({ "elf": elf, "config": bytes(&config), "manifest": bytes(&manifest), "layer": bytes(&layer), "total": total })
    );
}

#[test]
fn built_again_it_is_the_same_to_the_byte() {
    let (first, again) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    xtask_images(first.path(), &[], &[]);
    let strange = [("TZ", "Asia/Tokyo"), ("LC_ALL", "tr_TR.UTF-8"), ("RUSTFLAGS", "-Cdebuginfo=2")];
    xtask_images(again.path(), &[], &strange);
    let [first, again] = [first, again].map(|dist| fs::read(dist.path().join("images/pause.tar")).unwrap());
    assert!(first == again);
}

/// The index does, and not the image: that is the same whatever its origin.
#[test]
fn the_index_tells_version_licence_and_origin() {
    let (plain, named) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    xtask_images(plain.path(), &[], &[]);
    xtask_images(named.path(), &["--source", "https://git.example/pause-kit"], &[]);
    let [plain, named] =
        [plain, named].map(|dist| Archive::unpack(&dist.path().join("images/pause.tar")).unwrap().json("index.json"));
    assert_eq!(plain["manifests"], named["manifests"]);

    let mut expected = json!({
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.title": "pause",
        "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
    });
    let git = |arguments: &[&str]| output(Command::new("git").current_dir(e2e::workspace("")).args(arguments));
    if git(&["status", "--porcelain"]).is_ok_and(|changes| changes.is_empty()) {
        expected["org.opencontainers.image.revision"] = json!(git(&["rev-parse", "HEAD"]).unwrap());
    }
    if let Some(repository) = option_env!("CARGO_PKG_REPOSITORY").filter(|url| !url.is_empty()) {
        expected["org.opencontainers.image.source"] = json!(repository);
    }
    assert_eq!(plain["annotations"], expected);
    expected["org.opencontainers.image.source"] = json!("https://git.example/pause-kit");
    assert_eq!(named["annotations"], expected);
}

#[test]
fn the_time_of_its_making_is_source_date_epoch() {
    let dist = tempfile::tempdir().unwrap();
    xtask_images(dist.path(), &[], &[("SOURCE_DATE_EPOCH", "86400")]);
    let listed =
        output(Command::new("tar").args(["-tv", "--utc", "-f"]).arg(dist.path().join("images/pause.tar"))).unwrap();
    assert!(listed.lines().all(|line| line.contains("1970-01-02")), "{listed}");
}
