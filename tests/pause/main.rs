//! pause from outside: the built program, started in every way a runtime might.

mod file;
mod hostile;
mod memory;
mod reaping;
mod set_up;
mod signals;
mod streams;
mod trace;
mod version;

use e2e::launch::{Launch, pipe};
use e2e::process::Process;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

/// Where pause waits.
const WAIT: libc::c_long = libc::SYS_rt_sigtimedwait;

const NOT_PID_1: &str = "not PID 1: orphans reaped elsewhere\n";

fn launch() -> Launch {
    Launch::new(&e2e::program("pause"))
}

/// pause with its stderr in a pipe, already waiting.
fn waiting(launch: Launch) -> (Process, OwnedFd) {
    let (read, write) = pipe().unwrap();
    let process = launch.redirected(2, write).spawn().unwrap();
    process.until_in_syscall(WAIT);
    (process, read)
}

fn read_to_end(pipe: OwnedFd) -> String {
    let mut text = String::new();
    File::from(pipe).read_to_string(&mut text).unwrap();
    text
}

/// Ends `process` with SIGTERM, and expects it to say so and nothing more than `before`.
fn expect_end(mut process: Process, stderr: OwnedFd, before: &str) {
    process.signal(Signal::SIGTERM);
    assert_eq!(process.wait(), WaitStatus::Exited(process.pid, 0));
    assert_eq!(read_to_end(stderr), format!("{before}SIGTERM\n"));
}
