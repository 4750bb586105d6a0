//! The programs in the table: pause, and what else can hold a pod.

use anyhow::{Context, Result, ensure};
use e2e::command::output;
use e2e::debian;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

pub struct Program {
    pub name: &'static str,
    pub file: PathBuf,
    /// Its name as an image FROM scratch, and what runs there: the same file, or a static one of the same package
    pub image: (&'static str, PathBuf),
    /// The arguments with which it waits as PID 1
    pub wait: Vec<String>,
    /// The argument with which it exits at once
    pub exit: &'static str,
    /// What it is and where it comes from
    pub origin: String,
}

impl Program {
    /// Bytes of its file.
    pub fn size(&self) -> Result<u64> {
        let file = self.file.metadata().with_context(|| format!("cannot read {}", self.file.display()))?;
        Ok(file.len())
    }
}

/// Where the peers are.
const PEERS: &str = "target/peers";

/// pause first, then each peer that can be had here.
pub fn all() -> Vec<Program> {
    let mut programs = vec![pause()];
    let peers: [(_, fn(_) -> _); 4] =
        [("C pause()", c_pause), ("catatonit -P", catatonit), ("tini + child", tini), ("busybox sleep", busybox_sleep)];
    for (name, peer) in peers {
        match peer(name) {
            Ok(program) => programs.push(program),
            Err(error) => eprintln!("warning: the table goes without {name}: {error:#}"),
        }
    }
    programs
}

fn pause() -> Program {
    let origin = "dist/bin, this repository's".into();
    let file = e2e::program("pause");
    Program { name: "pause", image: ("pause", file.clone()), file, wait: vec![], exit: "-v", origin }
}

fn c_pause(name: &'static str) -> Result<Program> {
    let directory = e2e::workspace(PEERS);
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let file = directory.join("c-pause");
    output(
        Command::new("gcc")
            .args(["-Os", "-Wall", "-static", "-s", "-o"])
            .arg(&file)
            .arg(e2e::workspace("bench/src/pause.c")),
    )?;
    let gcc = output(Command::new("gcc").arg("-dumpfullversion"))?;
    let libc = output(Command::new("dpkg-query").args(["--show", "--showformat", "${Version}", "libc6-dev"]))?;
    let origin = format!("bench/src/pause.c, built like Kubernetes' pause: gcc {gcc}, static glibc {libc}, stripped");
    Ok(Program { name, image: (name, file.clone()), file, wait: vec![], exit: "-v", origin })
}

fn catatonit(name: &'static str) -> Result<Program> {
    let package = fetch("catatonit")?;
    let file = unpacked("usr/bin/catatonit")?;
    let origin = format!("Debian's {package}, Podman's infra container");
    Ok(Program { name, image: ("catatonit", file.clone()), file, wait: vec!["-P".into()], exit: "-V", origin })
}

/// tini cannot be without a child, so that is part of what it costs.
fn tini(name: &'static str) -> Result<Program> {
    let package = fetch("tini")?;
    let file = unpacked("usr/bin/tini")?;
    let child = busybox_sleep("busybox sleep")?;
    let mut wait = vec!["--".into(), child.file.display().to_string()];
    wait.extend(child.wait);
    let origin = format!(
        "Debian's {package}, dynamic, static in its image; memory and faults with its child, `busybox sleep infinity`, the rest without"
    );
    let image = ("tini", unpacked("usr/bin/tini-static")?);
    Ok(Program { name, file, image, wait, exit: "--version", origin })
}

fn busybox_sleep(name: &'static str) -> Result<Program> {
    let package = fetch("busybox-static")?;
    let file = unpacked("bin/busybox")?;
    let wait = vec!["sleep".into(), "infinity".into()];
    let origin = format!("Debian's {package}; its start is that of `busybox true`");
    Ok(Program { name, image: ("busybox", file.clone()), file, wait, exit: "true", origin })
}

/// Has Debian's `package` among the peers, and returns its name and version.
fn fetch(package: &str) -> Result<String> {
    debian::unpack(&[package], &e2e::workspace(PEERS))
}

/// A file of what was fetched.
fn unpacked(file: &str) -> Result<PathBuf> {
    let file = e2e::workspace(PEERS).join(file);
    ensure!(file.exists(), "there is no {}", file.display());
    Ok(file)
}
