//! What it shows: how far it is, and in the end what it did.

use crate::run::{Place, launch, put, write};
use e2e::trace::{Stop, Traced};
use nix::pty::openpty;
use nix::sys::wait::WaitStatus;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;

/// Runs it with `terminal` as its stderr, and holds it in the middle of a file until it has written something there.
fn held(place: &Place, stderr: OwnedFd) -> Traced {
    write(place.from.join("a.war"), "a".repeat(1_000_000));
    write(place.from.join("b.war"), "b");
    let mut traced =
        Traced::start(launch(&[&place.from.join("a.war"), &place.from.join("b.war"), &place.to]).redirected(2, stderr));
    let mut pieces = 0;
    let middle = traced.until("the middle of a file", |traced, stop| {
        let piece = stop.call.number == libc::SYS_write && traced.open(stop.call.arguments[0]).ends_with("a.war");
        pieces += usize::from(piece && stop.returned.is_none());
        pieces == 3
    });
    traced.hold(&middle);
    let says = |_: &Traced, stop: &Stop| stop.call.number == libc::SYS_write && stop.call.arguments[0] == 2;
    traced.until("it says something", says);
    traced
}

/// The one wait of this suite that takes its time: five seconds, after which the line comes.
#[test]
fn a_line_every_five_seconds() {
    let place = Place::new();
    let (stderr, writer) = e2e::launch::pipe().unwrap();
    let mut traced = held(&place, writer);
    let mut lines = BufReader::new(File::from(stderr)).lines();
    let pid = traced.process.pid;
    assert_eq!(traced.finish(), WaitStatus::Exited(pid, 0));
    let line = lines.next().unwrap().unwrap();
    let (before, after) = line.split_once("war-copy: 52 %: ").unwrap_or_else(|| panic!("{line}"));
    let (after, time) = after.rsplit_once(" in ").unwrap_or_else(|| panic!("{line}"));
    let seconds: u32 = time.strip_suffix(" s").and_then(|time| time.parse().ok()).unwrap_or_else(|| panic!("{line}"));
    let is_half = after.contains(" of 2 files, 524.") && after.ends_with(" kB of 1.0 MB");
    assert!(before.is_empty() && is_half && seconds >= 5, "{line}");
    let summary = lines.next().unwrap().unwrap();
    assert!(summary.starts_with(&format!("war-copy: 2 files put in {}, 1.0 MB in ", place.to.display())), "{summary}");
    assert!(lines.next().is_none());
}

#[test]
fn on_a_terminal_a_line_that_moves_and_goes() {
    let place = Place::new();
    let pty = openpty(None, None).unwrap();
    let mut traced = held(&place, pty.slave);
    let pid = traced.process.pid;
    assert_eq!(traced.finish(), WaitStatus::Exited(pid, 0));
    let mut said = vec![];
    let _ = File::from(pty.master).read_to_end(&mut said); // ends with EIO, since nobody has the other side
    let said = String::from_utf8(said).unwrap();
    let lines: Vec<&str> = said.split("\r\x1b[K").collect();
    assert!(lines.len() >= 3 && lines[0].is_empty(), "{said:?}");
    assert!(lines[1].starts_with("52 %: ") && !lines[1].contains('\n'), "{said:?}");
    let last = lines.last().unwrap();
    assert!(last.starts_with("war-copy: 2 files put in ") && last.ends_with("\r\n"), "{said:?}");
}

#[test]
fn one_line_in_the_end() {
    let place = Place::new();
    write(place.from.join("a.war"), "a");
    write(place.from.join("site/x"), "x".repeat(1500));
    let said = put(&[&place.contents(), &place.to]);
    let expected = format!("war-copy: 2 files put in {}, 1.5 kB in 0.", place.to.display());
    assert!(said.starts_with(&expected) && said.ends_with(" s, no SHA-256 to check against\n"), "{said}");
    let said = put(&[&place.contents(), &place.to]);
    let expected = format!("war-copy: nothing to do: 2 files are in {} right already, 1.5 kB in ", place.to.display());
    assert!(said.starts_with(&expected), "{said}");
    let said = put(&[&"-v", &place.from.join("a.war"), &place.to.join("b.war")]);
    let digest = e2e::archive::sha256(&place.from.join("a.war"));
    let line =
        format!("'{}' -> '{}' sha256:{digest}\n", place.from.join("a.war").display(), place.to.join("b.war").display());
    assert!(said.starts_with(&format!("war-copy: {line}")), "{said}");
}
