//! A program that serves others does not wait for who reads its messages: what a full pipe does not take is left out.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::stderr;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What a pipe takes at a time without waiting, when it takes anything: `PIPE_BUF` of pipe(7).
const ATOMIC: usize = 4096;

/// The last word of a program is waited for, but not for ever.
const LAST: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

static HURRIES: AtomicBool = AtomicBool::new(false);
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// From now on.
pub fn begin() {
    HURRIES.store(true, Relaxed);
}

pub fn is_on() -> bool {
    HURRIES.load(Relaxed)
}

/// Writes a line, or what there is room for. How many were left out is said before the next one that is not.
pub fn write(level: &str, line: &[u8]) {
    let patience = if level == "error" { LAST } else { AT_ONCE };
    let taken = || poll(&mut [PollFd::new(&stderr(), PollFlags::OUT)], Some(&patience)) == Ok(1);
    let mut parts = line.chunks(ATOMIC);
    if !taken() {
        LEFT_OUT.fetch_add(1, Relaxed);
        return;
    }
    let unsaid = LEFT_OUT.swap(0, Relaxed);
    if unsaid > 0 {
        super::warning(format_args!("messages that nobody read in time were left out: {unsaid}"));
    }
    // A log that is gone stops nothing.
    let _ = parts.all(|part| taken() && std::io::stderr().write_all(part).is_ok());
}
