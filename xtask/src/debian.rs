//! Debian's packages, unpacked below `target/` and not installed. apt's lists and archives are there, too: nothing of
//! the system changes, and any user can do it.

use crate::command::output;
use crate::platform::Platform;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Beside what was unpacked: a line for each package, its name and its version.
const RECORD: &str = "PACKAGES";

/// Unpacks `packages` into `root`; what is there already stays. One comes with what it needs and this machine lacks;
/// one of another architecture, as `libc6-dev:arm64`, comes alone, since nothing of it runs here, and so does one of
/// another `suite` of Debian's than this machine's, whose libraries are none for it.
pub fn unpack(packages: &[impl AsRef<str>], suite: Option<&str>, root: &Path) -> Result<()> {
    if missing(packages, root)?.is_empty() {
        return Ok(());
    }
    let apt = &*env::current_dir()?.join("target/apt");
    for directory in [apt, root] {
        fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    }
    let lock = File::open(apt)?;
    lock.lock()?; // who wants the same at the same time waits, and finds it there
    let missing = missing(packages, root)?;
    let mut by_architecture = BTreeMap::<Option<&str>, Vec<&str>>::new();
    for package in &missing {
        by_architecture.entry(package.split_once(':').map(|(_, architecture)| architecture)).or_default().push(package);
    }
    for (architecture, packages) in by_architecture {
        let names = packages.join("`, `");
        eprintln!("fetching Debian's `{names}` into {}", root.display());
        let archives = fetch(&packages, architecture, suite, apt).with_context(|| {
            format!("cannot fetch `{names}`: this needs apt-get, Debian 12 with bookworm-security, and network")
        })?;
        let suffix = architecture.map(|architecture| format!(":{architecture}")).unwrap_or_default();
        let mut record = record(root)?;
        for archive in archives {
            output(Command::new("dpkg").arg("--extract").arg(&archive).arg(root))?;
            let shown = output(Command::new("dpkg-deb").arg("--show").arg(&archive))?;
            let (name, version) = shown.split_once('\t').context("dpkg-deb tells name and version")?;
            record.insert(format!("{name}{suffix}"), version.into());
            fs::remove_file(archive)?;
        }
        let lines: Vec<_> = record.iter().map(|(package, version)| format!("{package} {version}")).collect();
        let file = root.join(RECORD);
        fs::write(&file, lines.join("\n")).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// The name of another platform's package. Debian names those that have `std` here as OCI does.
pub fn of(package: &str, platform: &Platform) -> String {
    format!("{package}:{}", platform.architecture)
}

/// Of a package that is unpacked in `root`.
pub fn version(package: &str, root: &Path) -> Result<String> {
    record(root)?.remove(package).with_context(|| format!("`{package}` is not unpacked in {}", root.display()))
}

/// Has a command find the libraries that are unpacked in `root`.
pub fn libraries<'a>(command: &'a mut Command, root: &Path) -> Result<&'a mut Command> {
    Ok(command.env("LD_LIBRARY_PATH", root.join("usr/lib").join(Platform::host()?.triplet())))
}

fn missing<'a>(packages: &'a [impl AsRef<str>], root: &Path) -> Result<Vec<&'a str>> {
    let record = record(root)?;
    Ok(packages.iter().map(AsRef::as_ref).filter(|package| !record.contains_key(*package)).collect())
}

/// Packages and their versions.
fn record(root: &Path) -> Result<BTreeMap<String, String>> {
    let file = root.join(RECORD);
    if !file.exists() {
        return Ok(BTreeMap::new());
    }
    let lines = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let packages = lines.lines().filter_map(|line| line.split_once(' '));
    Ok(packages.map(|(name, version)| (name.into(), version.into())).collect())
}

/// The files of packages of an architecture and a suite, or of this machine's.
fn fetch(packages: &[&str], architecture: Option<&str>, suite: Option<&str>, apt: &Path) -> Result<Vec<PathBuf>> {
    let home = apt.join(suite.unwrap_or_default()).join(architecture.unwrap_or("own"));
    let (lists, archives) = (home.join("lists"), home.join("archives"));
    // What another fetch left.
    if archives.exists() {
        fs::remove_dir_all(&archives).with_context(|| format!("cannot remove {}", archives.display()))?;
    }
    for directory in [&lists, &archives].map(|directory| directory.join("partial")) {
        fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    }
    let sources = suite.map(|suite| sources(suite, &home)).transpose()?;
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("-qq").args(arguments).current_dir(&archives);
        for (option, directory) in [("Dir::State::lists", &lists), ("Dir::Cache", &home)] {
            command.arg("-o").arg(format!("{option}={}", directory.display()));
        }
        command.args(["-o", "Debug::NoLocking=true", "-o", "APT::Sandbox::User=root"]);
        if let Some(sources) = &sources {
            command.args([
                "-o",
                &format!("Dir::Etc::SourceList={}", sources.display()),
                "-o",
                "Dir::Etc::SourceParts=-",
            ]);
        }
        if let Some(architecture) = architecture {
            command.args(["-o", &format!("APT::Architecture={architecture}"), "-o", "Dir::State::status=/dev/null"]);
        }
        output(&mut command)
    };
    // Always, so that what belongs together is of one moment, whatever its architecture. It fails also for a source
    // that has nothing to do with these packages.
    let updated = apt_get(&["update"]);
    let verb: &[&str] = match (architecture, suite) {
        // An installation that stops after the download: apt finds what they need, and changes nothing.
        (None, None) => &["install", "--download-only", "--reinstall", "--no-install-recommends", "-y"],
        _ => &["download"],
    };
    apt_get(&[verb, packages].concat()).map_err(|error| updated.err().unwrap_or(error))?;
    let entries = fs::read_dir(&archives)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(entries.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "deb")).collect())
}

/// Writes a list of apt's for another suite: from where this machine has its own, whoever mirrors it.
fn sources(suite: &str, home: &Path) -> Result<PathBuf> {
    let release = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let own = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let own = own.context("/etc/os-release has no VERSION_CODENAME")?;
    // Also where apt has been asked nothing yet: 'URI/dists/SUITE/InRelease' FILE SIZE
    let uris = output(Command::new("apt-get").args(["update", "--print-uris", "-o", "Debug::NoLocking=true"]))?;
    let end = format!("/dists/{own}/InRelease");
    let uris = uris.lines().filter_map(|line| line.strip_prefix('\'')?.split_once('\'')?.0.strip_suffix(&end));
    let list: Vec<_> = uris.map(|uri| format!("deb {uri} {suite} main\n")).collect();
    ensure!(!list.is_empty(), "apt has no source for this machine's own suite, `{own}`");
    let file = home.join("sources.list");
    fs::write(&file, list.concat()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}
