//! pause under a tracer, which sees it before and after each system call.

use e2e::launch::Launch;
use e2e::process::{Process, until};
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

/// Started, and stopped at execve(2). Dies with the tracer.
pub fn start(launch: Launch) -> Process {
    let process = launch.traced().spawn().unwrap();
    assert!(matches!(waitpid(process.pid, None), Ok(WaitStatus::Stopped(..))));
    ptrace::setoptions(process.pid, Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL).unwrap();
    process
}

/// Goes on to the next stop. At the entry of a system call that is its number; at its exit, nothing.
pub fn step(process: &Process) -> Option<libc::c_long> {
    ptrace::syscall(process.pid, None).unwrap();
    let mut status = WaitStatus::StillAlive;
    until("pause comes to a system call", || {
        status = waitpid(process.pid, Some(WaitPidFlag::WNOHANG)).unwrap();
        status != WaitStatus::StillAlive
    });
    assert_eq!(status, WaitStatus::PtraceSyscall(process.pid));
    let call = ptrace::syscall_info(process.pid).unwrap();
    // SAFETY: `op` says that `entry` is the field of the union that the kernel wrote.
    (call.op == libc::PTRACE_SYSCALL_INFO_ENTRY).then(|| unsafe { call.u.entry.nr }.cast_signed())
}
