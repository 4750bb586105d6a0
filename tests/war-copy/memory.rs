//! Its memory has nothing to do with the size of what it copies.

use crate::run::{Place, launch, write};
use e2e::launch::Launch;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use std::fs::File;

const MOST: u64 = 4096; // kB

/// The most that was resident at once, in kB; runs it to its end.
fn peak(launch: Launch) -> u64 {
    let process = launch.closed(2).traced().spawn().unwrap();
    assert!(matches!(waitpid(process.pid, None), Ok(WaitStatus::Stopped(..))));
    // The last moment at which it has memory to be asked for.
    ptrace::setoptions(process.pid, ptrace::Options::PTRACE_O_TRACEEXIT).unwrap();
    let mut signal = None;
    loop {
        ptrace::cont(process.pid, signal).unwrap();
        match waitpid(process.pid, None).unwrap() {
            WaitStatus::PtraceEvent(..) => break,
            WaitStatus::Stopped(_, other) => signal = Some(other).filter(|signal| *signal != Signal::SIGTRAP),
            other => panic!("{other:?}"),
        }
    }
    let peak = process.status("VmHWM");
    ptrace::detach(process.pid, None).unwrap();
    let mut process = process;
    assert_eq!(process.wait(), WaitStatus::Exited(process.pid, 0));
    peak
}

fn expect_little(what: &str, launch: Launch) {
    let peak = peak(launch);
    assert!(peak <= MOST, "{peak} kB for {what}");
}

#[test]
fn a_gibibyte() {
    let place = Place::new();
    File::create(place.from.join("image")).unwrap().set_len(1 << 30).unwrap();
    write(place.from.join("full"), vec![b'f'; 32 << 20]);
    expect_little("not verified", launch(&[&"--no-verify", &place.contents(), &place.to]));
    expect_little("compared", launch(&[&place.contents(), &place.to]));
    std::fs::remove_file(place.to.join("image")).unwrap();
    std::fs::remove_file(place.to.join("full")).unwrap();
    expect_little("verified", launch(&[&place.contents(), &place.to]));
}

/// Every thread compares, with all it has to do that with.
#[test]
fn large_files_to_merge() {
    let place = Place::new();
    for number in 0..20 {
        write(place.from.join(format!("site/{number}/file")), vec![number; 1 << 20]);
    }
    expect_little("20 files", launch(&[&place.contents(), &place.to]));
    write(place.from.join("site/0/file"), "another");
    write(place.to.join("site/foreign"), "theirs");
    expect_little("20 files to merge", launch(&[&"--merge", &place.contents(), &place.to]));
}

#[test]
fn many_files() {
    let place = Place::new();
    for number in 0..5000 {
        write(place.from.join(format!("site/{}/{number}", number / 100)), number.to_string());
    }
    expect_little("5,000 files", launch(&[&place.contents(), &place.to]));
    expect_little("to compare 5,000 files", launch(&[&place.contents(), &place.to]));
    write(place.from.join("site/0/0"), "another");
    expect_little("to merge them", launch(&[&"--merge", &place.contents(), &place.to]));
    let other = place.to.with_file_name("manifest");
    expect_little("with a manifest", launch(&[&"--manifest", &other, &place.contents(), &place.to]));
}

#[test]
fn many_files_side_by_side() {
    let place = Place::new();
    for number in 0..5000 {
        write(place.from.join(number.to_string()), number.to_string());
    }
    expect_little("5,000 entries", launch(&[&place.contents(), &place.to]));
    expect_little("to compare them", launch(&[&place.contents(), &place.to]));
}
