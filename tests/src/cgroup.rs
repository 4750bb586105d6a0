//! A control group with one limit, of the first version or the second, whichever the kernel has the controller in.

use anyhow::{Context, Result, bail};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// An empty group; removed when dropped.
pub struct Cgroup {
    directory: PathBuf,
}

impl Cgroup {
    /// One whose processes may use this many bytes, or as many as the kernel rounds that to.
    ///
    /// # Errors
    /// If the kernel has no such controller, or this process may not use it.
    pub fn memory(bytes: u64) -> Result<Self> {
        Self::new("memory", ["memory.limit_in_bytes", "memory.max"], bytes)
    }

    /// One that holds this many processes.
    ///
    /// # Errors
    /// As [`Cgroup::memory`].
    pub fn processes(count: u64) -> Result<Self> {
        Self::new("pids", ["pids.max"; 2], count)
    }

    fn new(controller: &str, [first, second]: [&'static str; 2], limit: u64) -> Result<Self> {
        static GROUPS: AtomicU32 = AtomicU32::new(0);
        let root = Path::new("/sys/fs/cgroup");
        let (root, file) = match root.join(controller) {
            first_version if first_version.is_dir() => (first_version, first),
            _ => {
                let controllers = root.join("cgroup.subtree_control");
                fs::write(&controllers, format!("+{controller}"))
                    .with_context(|| format!("cannot use the {controller} controller: {}", controllers.display()))?;
                (root.into(), second)
            }
        };
        let name = format!("pause-kit-{}-{}", std::process::id(), GROUPS.fetch_add(1, Ordering::Relaxed));
        let group = Self { directory: root.join(name) };
        fs::create_dir(&group.directory).with_context(|| format!("cannot make {}", group.directory.display()))?;
        fs::write(group.directory.join(file), limit.to_string())?;
        Ok(group)
    }

    /// Where a process writes `0` to come in.
    pub fn processes_file(&self) -> PathBuf {
        self.directory.join("cgroup.procs")
    }
}

/// How many processes the kernel has killed for memory in the group that this one is in.
///
/// # Errors
/// If the process is gone, or the kernel does not say.
pub fn oom_kills(process: Pid) -> Result<u64> {
    let groups = fs::read_to_string(format!("/proc/{process}/cgroup"))?;
    let group =
        |prefix: &str| groups.lines().find_map(|line| line.split_once(prefix).map(|(_, group)| group.to_owned()));
    let file = match (group(":memory:"), group("0::")) {
        (Some(first_version), _) => format!("/sys/fs/cgroup/memory{first_version}/memory.oom_control"),
        (None, Some(group)) => format!("/sys/fs/cgroup{group}/memory.events"),
        (None, None) => bail!("process {process} is in no group"),
    };
    let said = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    let kills = said.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok());
    kills.with_context(|| format!("{file} counts no kills"))
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.directory);
    }
}
