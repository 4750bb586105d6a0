//! A program and its threads under a tracer, which stops each before and after each of its system calls.

use crate::launch::Launch;
use crate::process::{DEADLINE, Process};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What mkdir(3) calls; newer architectures have only the call that also says from where.
#[cfg(target_arch = "x86_64")]
const MKDIR: libc::c_long = libc::SYS_mkdir;
#[cfg(not(target_arch = "x86_64"))]
const MKDIR: libc::c_long = libc::SYS_mkdirat;

/// Dies with the tracer, which is the thread that started it.
pub struct Traced {
    pub process: Process,
    /// The system call each thread is in
    calls: HashMap<Pid, Call>,
    stopped: Option<Pid>,
    /// Those that are not let go
    held: HashSet<Pid>,
}

/// Where a thread has stopped.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    pub thread: Pid,
    pub call: Call,
    /// What it returned; nothing at its entry
    pub returned: Option<i64>,
}

/// A system call's number and arguments.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub number: libc::c_long,
    pub arguments: [u64; 6],
}

impl Traced {
    /// The program, stopped at execve(2).
    ///
    /// # Panics
    /// If it cannot be started or traced.
    pub fn start(launch: Launch) -> Self {
        let process = launch.in_own_group().traced().spawn().expect("a process");
        assert!(matches!(waitpid(process.pid, None), Ok(WaitStatus::Stopped(..))), "it stops at execve");
        let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
        ptrace::setoptions(process.pid, options).expect("a tracee");
        Self { stopped: Some(process.pid), process, calls: HashMap::new(), held: HashSet::new() }
    }

    /// Lets the thread that has stopped go on, and waits for the next stop of any. None when the process has ended.
    ///
    /// # Panics
    /// If nothing happens.
    pub fn next_stop(&mut self) -> Option<Stop> {
        if let Some(thread) = self.stopped.take().filter(|thread| !self.held.contains(thread)) {
            go_on(thread, None);
        }
        loop {
            match self.event()? {
                WaitStatus::PtraceSyscall(thread) => {
                    self.stopped = Some(thread);
                    return Some(self.stop(thread));
                }
                // A new thread begins with a stop, and its parent is told of it. Real signals are handed on.
                WaitStatus::PtraceEvent(thread, ..) | WaitStatus::Stopped(thread, Signal::SIGSTOP) => {
                    go_on(thread, None);
                }
                WaitStatus::Stopped(thread, signal) => go_on(thread, Some(signal)),
                _ => {}
            }
        }
    }

    /// Goes on to where `wanted` says so.
    ///
    /// # Panics
    /// If the process ends before.
    pub fn until(&mut self, what: &str, mut wanted: impl FnMut(&Self, &Stop) -> bool) -> Stop {
        loop {
            let stop = self.next_stop().unwrap_or_else(|| panic!("it ends before {what}"));
            if wanted(self, &stop) {
                return stop;
            }
        }
    }

    /// Goes on to the end of the system call with this number, counted from 1 with the first that makes a directory.
    /// None if there are not so many.
    pub fn after_calls(&mut self, number: usize) -> Option<Stop> {
        let (mut begun, mut ended) = (false, 0);
        while let Some(stop) = self.next_stop() {
            begun |= stop.call.number == MKDIR;
            ended += usize::from(begun && stop.returned.is_some());
            if ended == number {
                return Some(stop);
            }
        }
        None
    }

    /// Keeps the thread that has stopped where it is, while the others go on.
    pub fn hold(&mut self, stop: &Stop) {
        self.held.insert(stop.thread);
    }

    /// Lets all threads go on untraced from their next stop, and waits for the end.
    ///
    /// # Panics
    /// If it does not end.
    pub fn finish(&mut self) -> WaitStatus {
        let held: Vec<_> = self.held.drain().filter(|thread| self.stopped != Some(*thread)).collect();
        for thread in held {
            go_on(thread, None);
        }
        while self.next_stop().is_some() {}
        self.process.wait()
    }

    /// The string at this address of the program.
    ///
    /// # Panics
    /// If there is none.
    pub fn string(&self, address: u64) -> PathBuf {
        let memory = File::open(format!("/proc/{}/mem", self.process.pid)).expect("a tracee's memory");
        let mut byte = [0];
        let bytes = (address..).map_while(|address| {
            memory.read_exact_at(&mut byte, address).expect("a string");
            (byte != [0]).then_some(byte[0])
        });
        let bytes: Vec<u8> = bytes.collect();
        PathBuf::from(std::ffi::OsString::from(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// What the program has open under this number.
    pub fn open(&self, descriptor: u64) -> PathBuf {
        fs::read_link(format!("/proc/{}/fd/{descriptor}", self.process.pid)).unwrap_or_default()
    }

    /// What has happened to one of the threads, taken off the kernel's hands but for the end of all.
    fn event(&self) -> Option<WaitStatus> {
        let (start, mut looks) = (Instant::now(), 0);
        loop {
            let flags = WaitPidFlag::WEXITED | WaitPidFlag::WSTOPPED | WaitPidFlag::__WALL;
            let peek = flags | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
            // None is there when the end has been seen.
            match waitid(Id::PGid(self.process.pid), peek).ok()? {
                WaitStatus::StillAlive => {
                    assert!(start.elapsed() < DEADLINE, "nothing happens in {}", self.process.pid);
                    looks += 1;
                    // A stop is near, as a rule: to sleep for each would be most of the time.
                    if looks < 100 {
                        std::thread::yield_now();
                    } else {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
                WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..) if pid == self.process.pid => return None,
                there => return Some(waitpid(there.pid(), Some(WaitPidFlag::__WALL)).expect("it was there")),
            }
        }
    }

    fn stop(&mut self, thread: Pid) -> Stop {
        let Ok(info) = ptrace::syscall_info(thread) else {
            // Killed in the meantime.
            let call = Call { number: -1, arguments: [0; 6] };
            return Stop { thread, call, returned: None };
        };
        if info.op == libc::PTRACE_SYSCALL_INFO_ENTRY {
            // SAFETY: `op` says that `entry` is the field of the union that the kernel wrote.
            let entry = unsafe { info.u.entry };
            let call = Call { number: entry.nr.cast_signed(), arguments: entry.args };
            self.calls.insert(thread, call);
            return Stop { thread, call, returned: None };
        }
        let call = self.calls.remove(&thread).unwrap_or(Call { number: libc::SYS_execve, arguments: [0; 6] });
        // SAFETY: as above, for `exit`.
        Stop { thread, call, returned: Some(unsafe { info.u.exit.sval }) }
    }
}

impl Drop for Traced {
    /// Its threads have to be taken off the kernel's hands before it.
    fn drop(&mut self) {
        let _ = kill(self.process.pid, Signal::SIGKILL);
        while self.event().is_some() {}
    }
}

fn go_on(thread: Pid, signal: Option<Signal>) {
    // It may have been killed; then its end is the next event.
    let _ = ptrace::syscall(thread, signal);
}
