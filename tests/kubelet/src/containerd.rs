//! A containerd of the tests' own, apart from any that the machine runs: its files, sockets, images, network and
//! control groups are its alone, and are gone with it.

mod configuration;

use crate::cri::Cri;
use crate::debian::Programs;
use crate::messages::{
    ListPodSandboxRequest, RemovePodSandboxRequest, RuntimeStatusRequest, SandboxConfig, SandboxLinux, SandboxMetadata,
    StopPodSandboxRequest,
};
use crate::network::Network;
use anyhow::{Context, Result, bail, ensure};
use e2e::command::output;
use e2e::engine::image;
use e2e::process::{DEADLINE, ends_within, pidfd};
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;
use tempfile::TempDir;

/// Stopped and removed when dropped, with all sandboxes that are left.
pub struct Containerd {
    pub version: String,
    pub network: Network,
    programs: Programs,
    process: Child,
    /// The parent of every pod's control group: `/NAME`
    cgroup: String,
    home: TempDir,
}

/// What kubelet waits for; containerd 2 tells more.
const READY: [&str; 2] = ["RuntimeReady", "NetworkReady"];

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Containerd {
    /// Starts it with this image under every pod, which it will pull if the archive is none; else that is one as
    /// `cargo xtask images` writes.
    ///
    /// # Errors
    /// If it cannot be had or does not come up, with the end of its log.
    pub fn start(pause: &str, archive: Option<&Path>) -> Result<Self> {
        ensure!(Uid::effective().is_root(), "containerd needs root");
        let programs = Programs::find_or_fetch()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let home = tempfile::Builder::new().prefix("pause-kit-containerd.").tempdir()?;
        let network = Network::new(home.path(), number)?;
        fs::write(home.path().join("config.toml"), configuration::text(home.path(), &programs, pause)?)?;
        let log = File::create(home.path().join("log"))?;
        let process = programs
            .command("containerd")
            .arg("--config")
            .arg(home.path().join("config.toml"))
            .stdout(log.try_clone()?)
            .stderr(log)
            // Out of the terminal's reach: on Ctrl-C the tests end it in their order.
            .process_group(0)
            .spawn()
            .context("cannot start containerd")?;
        let cgroup = format!("/e2e-{}-{number}", std::process::id());
        let mut containerd = Self { version: String::new(), network, programs, process, cgroup, home };
        let cri = containerd.until_ready()?;
        containerd.version = cri.version()?.runtime_version;
        if let Some(archive) = archive {
            containerd.load(archive)?;
        }
        Ok(containerd)
    }

    /// With this project's pause, and the tests' app to run in pods.
    ///
    /// # Errors
    /// As [`Self::start`], or if an image is not built.
    pub fn with_pause() -> Result<Self> {
        let archive = e2e::workspace("dist/images/pause.tar");
        let app = e2e::workspace("target/e2e/images/app.tar");
        for archive in [&archive, &app] {
            ensure!(archive.exists(), "{} is missing: run `make images fixtures`", archive.display());
        }
        let containerd = Self::start(&image("pause"), Some(&archive))?;
        containerd.load(&app)?;
        Ok(containerd)
    }

    /// One for all tests of a process that run at the same time, gone after the last of them.
    ///
    /// # Errors
    /// As [`Self::with_pause`].
    pub fn shared() -> Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Containerd>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(containerd) = shared.upgrade() {
            return Ok(containerd);
        }
        let containerd = Arc::new(Self::with_pause()?);
        *shared = Arc::downgrade(&containerd);
        Ok(containerd)
    }

    fn until_ready(&mut self) -> Result<Cri> {
        let start = Instant::now();
        loop {
            let attempt = self.cri().and_then(|cri| {
                let status = cri.call(RuntimeStatusRequest {})?.status.unwrap_or_default();
                let mut conditions = status.conditions.iter().filter(|condition| READY.contains(&&*condition.kind));
                match conditions.find(|condition| !condition.status) {
                    Some(not) => bail!("no {}: {}", not.kind, not.message),
                    None => Ok(cri),
                }
            });
            match attempt {
                Ok(cri) => return Ok(cri),
                Err(error) if start.elapsed() > DEADLINE || self.process.try_wait()?.is_some() => {
                    return Err(error.context(format!("containerd does not come up: {}", self.log_end())));
                }
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(10)),
            }
        }
    }

    /// A connection of one's own.
    ///
    /// # Errors
    /// If containerd does not listen.
    pub fn cri(&self) -> Result<Cri> {
        Cri::connect(&self.socket())
    }

    /// # Errors
    /// If the archive is none.
    pub fn load(&self, archive: &Path) -> Result<()> {
        let mut ctr = self.programs.command("ctr");
        let import = ctr.arg("--address").arg(self.socket()).args(["--namespace", "k8s.io", "images", "import"]);
        output(import.arg(archive)).map(drop)
    }

    /// Whether it mounts images as volumes.
    pub fn mounts_images(&self) -> bool {
        let mut numbers = self.version.split('.').map_while(|number| number.parse::<u32>().ok());
        (numbers.next(), numbers.next()) >= (Some(2), Some(1))
    }

    /// An image's files on the node, read-only, as long as this lives.
    ///
    /// # Errors
    /// If there is no such image.
    pub fn mount(&self, image: &str) -> Result<PathBuf> {
        let directory = self.home.path().join(format!("image-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&directory)?;
        let mut ctr = self.programs.command("ctr");
        let mount = ctr.arg("--address").arg(self.socket()).args(["--namespace", "k8s.io", "images", "mount", image]);
        output(mount.arg(&directory)).map(|_| directory)
    }

    /// A sandbox as kubelet asks for one, in a control group and with a directory for logs of its own.
    ///
    /// # Errors
    /// If the directory cannot be made.
    pub fn sandbox(&self, name: &str) -> Result<SandboxConfig> {
        let uid = format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let logs = self.home.path().join("logs").join(&uid);
        fs::create_dir_all(&logs)?;
        Ok(SandboxConfig {
            metadata: Some(SandboxMetadata {
                name: name.into(),
                namespace: "default".into(),
                uid: uid.clone(),
                ..Default::default()
            }),
            hostname: name.into(),
            log_directory: logs.to_string_lossy().into(),
            linux: Some(SandboxLinux { cgroup_parent: format!("{}/{uid}", self.cgroup), security_context: None }),
            ..Default::default()
        })
    }

    /// What is mounted for pods.
    pub fn mounts(&self) -> Vec<PathBuf> {
        mounts_below(self.home.path())
    }

    fn socket(&self) -> PathBuf {
        self.home.path().join("containerd.sock")
    }

    fn log_end(&self) -> String {
        let log = fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    fn remove_sandboxes(&self) -> Result<()> {
        let cri = self.cri()?;
        let left: Vec<_> = cri.call(ListPodSandboxRequest {})?.items.into_iter().map(|sandbox| sandbox.id).collect();
        let stop = left.iter().map(|id| StopPodSandboxRequest { id: id.clone() }).collect();
        let remove = left.iter().map(|id| RemovePodSandboxRequest { id: id.clone() }).collect();
        cri.call_all::<StopPodSandboxRequest>(stop).1?;
        cri.call_all::<RemovePodSandboxRequest>(remove).1
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        if let Err(error) = self.remove_sandboxes() {
            eprintln!("containerd's sandboxes are not removed: {error:#}");
        }
        let pid = Pid::from_raw(self.process.id().cast_signed());
        if let Ok(end) = pidfd(pid) {
            let _ = kill(pid, Signal::SIGTERM);
            let _ = ends_within(DEADLINE, &end);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        for mount in mounts_below(self.home.path()).iter().rev() {
            let _ = umount2(mount, MntFlags::MNT_DETACH);
        }
        remove_cgroup(&self.cgroup);
    }
}

fn mounts_below(directory: &Path) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let points = mounts.lines().filter_map(|mount| mount.split(' ').nth(1));
    points.map(PathBuf::from).filter(|point| point.starts_with(directory)).collect()
}

/// Removes `/NAME` with all below it from every hierarchy, of cgroup v1 or v2.
pub fn remove_cgroup(name: &str) {
    fn remove(directory: &Path) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove(&entry.path());
            }
        }
        let _ = fs::remove_dir(directory);
    }
    let root = Path::new("/sys/fs/cgroup");
    let name = name.trim_start_matches('/');
    remove(&root.join(name));
    for hierarchy in fs::read_dir(root).into_iter().flatten().flatten() {
        remove(&hierarchy.path().join(name));
    }
}
