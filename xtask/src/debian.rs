//! Debian's packages, unpacked below `target/` and not installed.

use crate::command::output;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Unpacks `packages`, with what they need and this machine lacks, into `root`. What is there already stays.
pub fn unpack(packages: &[&str], root: &Path) -> Result<()> {
    if root.exists() {
        return Ok(());
    }
    let names = packages.join("` and `");
    eprintln!("fetching Debian's `{names}` into {}", root.display());
    let directory = env::current_dir()?.join(root.with_extension("new"));
    let archives = download(packages, &directory).with_context(|| {
        format!(
            "cannot fetch `{names}`: this needs apt-get, Debian 12's package lists with bookworm-security, and network"
        )
    })?;
    let unpacked = directory.join("root");
    for archive in archives {
        output(Command::new("dpkg").arg("--extract").args([&archive, &unpacked]))?;
    }
    fs::rename(unpacked, root).with_context(|| format!("cannot write {}", root.display()))?;
    Ok(fs::remove_dir_all(directory)?)
}

/// The packages' files, in `directory`.
fn download(packages: &[&str], directory: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(directory.join("partial")).with_context(|| format!("cannot create {}", directory.display()))?;
    let download = || {
        output(
            Command::new("apt-get")
                // An installation that stops after the download: apt finds the dependencies, and changes nothing.
                .args(["install", "--download-only", "--reinstall", "--no-install-recommends", "-qq", "-y"])
                .args(["-o", "Debug::NoLocking=true", "-o", "APT::Sandbox::User=root", "-o"])
                .arg(format!("Dir::Cache::archives={}", directory.display()))
                .args(packages),
        )
    };
    // Lists of packages that are missing or old are the usual reason why it fails.
    if download().is_err() {
        output(Command::new("apt-get").args(["update", "-qq"]))?;
        download()?;
    }
    let entries = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(entries.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "deb")).collect())
}
