//! How far it is: a line that moves on a terminal, a line every five seconds elsewhere.

use chassis::message;
use std::fmt::{self, Display, Formatter};
use std::io::{IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const ON_A_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(5);

/// What has been written so far, of how much.
pub struct Progress {
    files: AtomicU64,
    bytes: AtomicU64,
    of_files: AtomicU64,
    of_bytes: AtomicU64,
    begun: Instant,
}

impl Progress {
    pub fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { files: zero(), bytes: zero(), of_files: zero(), of_bytes: zero(), begun: Instant::now() }
    }

    pub fn expect(&self, files: u64, bytes: u64) {
        self.of_files.store(files, Ordering::Relaxed);
        self.of_bytes.store(bytes, Ordering::Relaxed);
    }

    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn add_file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Shows it while `work` is done.
    pub fn shown<T>(&self, work: impl FnOnce() -> T) -> T {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let show = || self.show_until(&done);
            // Where there can be no more threads, it is done all the same, but not shown.
            let shower = thread::Builder::new().stack_size(64 << 10).spawn_scoped(scope, show).ok();
            let result = work();
            done.store(true, Ordering::Release);
            if let Some(shower) = shower {
                shower.thread().unpark();
            }
            result
        })
    }

    fn show_until(&self, done: &AtomicBool) {
        let terminal = stderr().is_terminal();
        let pause = if terminal { ON_A_TERMINAL } else { ELSEWHERE };
        let mut next = Instant::now() + pause;
        let mut shown = false;
        loop {
            thread::park_timeout(next.saturating_duration_since(Instant::now()));
            if done.load(Ordering::Acquire) {
                break;
            }
            if Instant::now() >= next {
                next += pause;
                shown = true;
                // On a terminal each line takes the place of the one before, and is cleared at the end.
                if terminal { clear_and_write(&self.to_string()) } else { message::info(self) }
            }
        }
        if shown && terminal {
            clear_and_write("");
        }
    }
}

fn clear_and_write(line: &str) {
    let _ = stderr().write_all(format!("\r\x1b[K{line}").as_bytes());
}

impl Display for Progress {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (files, of_files) = (load(&self.files), load(&self.of_files));
        let (bytes, of_bytes) = (load(&self.bytes), load(&self.of_bytes));
        let percent = (bytes * 100).checked_div(of_bytes).unwrap_or(100).min(100);
        write!(f, "{percent} %: {files} of {of_files} files, {} of {}", Bytes(bytes), Bytes(of_bytes))?;
        write!(f, " in {} s", self.elapsed().as_secs())
    }
}

/// Shown as people read it: `0 B`, `999 B`, `1.5 MB`.
pub struct Bytes(pub u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        if self.0 < 1000 {
            return write!(f, "{} B", self.0);
        }
        // In tenths of the unit, rounded.
        let (mut unit, mut tenths) = (0, self.0.saturating_add(50) / 100);
        while tenths >= 10_000 {
            (unit, tenths) = (unit + 1, (tenths + 500) / 1000);
        }
        write!(f, "{}.{} {}", tenths / 10, tenths % 10, ["kB", "MB", "GB", "TB", "PB", "EB"][unit])
    }
}

/// Shown with two digits after the point.
pub struct Seconds(pub Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{}.{:02} s", self.0.as_secs(), self.0.subsec_millis() / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn bytes() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), shown);
        }
    }
}
