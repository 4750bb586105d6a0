//! What the tests need of Debian's packages: the machine's own where it has them, else unpacked below `target/engines`
//! and not installed, so that no engine of the machine is touched.

use anyhow::{Context, Result, ensure};
use e2e::command::output;
use e2e::debian::{unpack, unpack_of};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the suite of Debian's that containerd is of, such as `trixie`: each has another one. Where it is not set, it is
/// this machine's own.
const SUITE: &str = "CONTAINERD_SUITE";

/// Where the programs are, each below a root of its own or the same: `usr/bin`, `usr/sbin` and `usr/lib/cni`.
pub struct Programs {
    containerd: PathBuf,
    /// runc and the CNI's
    rest: PathBuf,
}

/// A package, and the file for which it is wanted.
type Wanted = (&'static str, &'static str);

const CONTAINERD: [Wanted; 2] =
    [("containerd", "usr/bin/containerd"), ("containerd", "usr/bin/containerd-shim-runc-v2")];
const REST: [Wanted; 2] = [("runc", "usr/sbin/runc"), ("containernetworking-plugins", "usr/lib/cni/bridge")];

impl Programs {
    /// # Errors
    /// If they are not here and cannot be fetched.
    pub fn find_or_fetch() -> Result<Self> {
        ensure!(Path::new("/usr/sbin/iptables").exists(), "iptables is missing: run `make engines`");
        let suite = env::var(SUITE).ok();
        Ok(Self { containerd: root_of(&CONTAINERD, suite.as_deref())?, rest: root_of(&REST, None)? })
    }

    /// A command that finds these programs first.
    pub fn command(&self, name: &str) -> Command {
        let roots = [&self.containerd, &self.rest];
        let own = roots.iter().flat_map(|root| ["usr/bin", "usr/sbin"].map(|directory| root.join(directory)));
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(own.chain(env::split_paths(&path))).unwrap_or(path);
        let mut command = Command::new(self.containerd.join("usr/bin").join(name));
        command.env("PATH", path);
        command
    }

    /// # Errors
    /// If containerd does not tell its version.
    pub fn is_containerd_1(&self) -> Result<bool> {
        let said = output(self.command("containerd").arg("--version"))?; // `containerd PACKAGE VERSION REVISION`
        let version = said.split_whitespace().nth(2).context("containerd does not tell its version")?;
        Ok(version.starts_with("1."))
    }

    /// The CNI plugins.
    pub fn plugins(&self) -> PathBuf {
        self.rest.join("usr/lib/cni")
    }
}

/// Where these files are: of this suite, or the machine's, fetched where they are not.
fn root_of(wanted: &[Wanted], suite: Option<&str>) -> Result<PathBuf> {
    let machine = Path::new("/");
    if suite.is_none() && missing(wanted, machine).is_empty() {
        return Ok(machine.into());
    }
    let root = e2e::workspace("target/engines").join(suite.unwrap_or("root"));
    let packages: Vec<_> = wanted.iter().map(|(package, _)| *package).collect();
    match suite {
        Some(suite) => unpack_of(suite, &packages, &root)?,
        None => unpack(&packages, &root)?,
    };
    let missing = missing(wanted, &root);
    ensure!(missing.is_empty(), "Debian's packages have not what was expected: {missing:?}");
    Ok(root)
}

fn missing(wanted: &[Wanted], root: &Path) -> Vec<&'static str> {
    wanted.iter().map(|(_, file)| *file).filter(|file| !root.join(file).exists()).collect()
}
