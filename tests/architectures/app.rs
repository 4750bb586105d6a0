//! The tests' app is built as sidecars are: with `std`, static, for two architectures.

use crate::emulator;
use e2e::archive::Archive;
use e2e::command::output;
use e2e::elf::{Identity, expect_safe_segments};
use e2e::view::View;
use object::elf;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn images() -> (Archive, Vec<Value>) {
    let archive = Archive::unpack(&e2e::workspace("target/e2e/images/app.tar")).unwrap();
    let index = archive.json(&archive.blob(&archive.json("index.json")["manifests"][0]));
    let images = index["manifests"].as_array().expect("an index: run `make test-architectures`").clone();
    (archive, images)
}

#[test]
fn its_index_lists_both() {
    let platforms: Vec<Value> = images().1.into_iter().map(|image| image["platform"].clone()).collect();
    let expected = ["amd64", "arm64"].map(|architecture| json!({ "architecture": architecture, "os": "linux" }));
    assert_eq!(platforms, expected);
}

/// It asks qemu's kernel for files, processes and network devices, and tells the answers.
#[test]
fn the_image_for_arm64_runs() {
    let (archive, images) = images();
    let program = archive.program(&images[1]);
    let arm64 = Identity { class: elf::ELFCLASS64, data: elf::ELFDATA2LSB, machine: elf::EM_AARCH64 };
    assert_eq!(expect_safe_segments(&program), arm64);

    let file = archive.path("app");
    fs::write(&file, program).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let seen = output(Command::new(emulator("aarch64")).arg(&file).arg("look")).unwrap();
    let seen: View = serde_json::from_str(&seen).unwrap();
    let expected = View::of_this_process().unwrap();
    assert_eq!((seen.namespaces, seen.addresses), (expected.namespaces, expected.addresses));
}

#[test]
fn its_papers_name_the_c_library_of_each() {
    let bom = fs::read(e2e::workspace("target/e2e/images/app.cdx.json")).unwrap();
    let bom: Value = serde_json::from_slice(&bom).unwrap();
    let toolchains = fs::read_to_string(e2e::workspace("target/e2e/TOOLCHAINS")).unwrap();
    for (architecture, gcc) in [("amd64", "cc"), ("arm64", "aarch64-linux-gnu-gcc")] {
        let tools = toolchains.split("\n\n").find_map(|tools| tools.strip_prefix(&format!("{architecture}:\n{gcc} ")));
        let (_, version) = tools.expect(gcc).split_once("\nglibc ").unwrap();
        let glibc = format!("pkg:deb/debian/glibc@{}?arch={architecture}", version.replace('+', "%2B"));
        assert!(bom["components"].as_array().unwrap().iter().any(|component| component["purl"] == glibc), "{glibc}");
    }
}
