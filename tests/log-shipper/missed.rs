//! Files that came and were rotated before anybody looked, and others that look so.

use crate::identity::until_nothing_deleted_is_open;
use e2e::elasticsearch::Server;
use e2e::shipper::{Place, Shipper, expect_all, expect_order, lines, refuse, succeed};
use nix::sys::signal::Signal;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;

/// A part of a log that is not written to any more is none, whatever has become of the log meanwhile.
#[test]
fn a_partial_copy_that_another_tool_left() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[]));
    let write = |numbers: std::ops::Range<u64>| {
        let end = numbers.end;
        place.append("a.log", lines(numbers));
        server.until_stored(end);
    };
    write(0..10);
    place.rename("a.log", "a.log.1");
    write(10..20);
    fs::copy(place.log("a.log"), place.log("a.log.bak")).unwrap();
    until_later_than(&place, "a.log.bak");
    write(20..30);
    place.rename("a.log.1", "a.log.2");
    place.rename("a.log", "a.log.1");
    write(30..40);
    fs::remove_file(place.log("a.log.1")).unwrap();
    until_nothing_deleted_is_open(&shipper);
    place.rename("a.log", "a.log.1");
    write(40..50);
    shipper.finish();
    expect_all(&server, 50);
    expect_order(&server);
}

/// What was written to the old file last is no younger than what came after it.
#[test]
fn the_writer_goes_on_with_the_one_before() {
    for restart in [false, true] {
        let (server, place) = (Server::start(), Place::new());
        let start = || Shipper::start(place.ship(&server, &[]));
        let running = start();
        place.append("a.log", lines(0..5));
        server.until_stored(5);
        place.rename("a.log", "a.log.3");
        place.append("a.log", lines(5..10));
        server.until_stored(10);
        let stopped = if restart {
            running.finish();
            None
        } else {
            running.signal(Signal::SIGSTOP);
            running.process().until_state('T');
            Some(running)
        };
        let mut old = File::options().append(true).open(place.log("a.log")).unwrap();
        place.rename("a.log", "a.log.2");
        place.append("a.log", lines(20..30));
        place.rename("a.log", "a.log.1");
        place.append("a.log", lines(30..40));
        until_later_than(&place, "a.log.1");
        old.write_all(lines(10..20).as_bytes()).unwrap();
        let shipper = stopped.unwrap_or_else(start);
        shipper.signal(Signal::SIGCONT);
        server.until_stored(40);
        shipper.finish();
        expect_all(&server, 40);
    }
}

/// The clock by which files are dated takes a step every few milliseconds.
fn until_later_than(place: &Place, name: &str) {
    let modified = |path| fs::metadata(path).unwrap().modified().unwrap();
    e2e::process::until("a later time", || {
        fs::write(place.file("clock"), "").unwrap();
        modified(place.file("clock")) > modified(place.log(name))
    });
}

/// It may be one that was missed: then it is left undone, and tried again, however often the log is rotated meanwhile.
#[test]
fn it_may_not_be_read() {
    if !e2e::is_root() {
        return;
    }
    let (server, place) = (Server::start(), Place::new());
    let launch = |more: &[&dyn AsRef<OsStr>]| place.ship_as_other(&server, more);
    place.append("a.log", lines(0..10));
    succeed(launch(&[&"--once"]));
    place.rename("a.log", "a.log.2");
    place.append("a.log", lines(10..20));
    place.rename("a.log", "a.log.1");
    place.set_mode("a.log.1", 0o600);
    place.append("a.log", lines(20..30));
    refuse(launch(&[&"--once"]), 1, &["not shipped: cannot read ", "a.log.1: Permission denied"]);
    server.until_stored(20);
    let shipper = Shipper::start(launch(&[]));
    shipper.until_said("a.log.1: Permission denied");
    fs::remove_file(place.log("a.log.2")).unwrap();
    until_nothing_deleted_is_open(&shipper);
    place.rename("a.log.1", "a.log.2");
    shipper.until_said("a.log.2: Permission denied");
    place.rename("a.log", "a.log.1");
    place.append("a.log", lines(30..40));
    server.until_stored(30);
    place.set_mode("a.log.2", 0o644);
    server.until_stored(40);
    shipper.finish();
    succeed(launch(&[&"--once"]));
    expect_all(&server, 40);
}
