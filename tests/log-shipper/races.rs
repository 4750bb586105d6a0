//! Logs are rotated between two system calls of a shipper that is about to find out what became of them.

use crate::rotation::archive;
use e2e::elasticsearch::Server;
use e2e::shipper::{Place, STREAM};
use e2e::trace::{Stop, Traced};
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use std::fs;
use std::path::{Path, PathBuf};

/// `first` is shipped and rotated to `a.log.1`, `second` is shipped from `a.log`, and both files are open when `happen`
/// does more to them. In the end each line is stored once.
fn raced(first: &str, second: &str, happen: impl FnOnce(&mut Traced, &Place)) {
    let (server, place) = (Server::start(), Place::new());
    let mut traced = Traced::start(place.ship(&server, &[]));
    let mut expected: Vec<&str> = vec![];
    for text in [first, second] {
        if !expected.is_empty() {
            place.rename("a.log", "a.log.1");
        }
        place.append("a.log", text);
        expected.extend(text.lines());
        traced.until("all is stored", |_, _| server.with(|state| state.store.stored()) == expected.len() as u64);
    }
    happen(&mut traced, &place);
    traced.process.signal(Signal::SIGTERM);
    let pid = traced.process.pid;
    assert_eq!(traced.finish(), WaitStatus::Exited(pid, 0));
    assert_eq!(server.with(|state| state.store.messages(STREAM)), expected);
}

/// The file or directory whose contents are asked for next.
fn about_to_read(traced: &Traced, stop: &Stop) -> Option<PathBuf> {
    let reads = [libc::SYS_pread64, libc::SYS_getdents64].contains(&stop.call.number) && stop.returned.is_none();
    reads.then(|| traced.open(stop.call.arguments[0]))
}

fn has_open(traced: &Traced, path: &Path) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", traced.process.pid)).unwrap();
    descriptors.flatten().any(|one| fs::read_link(one.path()).is_ok_and(|open| open == path))
}

/// It has seen that the old file has its name still, and has yet to see which names there are.
#[test]
fn compressed_before_the_directory_is_read() {
    for first in ["one\n".to_owned(), "one\n".repeat(100)] {
        raced(&first, "two\n", |traced, place| {
            archive(place, "a.log.1");
            traced.until("it looks for rotated files", |traced, stop| {
                about_to_read(traced, stop).is_some_and(|path| path == place.logs)
            });
            fs::remove_file(place.log("a.log.1")).unwrap();
        });
    }
}

/// It has seen that the log has what was read from it, and begins to compare it with the copy.
#[test]
fn truncated_while_it_is_compared_with_its_copy() {
    for second in ["two\n".to_owned(), "two\n".repeat(100)] {
        raced("one\n", &second, |traced, place| {
            fs::copy(place.log("a.log"), place.log("a.log.2")).unwrap();
            let mut before = PathBuf::new();
            traced.until("it compares the two", |traced, stop| {
                let Some(now) = about_to_read(traced, stop) else { return false };
                let before = std::mem::replace(&mut before, now.clone());
                before == place.log("a.log.2") && now == place.log("a.log")
            });
            place.truncate("a.log");
        });
    }
}

/// When it looked how long the copy was, that was being made.
#[test]
fn copied_and_truncated_after_the_copy_was_seen() {
    for second in ["two\n".to_owned(), "two\n".repeat(100)] {
        raced("one\n", &second, |traced, place| {
            fs::write(place.log("a.log.2"), &second[..3]).unwrap();
            traced.until("it has found the copy, and looks what the log has", |traced, stop| {
                about_to_read(traced, stop).is_some_and(|path| path == place.log("a.log"))
                    && has_open(traced, &place.log("a.log.2"))
            });
            place.copy_and_truncate("a.log", "a.log.2");
        });
    }
}
