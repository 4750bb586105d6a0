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

/// C code and assembly that crates bring along, which scanners know by other names: the crate, the name, the licence,
/// and where it is from. Its version is what the crate's has behind `+NAME.`; `ring` tells none.
const BROUGHT: [(&str, &str, &str, &str); 2] = [
    ("ring", "boringssl", "Apache-2.0 AND ISC", "github/google/boringssl"),
    ("zstd-sys", "zstd", "BSD-3-Clause OR GPL-2.0-only", "github/facebook/zstd"),
];

/// Writes `dist/images/PROGRAM.cdx.json`.
pub fn write(dist: &Path, program: &Program, platforms: &[&'static Platform]) -> Result<()> {
    let mut components = vec![];
    for platform in platforms {
        components.extend(crates(program, platform)?);
        let version = Compiler::of(platform)?.version()?;
        let release = version.split(' ').nth(1).context("rustc tells its release")?;
        let library = if program.no_std { "core" } else { "std" };
        components.push(component(library, release, "MIT OR Apache-2.0", &purl("generic/rust", release)));
        if !program.no_std {
            components.push(glibc(platform)?);
        }
    }
    let mut seen = BTreeSet::new();
    components.retain(|component| seen.insert(component.to_string()));
    let version = env!("CARGO_PKG_VERSION");
    let purl = purl(&format!("oci/{}", program.name), version);
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
    let license = license.replace('/', " OR ");
    let mut component =
        json!({ "type": "library", "name": name, "licenses": [{ "expression": license }], "purl": purl });
    if !version.is_empty() {
        component["version"] = json!(version);
    }
    component
}

/// <https://github.com/package-url/purl-spec>: the only character of a version here that has to be escaped is `+`.
fn purl(package: &str, version: &str) -> String {
    let at = if version.is_empty() { "" } else { "@" };
    format!("pkg:{package}{at}{}", version.replace('+', "%2B"))
}

/// The crates that are linked into it; not those that run when it is built.
fn crates(program: &Program, platform: &Platform) -> Result<Vec<Value>> {
    let mut cargo = Command::new("cargo");
    cargo.args(["tree", "--locked", "--package", &program.package, "--edges", "normal,no-proc-macro"]);
    cargo.args(["--prefix", "none", "--format", "{p}|{l}", "--target", platform.target]);
    let tree = output(&mut cargo)?;
    let lines: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    let package = |line: &'_ str| {
        // `NAME vVERSION`, then the path of a crate that is the workspace's own, then `|LICENSE`
        let (package, license) = line.split_once('|')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        (name != program.package).then(|| of_crate(name, version, license))
    };
    Ok(lines.into_iter().filter_map(package).flatten().collect())
}

/// The crate, and what it brings.
fn of_crate(name: &str, version: &str, license: &str) -> Vec<Value> {
    let brought = BROUGHT.iter().filter(|(by, ..)| *by == name).map(|(_, brought, license, from)| {
        let told = version.split_once(&format!("+{brought}.")).map_or("", |(_, version)| version);
        let tag = if told.is_empty() { String::new() } else { format!("v{told}") };
        component(brought, told, license, &purl(from, &tag))
    });
    let itself = component(name, version, license, &purl(&format!("cargo/{name}"), version));
    [itself].into_iter().chain(brought).collect()
}

/// Static programs carry the C library they were linked with. Who gets one may relink it: docs/licences.md.
fn glibc(platform: &'static Platform) -> Result<Value> {
    let version = Glibc::of(platform)?.version()?;
    let purl = format!("{}?arch={}", purl("deb/debian/glibc", &version), platform.architecture);
    Ok(component("glibc", &version, "LGPL-2.1-or-later", &purl))
}

#[cfg(test)]
mod tests {
    use super::of_crate;
    use serde_json::json;

    #[test]
    fn a_crate_is_listed_with_the_c_code_it_brings() {
        let expected = json!([
            {
                "type": "library",
                "name": "zstd-sys",
                "version": "2.1.2+zstd.1.5.7",
                "licenses": [{ "expression": "BSD-3-Clause" }],
                "purl": "pkg:cargo/zstd-sys@2.1.2%2Bzstd.1.5.7",
            },
            {
                "type": "library",
                "name": "zstd",
                "version": "1.5.7",
                "licenses": [{ "expression": "BSD-3-Clause OR GPL-2.0-only" }],
                "purl": "pkg:github/facebook/zstd@v1.5.7",
            },
        ]);
        assert_eq!(json!(of_crate("zstd-sys", "2.1.2+zstd.1.5.7", "BSD-3-Clause")), expected);

        let ring = json!(of_crate("ring", "0.17.14", "Apache-2.0 AND ISC"));
        assert_eq!(ring[1]["purl"], "pkg:github/google/boringssl");
        assert_eq!(ring[1]["version"], json!(null), "nobody knows which");
    }

    #[test]
    fn licences_are_in_the_words_of_spdx() {
        let old = of_crate("arraydeque", "0.5.1", "MIT/Apache-2.0");
        assert_eq!(old.len(), 1);
        assert_eq!(old[0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
    }
}
