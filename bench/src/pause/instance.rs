//! A program at work: PID 1 of a PID namespace of its own.

use super::proc;
use super::programs::Program;
use anyhow::{Context, Result, ensure};
use e2e::launch::Launch;
use e2e::process::{DEADLINE, Process};
use nix::sys::ptrace;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Ends with this process, however that ends.
pub struct Instance {
    name: &'static str,
    pub process: Process,
    /// Page faults of setpriv, before it became the program
    setprivs_faults: u64,
}

impl Instance {
    /// One that the kernel is about to start: nothing of the program is in memory yet.
    pub fn hold(program: &Program) -> Result<Self> {
        // Nobody drops a `Process` after Ctrl-C, so the kernel is asked to end it.
        let launch = Launch::new(Path::new("/usr/bin/setpriv")).arg("--pdeathsig=KILL").arg("--");
        let launch = launch.arg(program.file.as_os_str().as_encoded_bytes());
        let launch = program.wait.iter().fold(launch, |launch, argument| launch.arg(argument.as_str()));
        let process = launch.as_pid_1().traced().spawn()?;
        let pid = process.pid;

        // The first stop comes when setpriv itself is loaded, the next ones before and after each system call.
        waitpid(pid, None)?;
        loop {
            ptrace::syscall(pid, None).context("setpriv ended early")?;
            waitpid(pid, None)?;
            let call = fs::read_to_string(format!("/proc/{pid}/syscall")).context("setpriv ended early")?;
            if call.starts_with(&format!("{} ", libc::SYS_execve)) {
                return Ok(Self { name: program.name, process, setprivs_faults: proc::faults(pid)? });
            }
        }
    }

    pub fn release(&self) -> Result<()> {
        Ok(ptrace::detach(self.process.pid, None)?)
    }

    /// The program and its children.
    pub fn family(&self) -> impl Iterator<Item = Pid> {
        std::iter::once(self.process.pid).chain(self.process.children())
    }

    /// Page faults of the family since the program was started.
    pub fn faults(&self) -> Result<u64> {
        let faults: u64 = self.family().map(proc::faults).sum::<Result<_>>()?;
        Ok(faults - self.setprivs_faults)
    }

    /// Waits until the whole family sleeps, or is dead and not reaped, and nothing changes for as long as `time`.
    pub fn until_still(&self, time: Duration) -> Result<()> {
        let start = Instant::now();
        let mut since = start;
        let mut last = vec![];
        while since.elapsed() < time {
            ensure!(start.elapsed() < DEADLINE, "{} does not come to rest within {DEADLINE:?}", self.name);
            ensure!(proc::state(self.process.pid)? != "Z", "{} ended as PID 1", self.name);
            // A child may be gone before it is looked at.
            let look = |pid| Some((pid, proc::state(pid).ok()?, proc::cpu_time(pid).ok()?));
            let now: Vec<_> = self.family().filter_map(look).collect();
            if now != last || !now.iter().all(|(_, state, _)| matches!(state.as_str(), "S" | "Z")) {
                last = now;
                since = Instant::now();
            }
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}
