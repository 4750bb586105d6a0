//! What is in a program, for scanners and lawyers: a bill of materials beside its image, without the time and place of
//! its making. <https://cyclonedx.org/docs/1.5/json/>

use crate::command::output;
use crate::cross::Compiler;
use crate::glibc::Glibc;
use crate::platform::Platform;
use crate::program::Program;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Writes `dist/images/PROGRAM.cdx.json`.
pub fn write(dist: &Path, program: &Program, platforms: &[&'static Platform]) -> Result<()> {
    let mut components = vec![];
    for platform in platforms {
        components.extend(crates(program, platform)?);
        let version = Compiler::of(platform)?.version()?;
        let release = version.split(' ').nth(1).context("rustc tells its release")?;
        let library = if program.no_std { "core" } else { "std" };
        components.push(component(library, release, "MIT OR Apache-2.0", &format!("pkg:generic/rust@{release}")));
        if !program.no_std {
            components.push(glibc(platform)?);
        }
    }
    let mut seen = BTreeSet::new();
    components.retain(|component| seen.insert(component.to_string()));
    let version = env!("CARGO_PKG_VERSION");
    let purl = format!("pkg:oci/{}@{version}", program.name);
    let bom = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(&program.name, version, env!("CARGO_PKG_LICENSE"), &purl) },
        "components": components,
    });
    let file = dist.join(format!("images/{}.cdx.json", program.name));
    fs::write(&file, serde_json::to_string_pretty(&bom)? + "\n")
        .with_context(|| format!("cannot write {}", file.display()))
}

fn component(name: &str, version: &str, license: &str, purl: &str) -> Value {
    json!({
        "type": "library",
        "name": name,
        "version": version,
        "licenses": [{ "expression": license.replace('/', " OR ") }],
        "purl": purl,
    })
}

/// The crates that are linked into it; not those that run when it is built.
fn crates(program: &Program, platform: &Platform) -> Result<Vec<Value>> {
    let mut cargo = Command::new("cargo");
    cargo.args(["tree", "--locked", "--package", &program.package, "--edges", "normal,no-proc-macro"]);
    cargo.args(["--prefix", "none", "--format", "{p}|{l}", "--target", platform.target]);
    let tree = output(&mut cargo)?;
    let lines: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    let component = |line: &&str| {
        // `NAME vVERSION`, then the path of a crate that is the workspace's own, then `|LICENSE`
        let (package, license) = line.split_once('|')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        (name != program.package).then(|| component(name, version, license, &format!("pkg:cargo/{name}@{version}")))
    };
    Ok(lines.iter().filter_map(component).collect())
}

/// Static programs carry the C library they were linked with. Who gets one may relink it: docs/licences.md.
fn glibc(platform: &'static Platform) -> Result<Value> {
    let version = Glibc::of(platform)?.version()?;
    let purl = format!("pkg:deb/debian/glibc@{version}?arch={}", platform.architecture);
    Ok(component("glibc", &version, "LGPL-2.1-or-later", &purl))
}
