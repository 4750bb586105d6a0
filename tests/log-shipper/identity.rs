//! Which file is which, whatever its name, its inode and its beginning.

use crate::rotation::compress;
use e2e::elasticsearch::Server;
use e2e::launch::Launch;
use e2e::process::until;
use e2e::shipper::{Place, STREAM, Shipper, expect_all, lines, succeed};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Logs often begin alike, and none is too short to be known.
#[test]
fn short_files_that_begin_alike() {
    let (server, place) = (Server::start(), Place::new());
    for name in ["a.log", "b.log", "c.log"] {
        place.append(name, "#\n");
    }
    place.append("empty.log", "");
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until_stored(3);
    shipper.finish();
    for name in ["a.log", "b.log", "c.log", "empty.log"] {
        place.append(name, format!("{name}\n"));
    }
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until_stored(7);
    place.append("a.log", "more\n");
    server.until_stored(8);
    shipper.finish();
    let mut messages = server.with(|state| state.store.messages(STREAM));
    messages.sort_unstable();
    assert_eq!(messages, ["#", "#", "#", "a.log", "b.log", "c.log", "empty.log", "more"]);
}

/// Copies that begin with the same banner are told apart by what follows.
#[test]
fn truncated_logs_with_the_same_banner() {
    let (server, place) = (Server::start(), Place::new());
    let banner = "=".repeat(3000) + "\n";
    place.append("a.log", banner.clone() + &lines(0..10));
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until_stored(11);
    server.down();
    for round in 1..4 {
        place.append("a.log", lines(round * 10..round * 10 + 5));
        place.copy_and_truncate("a.log", &format!("a.log.{}", 4 - round));
        place.append("a.log", banner.clone() + &lines(round * 10 + 5..round * 10 + 10));
    }
    server.up();
    server.until_stored(44);
    shipper.finish();
    server.with(|state| {
        assert_eq!(state.store.numbers.missing(40).collect::<Vec<_>>(), [0; 0]);
        assert_eq!((state.store.numbers.extra(), state.store.stored()), (0, 44));
    });
}

/// ext4 gives a new file the number of the last one that was deleted.
#[test]
fn an_inode_is_used_again() {
    for restart in [false, true] {
        let (server, place) = (Server::start(), Place::new());
        place.append("a.log", lines(0..100));
        let inode = || fs::metadata(place.log("a.log")).map(|found| found.ino()).ok();
        let (mut reused, mut count, mut before) = (0, 100, inode());
        let mut shipper = Some(Shipper::start(place.ship(&server, &[])));
        for _ in 0..10 {
            server.until_stored(count);
            if restart {
                shipper.take().unwrap().finish();
            }
            fs::remove_file(place.log("a.log")).unwrap();
            // Longer than where it had read to, and shorter, by turns.
            let next = if count % 2 == 0 { 151 } else { 50 };
            place.append("a.log", lines(count..count + next));
            count += next;
            reused += u32::from(inode() == before);
            before = inode();
            shipper = shipper.or_else(|| Some(Shipper::start(place.ship(&server, &[]))));
        }
        server.until_stored(count);
        shipper.unwrap().finish();
        expect_all(&server, count);
        // A file that is held open keeps its number.
        if reused == 0 && restart {
            e2e::skip("this file system does not use a number again");
        }
    }
}

/// Removes `old`, puts a new file with `text` at `new` after `meanwhile`, and tells whether that got its number. Others who
/// make files at the same time may have it instead.
fn takes_its_number(place: &Place, old: &str, new: &str, text: &str, meanwhile: impl FnOnce()) -> bool {
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let before = inode(&place.log(old));
    fs::remove_file(place.log(old)).unwrap();
    meanwhile();
    // Numbers below it may be free as well, and are given away first.
    let fillers = (0..1000).map(|number| place.file(&format!("filler-{number}")));
    let mut made = fillers.inspect(|file| fs::write(file, text).unwrap());
    let found = made.find(|file| inode(file) == before);
    let reused = found.is_some();
    fs::rename(found.unwrap_or_else(|| place.file("filler-0")), place.log(new)).unwrap();
    reused
}

/// Tries until a number is used again, with a file system that knows when a file was born, and with one that does not.
fn with_a_number_used_again(attempt: impl Fn(&dyn Fn(Launch) -> Launch) -> bool) {
    let unborn = |launch: Launch| launch.refused(libc::SYS_statx, Errno::ENOSYS);
    for launch in [&|launch| launch, &unborn] as [&dyn Fn(Launch) -> Launch; 2] {
        if !(0..10).any(|_| attempt(launch)) {
            e2e::skip("this file system does not use a number again");
        }
    }
}

#[test]
fn a_new_log_with_the_inode_of_one_that_is_gone() {
    with_a_number_used_again(|launch| {
        let (server, place) = (Server::start(), Place::new());
        place.append("job-1.log", lines(0..10));
        succeed(launch(place.ship(&server, &[&"--once"])));
        let reused = takes_its_number(&place, "job-1.log", "job-2.log", &lines(10..25), || {});
        succeed(launch(place.ship(&server, &[&"--once"])));
        expect_all(&server, 25);
        reused
    });
}

/// Which of the two is looked at first does not matter.
#[test]
fn a_known_log_with_the_inode_of_another_one() {
    for (gone, next) in [("a.log", "b.log"), ("b.log", "a.log")] {
        with_a_number_used_again(|launch| {
            let (server, place) = (Server::start(), Place::new());
            place.append(gone, lines(0..10));
            place.append(next, lines(10..20));
            succeed(launch(place.ship(&server, &[&"--once"])));
            let rotated = || place.rename(next, &format!("{next}.1"));
            let reused = takes_its_number(&place, gone, next, &lines(20..35), rotated);
            place.append(gone, lines(35..40));
            succeed(launch(place.ship(&server, &[&"--once"])));
            expect_all(&server, 40);
            reused
        });
    }
}

/// It is told of both at once: that an archive of the one is gone, and that the other one's file is new.
#[test]
fn an_inode_of_another_log_while_it_runs() {
    with_a_number_used_again(|launch| {
        let (server, place) = (Server::start(), Place::new());
        place.append("a.log", lines(0..10));
        place.append("b.log", lines(10..20));
        let shipper = Shipper::start(launch(place.ship(&server, &[])));
        server.until_stored(20);
        place.rename("a.log", "a.log.1");
        compress(&place, "a.log.1");
        place.append("a.log", lines(20..30));
        server.until_stored(30);
        until_nothing_deleted_is_open(&shipper);
        shipper.signal(Signal::SIGSTOP);
        shipper.process().until_state('T');
        let rotated = || place.rename("b.log", "b.log.1");
        let reused = takes_its_number(&place, "a.log.1.gz", "b.log", &lines(30..45), rotated);
        shipper.signal(Signal::SIGCONT);
        server.until_stored(45);
        shipper.finish();
        expect_all(&server, 45);
        reused
    });
}

/// What was deleted is held open as long as it has something to be read, and no longer.
#[test]
fn deleted_files_are_let_go() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[]));
    for round in 0..5 {
        place.append("a.log", lines(round * 10..round * 10 + 10));
        server.until_stored(round * 10 + 10);
        fs::remove_file(place.log("a.log")).unwrap();
    }
    until_nothing_deleted_is_open(&shipper);
    shipper.finish();
    expect_all(&server, 50);
}

pub fn until_nothing_deleted_is_open(shipper: &Shipper) {
    let descriptors = format!("/proc/{}/fd", shipper.process().pid);
    until("nothing that was deleted is open", || {
        let links = fs::read_dir(&descriptors).unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        links.into_iter().all(|link| !link.to_string_lossy().ends_with("(deleted)"))
    });
}

#[test]
fn so_much_that_was_deleted_is_held_and_no_more() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..1));
    place.append("b.log", lines(1..2));
    let shipper = Shipper::start(place.ship(&server, &[&"--hold-deleted", &"100KiB"]));
    server.until_stored(2);
    server.down();
    place.append("a.log", lines(10_000..20_000));
    place.append("b.log", lines(2..100));
    fs::remove_file(place.log("a.log")).unwrap();
    shipper.until_said("a.log");
    fs::remove_file(place.log("b.log")).unwrap();
    server.up();
    server.until("what was within the limit", |state| state.store.numbers.missing(100).next().is_none());
    let said = shipper.finish();
    assert!(!said.contains("b.log"), "{said}");
}

/// Not what was there is another pod's, but who reads it.
#[test]
fn the_same_log_read_by_two() {
    let (server, place, other) = (Server::start(), Place::new(), Place::new());
    place.append("a.log", "one\ntwo\n");
    succeed(place.ship(&server, &[&"--once"]));
    succeed(other.to(&server.url(), &[&"--once", &place.log("a.log")]));
    succeed(place.ship(&server, &[&"--once"]));
    assert_eq!(server.with(|state| (state.store.stored(), state.store.conflicts)), (4, 0));
}
