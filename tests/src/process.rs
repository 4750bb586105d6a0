//! A process under observation: what `/proc` says of it, and its end as an event.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long anything that must happen may take, on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A child of this process; killed and reaped when dropped.
pub struct Process {
    pub pid: Pid,
    pidfd: OwnedFd,
    status: Option<WaitStatus>,
}

impl Process {
    pub(crate) fn new(pid: Pid) -> nix::Result<Self> {
        Ok(Self { pid, pidfd: pidfd(pid)?, status: None })
    }

    /// # Panics
    /// If the process is gone.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("the process is there");
    }

    /// Waits for the process's end; once it has ended, answers at once.
    ///
    /// # Panics
    /// If the process outlives the deadline.
    pub fn wait(&mut self) -> WaitStatus {
        if let Some(status) = self.status {
            return status;
        }
        assert_eq!(ends_within(DEADLINE, &self.pidfd), Ok(true), "process {} does not end", self.pid);
        let status = waitpid(self.pid, None).expect("a child of ours");
        self.status = Some(status);
        status
    }

    /// Waits for the process's end, and says whether it came in time.
    pub fn ends_within(&self, time: Duration) -> bool {
        ends_within(time, &self.pidfd) == Ok(true)
    }

    /// Waits until the process sleeps in system call `number`.
    pub fn until_in_syscall(&self, number: libc::c_long) {
        until_in_syscall(self.pid, number);
    }

    /// Waits until the process ends, which this returns, or sleeps in system call `number`.
    pub fn ends_or_sleeps_in(&mut self, number: libc::c_long) -> Option<WaitStatus> {
        until(&format!("process {} ends or sleeps in system call {number}", self.pid), || {
            stat(self.pid, STATE).as_deref() == Some("Z") || in_syscall(self.pid, number)
        });
        if in_syscall(self.pid, number) { None } else { Some(self.wait()) }
    }

    /// Waits until `/proc/PID/stat` shows this state.
    pub fn until_state(&self, state: char) {
        until(&format!("process {} is in state {state}", self.pid), || stat(self.pid, STATE) == Some(state.into()));
    }

    /// A number of `/proc/PID/status`, in the file's own unit.
    ///
    /// # Panics
    /// If the process is gone, or has no such field.
    pub fn status(&self, field: &str) -> u64 {
        status(self.pid, field).unwrap_or_else(|| panic!("/proc/{}/status has a number {field}", self.pid))
    }

    /// Resident memory in kB, from the page tables: of `VmRSS` some kernels leave out what is not yet added up.
    ///
    /// # Panics
    /// If the process is gone, or is somebody else's.
    pub fn resident(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid)).expect("its mappings");
        let number = text.lines().find_map(|line| line.strip_prefix("Rss:")?.strip_suffix("kB")?.trim().parse().ok());
        number.expect("a number of kB")
    }

    /// How often the process was switched in, of its own will or not.
    pub fn context_switches(&self) -> u64 {
        self.status("voluntary_ctxt_switches") + self.status("nonvoluntary_ctxt_switches")
    }

    /// Its stack pointer at its first instruction.
    pub fn start_stack(&self) -> u64 {
        stat(self.pid, START_STACK).and_then(|address| address.parse().ok()).expect("the process is there")
    }

    /// Its children that died and were not waited for.
    ///
    /// # Panics
    /// If `/proc` cannot be read.
    pub fn zombies(&self) -> usize {
        self.children().filter(|&pid| stat(pid, STATE).as_deref() == Some("Z")).count()
    }

    /// # Panics
    /// If `/proc` cannot be read.
    pub fn children(&self) -> impl Iterator<Item = Pid> {
        children(self.pid)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status.is_none() {
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = waitpid(self.pid, Some(WaitPidFlag::__WALL));
        }
    }
}

/// Waits until the process sleeps in system call `number`.
pub fn until_in_syscall(pid: Pid, number: libc::c_long) {
    until(&format!("process {pid} sleeps in system call {number}"), || in_syscall(pid, number));
}

fn in_syscall(pid: Pid, number: libc::c_long) -> bool {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    call.split(' ').next() == Some(&number.to_string())
}

/// Looks again and again until `condition` holds.
///
/// # Panics
/// If it does not within the deadline, naming `what`.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// # Panics
/// If `/proc` cannot be read.
pub fn children(parent: Pid) -> impl Iterator<Item = Pid> {
    let parent = parent.to_string();
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().map(Pid::from_raw))
        .filter(move |&pid| stat(pid, PARENT).as_ref() == Some(&parent))
}

/// A process, also one that is no child, to wait for.
///
/// # Errors
/// If there is none.
pub fn pidfd(pid: Pid) -> nix::Result<OwnedFd> {
    // SAFETY: pidfd_open(2) takes no pointer.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
    // SAFETY: a new descriptor, owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).expect("a descriptor")) })
}

/// Waits for the process's end, and says whether it came in time.
///
/// # Errors
/// If the kernel does not.
pub fn ends_within(time: Duration, pidfd: &OwnedFd) -> nix::Result<bool> {
    let timeout = PollTimeout::try_from(time).expect("a short time");
    Ok(poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], timeout)? == 1)
}

/// The first number of a field of `/proc/PID/status`.
pub fn status(pid: Pid, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A field of `/proc/PID/stat`, by its number in `proc_pid_stat(5)`; those behind the name, from 3 on.
pub fn stat(pid: Pid, field: usize) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name is in parentheses and may have any character, also these.
    text.rsplit_once(") ")?.1.split(' ').nth(field.checked_sub(3)?).map(Into::into)
}

/// Time on a processor, user and kernel. `stat` has it in ticks of 10 ms, `schedstat` in nanoseconds.
pub fn cpu_time(pid: Pid) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// `SECCOMP_MODE_FILTER`, in the field `Seccomp` of `/proc/PID/status`.
pub const SECCOMP_FILTER: u64 = 2;

pub const STATE: usize = 3;
const PARENT: usize = 4;
pub const START_TIME: usize = 22;
const START_STACK: usize = 28;
