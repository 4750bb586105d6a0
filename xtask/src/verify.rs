//! Is what is built the same, whoever builds it, wherever and whenever? Builds twice and compares.

use crate::build::{cargo_home, home};
use crate::command::output;
use crate::papers::files;
use anyhow::{Context, Result, ensure};
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The second builder: another user, who speaks another language, in another place and time zone, with other ideas of
/// how C is compiled.
const STRANGER: [&str; 4] = ["unshare", "--user", "--map-user=4321", "--map-group=4321"];
const STRANGE: [(&str, &str); 8] = [
    ("USER", "stranger"),
    ("LOGNAME", "stranger"),
    ("HOME", "/nonexistent"),
    ("LC_ALL", "tr_TR.UTF-8"),
    ("TZ", "Pacific/Kiritimati"),
    ("CARGO_BUILD_JOBS", "1"),
    ("HOST_CFLAGS", "-O1 -fno-inline"),
    ("TARGET_CFLAGS", "-O1 -fno-inline"),
];

/// Builds the images of `programs`, or all, for every architecture, in two new directories.
pub fn verify(programs: &[String]) -> Result<()> {
    let directory = env::current_dir()?.join("target/verify");
    // What an interrupted run left.
    if directory.exists() {
        fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    let (here, there) = (directory.join("here"), directory.join("a longer way/to there"));
    let compared = build(programs, &here, &cargo_home()?, &[], &[])
        .and_then(|()| unpack_again(&directory.join("another cargo")))
        .and_then(|crates| build(programs, &there, &crates, &STRANGER, &STRANGE))
        .and_then(|()| compare(&here.join("dist"), &there.join("dist")));
    fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    compared
}

/// A home for cargo with all that this one has fetched, and nothing unpacked: crates, and the C code in some of them,
/// are compiled from another place.
fn unpack_again(there: &Path) -> Result<PathBuf> {
    let (here, registry) = (cargo_home()?, Path::new("registry"));
    fs::create_dir_all(there.join(registry)).with_context(|| format!("cannot create {}", there.display()))?;
    for (place, unpacked) in [(Path::new(""), registry.into()), (registry, registry.join("src"))] {
        for entry in fs::read_dir(here.join(place)).context("cargo has fetched nothing")? {
            let path = place.join(entry?.file_name());
            if path != unpacked {
                symlink(here.join(&path), there.join(&path))?;
            }
        }
    }
    Ok(there.into())
}

/// In `directory`, with the crates below `cargo_home`.
fn build(
    programs: &[String],
    directory: &Path,
    cargo_home: &Path,
    wrapper: &[&str],
    environment: &[(&str, &str)],
) -> Result<()> {
    println!("building in {}{}", directory.display(), if wrapper.is_empty() { "" } else { ", as a stranger" });
    fs::create_dir_all(directory.join("target/cross"))
        .with_context(|| format!("cannot create {}", directory.display()))?;
    // The files as they are here, also those not yet committed.
    for file in output(Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]))?.lines() {
        let copy = directory.join(file);
        fs::create_dir_all(copy.parent().context("a file is in a directory")?)?;
        fs::copy(file, copy).with_context(|| format!("cannot copy {file}"))?;
    }
    // Only what was fetched is shared, nothing that was built.
    symlink(env::current_dir()?.join("target/cross/debian"), directory.join("target/cross/debian"))?;
    let mut words = wrapper.iter().copied().chain(["cargo", "run", "--quiet", "--locked", "--package", "xtask", "--"]);
    let mut command = Command::new(words.next().context("a command")?);
    command.args(words).args(["images", "--all-architectures"]).args(programs).current_dir(directory);
    command.env("CARGO_HOME", cargo_home).env("RUSTUP_HOME", home("RUSTUP_HOME", ".rustup")?);
    output(command.envs(environment.iter().copied()).env_remove("CARGO_MANIFEST_DIR")).map(drop)
}

fn compare(here: &Path, there: &Path) -> Result<()> {
    let (here, there) = (files(here)?, files(there)?);
    let names = |files: &std::collections::BTreeMap<PathBuf, _>| files.keys().cloned().collect::<Vec<_>>();
    ensure!(names(&here) == names(&there), "not the same files: {:?}, {:?}", names(&here), names(&there));
    let mut differ = vec![];
    for (name, bytes) in &here {
        let same = there[name] == *bytes;
        println!("{} {:>9} {}", if same { "same  " } else { "DIFFER" }, bytes.len(), name.display());
        if !same {
            differ.push(name.display().to_string());
        }
    }
    ensure!(differ.is_empty(), "not the same bytes: {}", differ.join(" "));
    Ok(())
}
