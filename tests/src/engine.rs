//! The container engine of this machine, by its command line: Docker's, which Podman's is too.

use crate::command::output;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use nix::unistd::Uid;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// `docker` or `podman`, ready to run containers.
pub struct Engine {
    pub name: &'static str,
    pub version: String,
    /// Podman's images, containers and settings, apart from those of the machine; removed with the engine.
    own: Option<TempDir>,
    /// Podman's bridges that were there before; it leaves those it makes.
    bridges: BTreeSet<String>,
}

impl Engine {
    /// Docker if its daemon answers, else Podman; where there is neither, installs Podman, which needs no daemon.
    ///
    /// # Errors
    /// If there is none and none can be installed.
    pub fn find_or_install() -> Result<Self> {
        if let Some(engine) = Self::docker().or_else(Self::podman) {
            return Ok(engine);
        }
        ensure!(
            Uid::effective().is_root(),
            "no Docker or Podman here: install one, or run this as root, which installs Podman"
        );
        eprintln!("no Docker or Podman here: installing Podman from this machine's Debian packages");
        apt(&["update", "-qq"])?;
        apt(&[
            "install",
            "-qq",
            "-y",
            "--no-install-recommends",
            "podman",
            "runc",
            "containernetworking-plugins",
            "iptables",
        ])?;
        Self::podman().context("Podman is installed and does not run: try `podman info`")
    }

    /// Docker, if it is here and its daemon answers.
    pub fn docker() -> Option<Self> {
        let version = output(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"])).ok()?;
        Some(Self { name: "docker", version, own: None, bridges: BTreeSet::new() })
    }

    /// Podman, if it is here.
    pub fn podman() -> Option<Self> {
        let version = output(Command::new("podman").args(["version", "--format", "{{.Version}}"])).ok()?;
        let own = tempfile::Builder::new().prefix("pause-kit-podman.").tempdir().ok()?;
        // crun, Podman's first choice, refuses cgroups of both versions at once.
        let runtime = if output(Command::new("runc").arg("--version")).is_ok() { "runtime = \"runc\"\n" } else { "" };
        // Podman's default limits are higher than what a root without CAP_SYS_RESOURCE may set; these never are.
        let settings = format!(
            "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n\
             [engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n{runtime}\
             infra_image = \"{}\"\n",
            image("pause")
        );
        fs::write(own.path().join("containers.conf"), settings).ok()?;
        Some(Self { name: "podman", version, own: Some(own), bridges: bridges() })
    }

    /// Runs the engine with these arguments; returns what it prints, without the last line end.
    ///
    /// # Errors
    /// If it fails, with its own words.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        output(self.command().args(arguments))
    }

    /// The engine's command, before the verb.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.name);
        // Out of the terminal's reach: on Ctrl-C the command in hand is finished, and what it made is known and removed.
        command.process_group(0);
        if let Some(own) = &self.own {
            command
                .env("CONTAINERS_CONF", own.path().join("containers.conf"))
                .args(["--root".as_ref(), own.path().join("root").as_os_str()])
                .args(["--runroot".as_ref(), own.path().join("run").as_os_str()]);
        }
        command
    }

    /// Loads the image that `cargo xtask images` wrote for `program` to `dist`.
    ///
    /// # Errors
    /// If it is not there.
    pub fn load(&self, dist: &str, program: &str) -> Result<()> {
        let archive = workspace(&format!("{dist}/images/{program}.tar"));
        ensure!(archive.exists(), "{} is missing: run `make images`", archive.display());
        self.run(&["load", "--quiet", "--input", &archive.to_string_lossy()]).map(drop)
    }

    /// The names of the images it has.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn images(&self) -> Result<BTreeSet<String>> {
        let names = self.run(&["images", "--format", "{{.Repository}}:{{.Tag}}"])?;
        Ok(names.lines().map(Into::into).collect())
    }
}

/// The name of a program's image.
pub fn image(program: &str) -> String {
    format!("localhost/{program}:{}", env!("CARGO_PKG_VERSION"))
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(own) = &self.own else { return };
        // Podman leaves its storage mounted, and its bridges.
        let quietly = |command: &mut Command| drop(command.stderr(Stdio::null()).status());
        quietly(Command::new("umount").arg("--quiet").arg(own.path().join("root/overlay")));
        for bridge in bridges().difference(&self.bridges).filter(|bridge| is_idle(bridge)) {
            quietly(Command::new("ip").args(["link", "delete", bridge]));
        }
    }
}

fn bridges() -> BTreeSet<String> {
    let devices = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let names = devices.map(|device| device.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("cni-podman") || name.starts_with("podman")).collect()
}

/// Is no container on it, no one else's either?
fn is_idle(bridge: &str) -> bool {
    fs::read_dir(format!("/sys/class/net/{bridge}/brif")).is_ok_and(|mut ports| ports.next().is_none())
}

fn apt(arguments: &[&str]) -> Result<()> {
    output(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
}
