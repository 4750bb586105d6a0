//! pause under observation, run by the machine itself or by an emulator.

use crate::launch::{Launch, pipe};
use crate::process::Process;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

/// Where pause waits.
pub const WAIT: libc::c_long = libc::SYS_rt_sigtimedwait;

pub const NOT_PID_1: &str = "not PID 1: orphans reaped elsewhere\n";

/// What it prints when asked for its version.
pub const VERSION: &str = concat!("pause ", env!("CARGO_PKG_VERSION"), "\n");

/// pause with its stderr in a pipe, already waiting.
///
/// # Panics
/// If it does not come to that.
pub fn waiting(launch: Launch) -> (Process, OwnedFd) {
    let (read, write) = pipe().unwrap();
    let process = launch.redirected(2, write).spawn().unwrap();
    process.until_in_syscall(WAIT);
    (process, read)
}

/// # Panics
/// If it is no text.
pub fn read_to_end(pipe: OwnedFd) -> String {
    let mut text = String::new();
    File::from(pipe).read_to_string(&mut text).unwrap();
    text
}

/// Ends `process` with SIGTERM, and expects it to say so and nothing more than `before`.
///
/// # Panics
/// If it does something else.
pub fn expect_end(mut process: Process, stderr: OwnedFd, before: &str) {
    process.signal(Signal::SIGTERM);
    assert_eq!(process.wait(), WaitStatus::Exited(process.pid, 0));
    assert_eq!(read_to_end(stderr), format!("{before}SIGTERM\n"));
}
