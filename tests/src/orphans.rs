//! Orphans made to order: processes whose parent leaves before they are reaped, in each way the kernel tells apart.

use crate::command::output;
use crate::process::Process;
use clap::ValueEnum;
use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{ForkResult, fork, getppid, read, setsid, write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::Command;

/// How an orphan comes to PID 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// Dead before its parent, a zombie when it is re-parented
    Zombie,
    /// Alive when it is re-parented, dies later
    Alive,
    /// Each made, orphaned and dead before the next
    Serial,
    /// The leader of a session of its own, alive when it is re-parented, as a daemon is
    Session,
}

/// Processes at a time: enough for a crowd, few enough for any limit.
const BATCH: usize = 500;

/// Makes `count` orphans, returns when the last of them is dead, and says how many of them saw PID 1 as their parent
/// before they died (`Zombie`: none, they see nothing any more). For a process with one thread.
///
/// # Errors
/// If the kernel makes no more processes.
pub fn make(way: Way, count: usize) -> nix::Result<usize> {
    let batch = if way == Way::Serial { 1 } else { BATCH };
    let mut adopted = 0;
    let mut left = count;
    while left > 0 {
        adopted += make_batch(way, left.min(batch))?;
        left -= left.min(batch);
    }
    Ok(adopted)
}

/// Has `app`, the tests' application, make orphans in `init`'s PID namespace, as [`make`] does. For root.
///
/// # Errors
/// If the application fails.
pub fn make_beside(init: &Process, app: &Path, way: Way, count: usize) -> anyhow::Result<usize> {
    let way = way.to_possible_value().expect("no way is hidden");
    let adopted =
        output(Command::new("nsenter").args(["--pid", "--target", &init.pid.to_string(), "--"]).arg(app).args([
            "orphans",
            way.get_name(),
            &count.to_string(),
        ]))?;
    Ok(adopted.parse()?)
}

fn make_batch(way: Way, count: usize) -> nix::Result<usize> {
    // `go` closes to tell the orphans to die; `done` gets a byte from each with parent 1, and closes with the last.
    let (go, go_writer) = nix::unistd::pipe()?;
    let (done, done_writer) = nix::unistd::pipe()?;
    // SAFETY: one thread, as the caller promised.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop((go_writer, done));
            parent(way, count, &go, done_writer)
        }
        ForkResult::Parent { child } => {
            drop(done_writer);
            if waitpid(child, None)? != WaitStatus::Exited(child, 0) {
                return Err(Errno::EAGAIN);
            }
            drop(go_writer); // its children are orphans now
            bytes_to_end(&done)
        }
    }
}

/// The parent that leaves.
fn parent(way: Way, count: usize, go: &OwnedFd, done: OwnedFd) -> ! {
    for _ in 0..count {
        // SAFETY: still one thread.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => orphan(way, go, &done),
            Ok(ForkResult::Parent { child }) if way == Way::Zombie => {
                // Dead, and left unreaped.
                if waitid(Id::Pid(child), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).is_err() {
                    exit(1)
                }
            }
            Ok(ForkResult::Parent { .. }) => {}
            Err(_) => exit(1),
        }
    }
    drop(done);
    exit(0)
}

fn orphan(way: Way, go: &OwnedFd, done: &OwnedFd) -> ! {
    if way == Way::Session && setsid().is_err() {
        exit(1)
    }
    if way != Way::Zombie && bytes_to_end(go).is_ok() && getppid().as_raw() == 1 && write(done, b"1").is_err() {
        exit(1)
    }
    exit(0)
}

/// Reads until the last writer of `pipe` has closed it.
fn bytes_to_end(pipe: &OwnedFd) -> nix::Result<usize> {
    let mut bytes = 0;
    loop {
        match read(pipe.as_fd(), &mut [0; BATCH])? {
            0 => return Ok(bytes),
            n => bytes += n,
        }
    }
}

fn exit(code: i32) -> ! {
    // SAFETY: ends a forked child without the parent's exit handlers.
    unsafe { libc::_exit(code) }
}
