//! The state directory: what is remembered, and what happens when it cannot be.

use e2e::elasticsearch::{Server, Verdict};
use e2e::mounts::Tmpfs;
use e2e::shipper::{Place, STREAM, Shipper, expect_all, lines, refuse, succeed};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn what_was_shipped_is_not_shipped_again() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..100));
    succeed(place.ship(&server, &[&"--once"]));
    let requests = server.with(|state| state.requests.len());
    succeed(place.ship(&server, &[&"--once"]));
    assert_eq!(server.with(|state| state.requests.len()), requests, "nothing is sent, not even what is there already");
    place.append("a.log", lines(100..200));
    succeed(place.ship(&server, &[&"--once"]));
    expect_all(&server, 200);
    assert_eq!(server.with(|state| state.store.conflicts), 0);
}

/// Cut short or changed anywhere, the positions are not believed; those before them are.
#[test]
fn damaged_positions() {
    for damage in 0..4 {
        let (server, place) = (Server::start(), Place::new());
        for round in 0..3 {
            place.append("a.log", lines(round * 100..round * 100 + 100));
            succeed(place.ship(&server, &[&"--once"]));
        }
        let path = place.state.join("positions");
        let mut bytes = fs::read(&path).unwrap();
        // What is behind the checksum is nothing, or what was there before.
        let checksum = bytes.windows(8).position(|word| word == b"\nsha256 ").unwrap();
        bytes.truncate(checksum + 8 + 64 + 1);
        match damage {
            0 => bytes.truncate(bytes.len() / 2),
            1 => bytes.clear(),
            2 => {
                let last = bytes.iter().rposition(u8::is_ascii_digit).unwrap();
                bytes[last] = if bytes[last] == b'7' { b'8' } else { b'7' };
            }
            _ => bytes = vec![0; 1000],
        }
        fs::write(&path, bytes).unwrap();
        place.append("a.log", lines(300..400));
        let said = succeed(place.ship(&server, &[&"--once"]));
        assert!(said.contains("positions"), "it does not say so: {said}");
        expect_all(&server, 400);
    }
}

/// With nothing to be believed it begins anew and says so: logs that nobody reads are lost in the end.
#[test]
fn no_positions_to_be_believed() {
    let (server, place) = (Server::start(), Place::new());
    for round in 0..3 {
        place.append("a.log", lines(round * 100..round * 100 + 100));
        succeed(place.ship(&server, &[&"--once"]));
    }
    for name in ["positions", "positions.previous"] {
        fs::write(place.state.join(name), "somebody else's\n").unwrap();
    }
    place.append("a.log", lines(300..400));
    let said = succeed(place.ship(&server, &[&"--once"]));
    assert!(said.contains("positions") && said.contains("beginning anew"), "it does not say so: {said}");
    // What was there before comes again, under other names.
    server.with(|state| {
        assert_eq!(state.store.numbers.missing(400).count(), 0);
        assert_eq!((state.store.stored(), state.store.conflicts), (700, 0));
    });
}

#[test]
fn the_second_one_refuses() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[]));
    place.append("a.log", lines(0..10));
    server.until_stored(10);
    let state = place.state.display().to_string();
    let said = refuse(place.ship(&server, &[&"--once"]), 1, &[&state]);
    assert!(said.contains("hint"), "{said}");
    place.append("a.log", lines(10..20));
    server.until_stored(20);
    shipper.kill();
    // A lock of one that was killed locks nothing.
    succeed(place.ship(&server, &[&"--once"]));
    expect_all(&server, 20);
}

#[test]
fn a_state_directory_that_is_missing_is_made() {
    let (server, place) = (Server::start(), Place::new());
    fs::remove_dir(&place.state).unwrap();
    place.append("a.log", lines(0..10));
    succeed(place.ship(&server, &[&"--once"]));
    succeed(place.ship(&server, &[&"--once"]));
    expect_all(&server, 10);
    assert!(place.state.join("positions").exists());
}

/// It says what that means, and goes on.
#[test]
fn nowhere_to_write_it() {
    if !e2e::is_root() {
        return;
    }
    let (server, place) = (Server::start(), Place::new());
    fs::set_permissions(place.file(""), fs::Permissions::from_mode(0o755)).unwrap();
    place.append("a.log", lines(0..100));
    let said = succeed(place.ship(&server, &[&"--once"]).as_user(65532, 65532, None));
    assert!(said.contains(place.state.to_str().unwrap()), "{said}");
    expect_all(&server, 100);
}

/// What was there before it is shipped, though nobody writes any more.
#[test]
fn nowhere_to_write_it_and_nothing_new() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..100));
    let nowhere = place.log("a.log").join("state");
    let launch = e2e::shipper::launch(&[&"--to", &server.url(), &"--state", &nowhere, &place.log("*.log")]);
    let shipper = Shipper::start(launch);
    server.until_stored(100);
    shipper.finish();
    expect_all(&server, 100);
}

#[test]
fn the_disk_is_full() {
    if !e2e::is_root() {
        return;
    }
    let (server, place) = (Server::start(), Place::new());
    let memory = Tmpfs::new("size=64k");
    let launch = |once: &str| {
        e2e::shipper::launch(&[&"--to", &server.url(), &"--state", &memory.path(), &once, &place.log("*.log")])
    };
    place.append("a.log", lines(0..100));
    let shipper = Shipper::start(launch("--drain-timeout=20s"));
    server.until_stored(100);
    let hog = memory.path().join("hog");
    assert!(fs::write(&hog, vec![1; 1 << 20]).is_err(), "it is full now");
    // There is room that was made before, so that it does not matter.
    place.append("a.log", lines(100..200));
    server.until_stored(200);
    let kept = || {
        let positions = fs::read(memory.path().join("positions")).unwrap();
        String::from_utf8_lossy(&positions).contains(&format!(" offset {} ", lines(0..200).len()))
    };
    e2e::process::until("its positions are kept", kept);
    shipper.kill();
    fs::remove_file(&hog).unwrap();
    place.append("a.log", lines(200..300));
    succeed(launch("--once"));
    expect_all(&server, 300);
}

/// More logs than there is room for are shipped, though it cannot be noted.
#[test]
fn the_disk_is_full_and_the_logs_are_many() {
    if !e2e::is_root() {
        return;
    }
    let (server, place) = (Server::start(), Place::new());
    let memory = Tmpfs::new("size=1m");
    let launch = |once: &str| {
        e2e::shipper::launch(&[&"--to", &server.url(), &"--state", &memory.path(), &once, &place.log("*.log")])
    };
    place.append("first.log", lines(0..1));
    let shipper = Shipper::start(launch("--drain-timeout=20s"));
    server.until_stored(1);
    let hog = memory.path().join("hog");
    assert!(fs::write(&hog, vec![1; 2 << 20]).is_err(), "it is full now");
    for number in 1..300 {
        place.append(&format!("{number}.log"), lines(number..number + 1));
    }
    server.until_stored(300);
    shipper.until_said("No space left on device");
    fs::remove_file(&hog).unwrap();
    shipper.until_said("positions are kept again");
    shipper.finish();
    succeed(launch("--once"));
    expect_all(&server, 300);
}

/// Rotated while nothing can be noted, delivered or not: after a kill each line is there, and none twice.
#[test]
fn rotated_while_the_disk_is_full() {
    if !e2e::is_root() {
        return;
    }
    for (down, killed) in [(true, true), (true, false), (false, true), (false, false)] {
        let (server, place) = (Server::start(), Place::new());
        let memory = Tmpfs::new("size=64k");
        let launch = |more: &str| {
            e2e::shipper::launch(&[&"--to", &server.url(), &"--state", &memory.path(), &more, &place.log("*.log")])
        };
        let hog = memory.path().join("hog");
        place.append("a.log", lines(0..100));
        let shipper = Shipper::start(launch("--drain-timeout=1s"));
        server.until_stored(100);
        if down {
            server.down();
        }
        assert!(fs::write(&hog, vec![1; 1 << 20]).is_err(), "it is full now");
        for round in 1..7 {
            place.append("a.log", lines(round * 100..round * 100 + 100));
            for number in (1..round).rev() {
                place.rename(&format!("a.log.{number}"), &format!("a.log.{}", number + 1));
            }
            place.rename("a.log", "a.log.1");
        }
        place.append("a.log", lines(700..800));
        if down {
            shipper.until_said(server.url().trim_start_matches("http://"));
        } else {
            // What it cannot note is shipped all the same.
            server.until_stored(800);
        }
        if killed {
            shipper.kill();
        } else {
            shipper.terminate();
        }
        fs::remove_file(&hog).unwrap();
        server.up();
        succeed(launch("--once"));
        eprintln!("the sink is down: {down}, killed: {killed}");
        expect_all(&server, 800);
    }
}

/// A dead letter is written before its line counts as done.
#[test]
fn no_room_for_dead_letters() {
    if !e2e::is_root() {
        return;
    }
    let (server, place) = (Server::start(), Place::new());
    let memory = Tmpfs::new("size=64k");
    server.judge(|item| if item.number == Some(5) { Verdict::Conflict } else { Verdict::Store });
    let launch = |once: &str| {
        e2e::shipper::launch(&[&"--to", &server.url(), &"--state", &memory.path(), &once, &place.log("*.log")])
    };
    let shipper = Shipper::start(launch("--drain-timeout=20s"));
    place.append("a.log", lines(0..5));
    server.until_stored(5);
    let hog = memory.path().join("hog");
    assert!(fs::write(&hog, vec![1; 1 << 20]).is_err(), "it is full now");
    place.append("a.log", lines(5..10));
    shipper.until_said("dead-letters.ndjson");
    fs::remove_file(&hog).unwrap();
    server.until_stored(9);
    let letters = memory.path().join("dead-letters.ndjson");
    e2e::process::until("the dead letter", || fs::read_to_string(&letters).unwrap_or_default().ends_with('\n'));
    shipper.finish();
    let letters = fs::read_to_string(&letters).unwrap();
    assert!(letters.lines().count() == 1 && letters.contains("n=00000005"), "{letters}");
}

/// Whose lines are whose is on disk before the first of them is sent.
#[test]
fn its_name_is_on_disk_first() {
    let (server, place) = (Server::start(), Place::new());
    let state = place.state.join("positions");
    let (seen, path) = (std::sync::Arc::new(std::sync::Mutex::new(None)), state.clone());
    let at_first = seen.clone();
    server.judge(move |_| {
        at_first.lock().unwrap().get_or_insert_with(|| fs::read_to_string(&path).unwrap_or_default());
        Verdict::Store
    });
    place.append("a.log", "one\n");
    succeed(place.ship(&server, &[&"--once"]));
    let first = seen.lock().unwrap().take().unwrap();
    assert!(!first.is_empty() && first.contains("a.log"), "when the first line came: {first:?}");
    assert_eq!(server.with(|state| state.store.messages(STREAM)), ["one"]);
}
