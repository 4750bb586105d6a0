//! Debian's packages, unpacked below `target/peers` and not installed.

use anyhow::{Context, Result, ensure};
use e2e::command::output;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Package {
    pub version: String,
    root: PathBuf,
}

impl Package {
    /// What an earlier run has fetched is used again.
    pub fn fetch(name: &str) -> Result<Self> {
        let directory = directory(name)?;
        let archive = match archive(&directory)? {
            Some(archive) => archive,
            None => download(name, &directory)?,
        };
        let root = directory.join("root");
        let version = output(Command::new("dpkg-deb").arg("--field").arg(&archive).arg("Version"))
            .and_then(|version| output(Command::new("dpkg").arg("-x").arg(&archive).arg(&root)).map(|_| version))
            .with_context(|| format!("{} is broken: remove it and try again", archive.display()))?;
        Ok(Self { version, root })
    }

    pub fn file(&self, path: &str) -> Result<PathBuf> {
        let file = self.root.join(path);
        ensure!(file.exists(), "{} is not in the package", file.display());
        Ok(file)
    }
}

/// Of an installed package.
pub fn version(package: &str) -> Result<String> {
    output(Command::new("dpkg-query").args(["--show", "--showformat", "${Version}", package]))
}

/// A directory for one peer, made where it is missing.
pub fn directory(peer: &str) -> Result<PathBuf> {
    let directory = e2e::workspace("target/peers").join(peer);
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    Ok(directory)
}

fn download(name: &str, directory: &Path) -> Result<PathBuf> {
    let download = || output(Command::new("apt-get").args(["download", name]).current_dir(directory));
    // Lists of packages that are missing or old are the usual reason why it fails.
    if download().is_err() {
        output(Command::new("apt-get").arg("update"))?;
        download()?;
    }
    archive(directory)?.with_context(|| format!("apt-get left no package in {}", directory.display()))
}

fn archive(directory: &Path) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
