//! What the tests need of Debian's packages: the machine's own where it has them, else unpacked below `target/engines`
//! and not installed, so that no engine of the machine is touched.

use anyhow::{Result, ensure};
use e2e::debian;
use std::env;
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
        ensure!(Path::new("/usr/sbin/iptables").exists(), "iptables is missing: run `make engines`");
        let machine = Self { root: "/".into() };
        if machine.missing().is_empty() {
            return Ok(machine);
        }
        let fetched = Self { root: e2e::workspace("target/engines/root") };
        debian::unpack(&PACKAGES.map(|(package, _)| package), &fetched.root)?;
        let missing = fetched.missing();
        ensure!(missing.is_empty(), "Debian's packages have not what was expected: {missing:?}");
        Ok(fetched)
    }

    fn missing(&self) -> Vec<&'static str> {
        PACKAGES.iter().map(|(_, file)| *file).filter(|file| !self.root.join(file).exists()).collect()
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
