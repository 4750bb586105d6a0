//! What the tests need of Debian's packages: the machine's own where it has them, else unpacked below `target/engines`
//! and not installed, so that no engine of the machine is touched.

use anyhow::{Context, Result, ensure};
use e2e::command::output;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the programs are, each below the same root: `usr/bin`, `usr/sbin` and `usr/lib/cni`.
pub struct Programs {
    root: PathBuf,
}

/// A package, and the file for which it is wanted.
const PACKAGES: [(&str, &str); 4] = [
    ("containerd", "usr/bin/containerd"),
    ("containerd", "usr/bin/containerd-shim-runc-v2"),
    ("runc", "usr/sbin/runc"),
    ("containernetworking-plugins", "usr/lib/cni/bridge"),
];

impl Programs {
    /// # Errors
    /// If they are not here and cannot be fetched.
    pub fn find_or_fetch() -> Result<Self> {
        let iptables = Path::new("/usr/sbin/iptables");
        if !iptables.exists() {
            apt(Command::new("apt-get").args(["install", "-qq", "-y", "--no-install-recommends", "iptables"]))?;
        }
        let machine = Self { root: "/".into() };
        if machine.missing().is_empty() {
            return Ok(machine);
        }
        let fetched = Self { root: e2e::workspace("target/engines/root") };
        for package in fetched.missing() {
            fetched.fetch(package).with_context(|| format!("cannot get Debian's package {package}"))?;
        }
        let missing = fetched.missing();
        ensure!(missing.is_empty(), "Debian's packages have not what was expected: {missing:?}");
        Ok(fetched)
    }

    fn missing(&self) -> Vec<&'static str> {
        let mut missing: Vec<_> =
            PACKAGES.iter().filter(|(_, file)| !self.root.join(file).exists()).map(|(package, _)| *package).collect();
        missing.dedup();
        missing
    }

    fn fetch(&self, package: &str) -> Result<()> {
        let directory = tempfile::tempdir()?;
        fs::create_dir_all(&self.root)?;
        apt(Command::new("apt-get").args(["download", "-qq", package]).current_dir(&directory))?;
        let archive = fs::read_dir(&directory)?.next().context("apt-get left no package")??.path();
        output(Command::new("dpkg").arg("-x").arg(archive).arg(&self.root)).map(drop)
    }

    /// A command that finds these programs first.
    pub fn command(&self, name: &str) -> Command {
        let own = ["usr/bin", "usr/sbin"].map(|directory| self.root.join(directory));
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(own.into_iter().chain(env::split_paths(&path))).unwrap_or(path);
        let mut command = Command::new(self.root.join("usr/bin").join(name));
        command.env("PATH", path);
        command
    }

    /// The CNI plugins.
    pub fn plugins(&self) -> PathBuf {
        self.root.join("usr/lib/cni")
    }
}

/// Lists of packages that are missing or old are the usual reason why it fails.
fn apt(command: &mut Command) -> Result<()> {
    command.env("DEBIAN_FRONTEND", "noninteractive");
    if output(command).is_err() {
        output(Command::new("apt-get").args(["update", "-qq"]))?;
        output(command)?;
    }
    Ok(())
}
