//! The image: what is in it, and how large it is.

use e2e::archive::Archive;
use serde_json::json;
use std::fs;

/// As a node pulls it: configuration, manifest and layer.
const MOST: u64 = 2_000_000;

#[test]
fn it_is_small_and_has_the_program() {
    let archive = Archive::unpack(&e2e::workspace("dist/images/log-shipper.tar")).unwrap();
    let image = &archive.json("index.json")["manifests"][0];
    let size = archive.pulled(image);
    assert!(size <= MOST, "{size} bytes");
    let config = archive.json(&archive.blob(&archive.json(&archive.blob(image))["config"]));
    let expected = json!({ "User": "65532:65532", "Env": ["PATH=/bin"], "Entrypoint": ["/bin/log-shipper"] });
    assert_eq!(config["config"], expected);
    assert_eq!(archive.files(image), ["bin/log-shipper"]);
    assert!(archive.program(image) == fs::read(e2e::program("log-shipper")).unwrap(), "not the program of dist/bin");
}
