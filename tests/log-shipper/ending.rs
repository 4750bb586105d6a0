//! What it says at its end of what it could not do, and that it does nothing while there is nothing to do.

use e2e::elasticsearch::{Fault, How, Server};
use e2e::process::cpu_time;
use e2e::shipper::{Place, Shipper, expect_all, lines, refuse, succeed};
use nix::sys::resource::Resource;
use nix::sys::signal::Signal;
use std::fs;
use std::time::Duration;

#[test]
fn once_and_a_log_cannot_be_read() {
    if !e2e::is_root() {
        return;
    }
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..10));
    place.append("b.log", lines(10..20));
    let once = || place.ship_as_other(&server, &[&"--once"]);
    place.set_mode("b.log", 0o600);
    let said = refuse(once(), 1, &["not shipped: cannot read", "b.log: Permission denied"]);
    assert!(!said.contains("a.log"), "{said}");
    expect_all(&server, 10);
    place.set_mode("b.log", 0o644);
    succeed(once());
    expect_all(&server, 20);
}

/// With fewer descriptors than logs, these take turns. What has no end yet is shipped at the end.
#[test]
fn few_descriptors() {
    for (limit, unfinished) in [(24, false), (24, true), (32, true)] {
        let (server, place) = (Server::start(), Place::new());
        place.one_line_each(40);
        if unfinished {
            for number in 0..40 {
                place.append(&format!("{number:05}.log"), lines(number + 40..number + 41).trim_end());
            }
        }
        let once = || place.ship(&server, &[&"--once"]).limited(Resource::RLIMIT_NOFILE, limit);
        succeed(once());
        expect_all(&server, if unfinished { 80 } else { 40 });
        succeed(once());
        expect_all(&server, if unfinished { 80 } else { 40 });
    }
}

/// They take turns also when they are written to again and again.
#[test]
fn few_descriptors_and_no_end() {
    let (server, place) = (Server::start(), Place::new());
    place.one_line_each(40);
    let shipper = Shipper::start(place.ship(&server, &[]).limited(Resource::RLIMIT_NOFILE, 24));
    server.until_stored(40);
    for number in 40..200 {
        place.append(&format!("{:05}.log", number * 7 % 40), lines(number..number + 1));
    }
    server.until_stored(200);
    shipper.finish();
    expect_all(&server, 200);
}

/// Where there is none at all, it says what it could not read.
#[test]
fn too_few_descriptors() {
    let (server, place) = (Server::start(), Place::new());
    place.one_line_each(10);
    let mut codes = vec![];
    for limit in [8, 12, 16, 20, 24] {
        let ended = e2e::shipper::run(place.ship(&server, &[&"--once"]).limited(Resource::RLIMIT_NOFILE, limit));
        let all = server.with(|state| state.store.stored()) == 10;
        assert_eq!(ended.code, i32::from(!all), "with {limit}: {}", ended.stderr);
        codes.push(ended.code);
    }
    assert!(codes.starts_with(&[1]) && codes.ends_with(&[0]), "{codes:?}");
}

/// A sink that does not answer is waited for, which takes no time on a processor.
#[test]
fn it_waits_without_work() {
    for once in [true, false] {
        let (server, place) = (Server::start(), Place::new());
        if !once {
            place.append("first.log", lines(10..11));
        }
        server.next(1, Fault::instead(How::Never));
        let more: &[&dyn AsRef<std::ffi::OsStr>] = if once { &[&"--once"] } else { &[&"--quiet-for", &"1ms"] };
        let config = format!(
            "inputs: [{{files: [LOGS/*.log]}}]\noutput: {{elasticsearch: {{urls: ['{}'], timeout: 5s}}}}\n",
            server.url()
        );
        place.append("a.log", lines(0..10));
        let shipper = Shipper::start(place.configured(&config, more));
        server.until("it is sending", |state| !state.requests.is_empty());
        if !once {
            shipper.signal(Signal::SIGTERM);
        }
        assert!(shipper.process().ends_within(e2e::process::DEADLINE), "it does not end");
        // It has not been waited for, so that its account is there still.
        let time = cpu_time(shipper.process().pid).unwrap();
        assert_eq!(shipper.end().code, 0);
        assert!(time < Duration::from_millis(700), "it worked for {time:?}");
        expect_all(&server, if once { 10 } else { 11 });
    }
}

/// All is shipped, but the next start would not know.
#[test]
fn positions_that_cannot_be_kept() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[&"--drain-timeout", &"25s"]));
    place.append("a.log", lines(0..10));
    server.until_stored(10);
    fs::remove_dir_all(&place.state).unwrap();
    place.append("a.log", lines(10..20));
    server.until_stored(20);
    shipper.until_said("cannot keep positions");
    let ended = shipper.terminate_within(Duration::from_secs(15));
    let said = ended.stderr.lines().find(|line| line.contains("all is shipped, but positions are not kept"));
    assert!(ended.code == 1 && said.is_some(), "{}: {}", ended.code, ended.stderr);
    // It is tried again at the end.
    let place = Place::new();
    let shipper = Shipper::start(place.ship(&server, &[]));
    place.append("a.log", lines(20..30));
    server.until_stored(30);
    fs::rename(&place.state, place.file("elsewhere")).unwrap();
    place.append("a.log", lines(30..40));
    shipper.until_said("cannot keep positions");
    server.until_stored(40);
    fs::rename(place.file("elsewhere"), &place.state).unwrap();
    shipper.finish();
    expect_all(&server, 40);
    succeed(place.ship(&server, &[&"--once"]));
    assert_eq!(server.with(|state| state.store.conflicts), 0);
}

/// What it has read and not delivered, and what cannot be read again, is left undone, too.
#[test]
fn what_is_in_no_file_any_more() {
    let begin = |count| {
        let (server, place) = (Server::start(), Place::new());
        server.down();
        place.append("a.log", lines(0..count));
        let shipper = Shipper::start(place.ship(&server, &[&"--drain-timeout", &"1s", &"--hold-deleted", &"0"]));
        shipper.until_said("cannot deliver");
        (place, shipper)
    };
    let expect = |shipper: Shipper, what: &str| {
        let ended = shipper.terminate();
        let said = ended.stderr.lines().find(|line| line.contains("error: not shipped: ")).unwrap_or_default();
        assert!(ended.code == 1 && said.contains(what), "{}: {}", ended.code, ended.stderr);
        assert!(said.ends_with("bytes), truncated or removed since and lost"), "{said}");
        assert!(!ended.stderr.contains("takes it up"), "{}", ended.stderr);
    };
    let (place, shipper) = begin(10);
    let size = fs::metadata(place.log("a.log")).unwrap().len();
    place.truncate("a.log");
    expect(shipper, &format!("a.log from offset 0 ({size} bytes)"));
    // More than a batch or two: what has not even been read is told of when it is let go.
    let (place, shipper) = begin(30_000);
    fs::remove_file(place.log("a.log")).unwrap();
    shipper.until_said("let go of a removed file");
    expect(shipper, "a.log from offset 0 (");
}
