//! Logs are rotated, while it reads them, while it is behind, and while it does not run.

use e2e::elasticsearch::Server;
use e2e::process::until;
use e2e::shipper::{Place, STREAM, Shipper, expect_all, expect_order, lines, succeed};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;

/// Whether it is behind when it happens, or does not even run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Meanwhile {
    /// All has been delivered
    Reading,
    /// The sink is down
    Behind,
    /// It is killed before, and started again afterwards
    Killed,
}

const ALL: [Meanwhile; 3] = [Meanwhile::Reading, Meanwhile::Behind, Meanwhile::Killed];

/// Lines 0..100 are delivered; then `happen` writes up to line `count`, and all of it must come, in order.
fn rotated(meanwhile: Meanwhile, pattern: &str, count: u64, happen: impl FnOnce(&Place, &dyn Fn(u64))) {
    eprintln!("{meanwhile:?}:");
    let (server, place) = (Server::start(), Place::new());
    let launch = || place.to(&server.url(), &[&place.log(pattern)]);
    place.append("a.log", lines(0..100));
    let mut shipper = Some(Shipper::start(launch()));
    server.until_stored(100);
    match meanwhile {
        Meanwhile::Reading => {}
        Meanwhile::Behind => server.down(),
        Meanwhile::Killed => shipper.take().unwrap().kill(),
    }
    happen(&place, &|count| {
        if meanwhile == Meanwhile::Reading {
            server.until_stored(count);
        }
    });
    if meanwhile == Meanwhile::Behind {
        server.up();
    }
    let shipper = shipper.unwrap_or_else(|| Shipper::start(launch()));
    server.until_stored(count);
    shipper.finish();
    expect_all(&server, count);
    expect_order(&server);
}

#[test]
fn renamed() {
    for meanwhile in ALL {
        rotated(meanwhile, "*.log", 300, |place, seen| {
            let mut old = File::options().append(true).open(place.log("a.log")).unwrap();
            place.append("a.log", lines(100..150));
            place.rename("a.log", "a.log.1");
            // Writers go on for a while with what they have opened.
            old.write_all(lines(150..200).as_bytes()).unwrap();
            seen(200);
            place.append("a.log", lines(200..300));
        });
    }
}

#[test]
fn renamed_again_and_again() {
    for meanwhile in ALL {
        rotated(meanwhile, "*.log", 600, |place, _| {
            for round in 1..6 {
                place.append("a.log", lines(round * 100..round * 100 + 100));
                for number in (1..round).rev() {
                    place.rename(&format!("a.log.{number}"), &format!("a.log.{}", number + 1));
                }
                place.rename("a.log", "a.log.1");
                place.append("a.log", "");
            }
        });
    }
}

/// Its new name ends as it did, and is not asked for.
#[test]
fn renamed_to_a_word_before_its_ending() {
    for meanwhile in ALL {
        rotated(meanwhile, "a.log", 300, |place, _| {
            place.append("a.log", lines(100..200));
            place.rename("a.log", "a.old.log");
            place.append("a.log", lines(200..300));
        });
    }
}

/// The rotated file's new name is one of a log, too: it is the same one.
#[test]
fn renamed_to_what_matches() {
    for meanwhile in ALL {
        rotated(meanwhile, "a.log*", 300, |place, _| {
            place.append("a.log", lines(100..200));
            place.rename("a.log", "a.log.1");
            place.append("a.log", lines(200..300));
        });
    }
}

/// By date, as `dateext` of logrotate does it, into another directory.
#[test]
fn renamed_to_elsewhere() {
    for meanwhile in [Meanwhile::Reading, Meanwhile::Behind] {
        rotated(meanwhile, "*.log", 300, |place, _| {
            fs::create_dir(place.log("old")).unwrap();
            place.append("a.log", lines(100..200));
            place.rename("a.log", "old/a-20261121");
            place.append("a.log", lines(200..300));
        });
    }
}

#[test]
fn copied_and_truncated() {
    for meanwhile in ALL {
        for next in [1, 100, 900] {
            rotated(meanwhile, "*.log", 200 + next, |place, seen| {
                place.append("a.log", lines(100..200));
                seen(200);
                place.copy_and_truncate("a.log", "a.log.1");
                place.append("a.log", lines(200..200 + next));
            });
        }
    }
}

/// As with `copytruncate` and `compress` of logrotate.
#[test]
fn copied_truncated_and_compressed() {
    for meanwhile in ALL {
        rotated(meanwhile, "*.log", 400, |place, _| {
            for round in [1, 2] {
                place.append("a.log", lines(round * 100..round * 100 + 100));
                let _ = fs::rename(place.log("a.log.1.gz"), place.log("a.log.2.gz"));
                place.copy_and_truncate("a.log", "a.log.1");
                compress(place, "a.log.1");
            }
            place.append("a.log", lines(300..400));
        });
    }
}

#[test]
fn renamed_and_compressed() {
    for meanwhile in ALL {
        rotated(meanwhile, "*.log", 400, |place, _| {
            for round in [1, 2] {
                place.append("a.log", lines(round * 100..round * 100 + 100));
                let _ = fs::rename(place.log("a.log.1.gz"), place.log("a.log.2.gz"));
                place.rename("a.log", "a.log.1");
                compress(place, "a.log.1");
                place.append("a.log", "");
            }
            place.append("a.log", lines(300..400));
        });
    }
}

/// What was compressed is known for what it was, also when the old file has been let go.
#[test]
fn compressed_long_ago() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[]));
    for round in 0..3 {
        let before = place.log("a.log.1.gz");
        if before.exists() {
            place.rename("a.log.1.gz", &format!("a.log.{}.gz", round + 10));
        }
        place.append("a.log", lines(round * 100..round * 100 + 50));
        server.until_stored(round * 100 + 50);
        place.rename("a.log", "a.log.1");
        place.append("a.log", lines(round * 100 + 50..round * 100 + 100));
        server.until_stored(round * 100 + 100);
        compress(&place, "a.log.1");
        let pid = shipper.process().pid;
        let holds = |one: &fs::DirEntry| {
            fs::read_link(one.path()).is_ok_and(|file| file.to_string_lossy().ends_with("a.log.1 (deleted)"))
        };
        until("it has let go of it", || {
            !fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten().any(|one| holds(&one))
        });
    }
    place.append("a.log", lines(300..310));
    server.until_stored(310);
    shipper.finish();
    succeed(place.ship(&server, &[&"--once"]));
    expect_all(&server, 310);
    expect_order(&server);
}

pub fn compress(place: &Place, name: &str) {
    archive(place, name);
    fs::remove_file(place.log(name)).unwrap();
}

/// The first half of it: the compressed file is there, and the other one still, too.
pub fn archive(place: &Place, name: &str) {
    let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    encoder.write_all(&fs::read(place.log(name)).unwrap()).unwrap();
    fs::write(place.log(&format!("{name}.gz")), encoder.finish().unwrap()).unwrap();
}

#[test]
fn deleted_while_it_is_behind() {
    rotated(Meanwhile::Behind, "*.log", 300, |place, _| {
        place.append("a.log", lines(100..200));
        fs::remove_file(place.log("a.log")).unwrap();
        place.append("a.log", lines(200..300));
    });
}

/// The same bytes again are another log's. It is shorter each time: as long as the old one, it would be the old one.
#[test]
fn truncated_and_written_again() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[]));
    let mut count = 0;
    for text in ["one\ntwo\nthree\n", "one\ntwo\n", "one\n"] {
        place.append("a.log", text);
        count += u64::try_from(text.lines().count()).unwrap();
        server.until_stored(count);
        place.truncate("a.log");
    }
    shipper.finish();
    let expected = ["one", "two", "three", "one", "two", "one"];
    assert_eq!(server.with(|state| state.store.messages(STREAM)), expected);
    assert_eq!(server.with(|state| state.store.conflicts), 0);
}

/// A line that is written in pieces is one, and what a writer left without an end is not lost.
#[test]
fn lines_without_an_end() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", "whole\nbeg");
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until_stored(1);
    place.append("a.log", "un\nleft");
    server.until_stored(2);
    place.rename("a.log", "a.log.1");
    place.append("a.log", "next\nlast words");
    server.until_stored(4);
    shipper.finish();
    let expected = ["whole", "begun", "left", "next", "last words"];
    assert_eq!(server.with(|state| state.store.messages(STREAM)), expected);
}

/// Whoever wrote it may still go on with the line; at the end nobody waits for that, and no other file is left for it.
#[test]
fn rotated_in_the_middle_of_a_line() {
    for once in [true, false] {
        let (server, place) = (Server::start(), Place::new());
        place.append("a.log", "first\n");
        let launch = |more: &[&dyn AsRef<OsStr>]| place.ship(&server, more);
        let shipper = (!once).then(|| Shipper::start(launch(&[])));
        match &shipper {
            Some(_) => server.until_stored(1),
            None => drop(succeed(launch(&[&"--once"]))),
        }
        place.append("a.log", "half");
        place.rename("a.log", "a.log.1");
        place.append("a.log", "new 1\nnew 2\n");
        match shipper {
            Some(shipper) => drop(shipper.finish()),
            None => drop(succeed(launch(&[&"--once"]))),
        }
        assert_eq!(server.with(|state| state.store.messages(STREAM)), ["first", "half", "new 1", "new 2"]);
    }
}

/// While nobody looked, what had been read was removed, and what came after it was rotated, too.
#[test]
fn what_was_read_is_gone_and_what_came_next_is_rotated() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..100));
    succeed(place.ship(&server, &[&"--once"]));
    fs::remove_file(place.log("a.log")).unwrap();
    for round in 1..4 {
        place.append("a.log", lines(round * 100..round * 100 + 100));
        place.rename("a.log", &format!("a.log.{}", 4 - round));
    }
    place.append("a.log", lines(400..500));
    succeed(place.ship(&server, &[&"--once"]));
    expect_all(&server, 500);
    expect_order(&server);
}

/// What can be read of a damaged archive is shipped, and it is in nobody's way.
#[test]
fn a_damaged_archive() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..100));
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until_stored(100);
    shipper.finish();
    place.append("a.log.1", lines(100..3000));
    compress(&place, "a.log.1");
    let archive = fs::read(place.log("a.log.1.gz")).unwrap();
    fs::write(place.log("a.log.1.gz"), &archive[..archive.len() - 100]).unwrap();
    place.rename("a.log", "a.log.2");
    place.append("a.log", lines(3000..3100));
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until("those after it", |state| state.store.numbers.missing(3100).all(|number| number < 3000));
    place.append("a.log", lines(3100..3200));
    server.until("what comes now", |state| state.store.numbers.missing(3200).all(|number| number < 3000));
    let said = shipper.finish();
    assert!(said.contains("a.log is damaged"), "{said}");
    server.with(|state| {
        assert!(state.store.stored() > 1200, "{} of what it has", state.store.stored());
        assert!(state.store.numbers.extra() <= 1, "the line that is cut may be cut in its number");
    });
}

/// A few bytes are enough to be known, too.
#[test]
fn short_logs() {
    for restarted in [false, true] {
        let (server, place) = (Server::start(), Place::new());
        let mut shipper = Shipper::start(place.ship(&server, &[]));
        let mut expected = vec![];
        for text in ["one", "two", "three", "four"] {
            match text {
                "two" => place.rename("a.log", "a.log.1"),
                "three" => compress(&place, "a.log.1"),
                "four" => place.copy_and_truncate("a.log", "a.log.2"),
                _ => {}
            }
            place.append("a.log", format!("{text}\n"));
            expected.push(text.to_owned());
            server.until_stored(expected.len() as u64);
            if restarted && text != "four" {
                shipper.finish();
                shipper = Shipper::start(place.ship(&server, &[]));
            }
        }
        shipper.finish();
        assert_eq!(server.with(|state| state.store.messages(STREAM)), expected);
    }
}

/// A log that gets another log's name is the same file, also when nobody looked.
#[test]
fn renamed_to_another_log() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..100));
    succeed(place.ship(&server, &[&"--once"]));
    place.append("a.log", lines(100..150));
    place.rename("a.log", "before.log");
    place.append("a.log", lines(150..200));
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until_stored(200);
    place.append("before.log", lines(200..210));
    server.until_stored(210);
    shipper.finish();
    succeed(place.ship(&server, &[&"--once"]));
    expect_all(&server, 210);
}

/// What may not be read for a while is not lost.
#[test]
fn rotated_to_where_it_may_not_be_read() {
    if !e2e::is_root() {
        return;
    }
    let (server, place) = (Server::start(), Place::new());
    let launch = |more: &[&dyn AsRef<OsStr>]| place.ship_as_other(&server, more);
    place.append("a.log", lines(0..100));
    succeed(launch(&[&"--once"]));
    place.append("a.log", lines(100..150));
    place.rename("a.log", "a.log.1");
    place.set_mode("a.log.1", 0o600);
    place.append("a.log", lines(150..200));
    let shipper = Shipper::start(launch(&[]));
    shipper.until_said("a.log.1: Permission denied");
    server.until_stored(150);
    place.set_mode("a.log.1", 0o644);
    server.until_stored(200);
    shipper.finish();
    expect_all(&server, 200);
}
