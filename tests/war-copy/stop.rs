//! SIGTERM: what can be finished in the time is finished, and nothing is left of what cannot.

use crate::run::{Place, launch, names, tree, write};
use e2e::launch::{Launch, pipe};
use e2e::pause::read_to_end;
use e2e::trace::Traced;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use std::os::fd::OwnedFd;

const SIGNALS: [Signal; 2] = [Signal::SIGTERM, Signal::SIGINT];

fn place() -> Place {
    let place = Place::new();
    write(place.from.join("a.war"), "new".repeat(400_000));
    write(place.from.join("site/x"), "new");
    write(place.to.join("a.war"), "old");
    place
}

/// Stopped in the middle of a file, with its stderr.
fn in_the_middle(launch: Launch) -> (Traced, OwnedFd) {
    let (stderr, writer) = pipe().unwrap();
    let mut traced = Traced::start(launch.redirected(2, writer));
    traced.until("the middle of a file", |traced, stop| {
        let piece = stop.call.number == libc::SYS_write && stop.returned.is_some();
        piece && traced.open(stop.call.arguments[0]).ends_with("a.war")
    });
    (traced, stderr)
}

fn expect_untouched(place: &Place) {
    assert_eq!(names(&place.to), ["a.war"]);
    assert_eq!(std::fs::read(place.to.join("a.war")).unwrap(), b"old");
}

#[test]
fn it_finishes_what_it_has_begun() {
    for signal in SIGNALS {
        let place = place();
        let (mut traced, stderr) = in_the_middle(launch(&[&place.contents(), &place.to]));
        traced.process.signal(signal);
        let pid = traced.process.pid;
        assert_eq!(traced.finish(), WaitStatus::Exited(pid, 0));
        let said = read_to_end(stderr);
        assert!(said.starts_with("war-copy: asked to stop: finishing, for 25s at most\n"), "{said}");
        assert_eq!(tree(&place.to), tree(&place.from));
    }
}

#[test]
fn without_time_it_stops_at_once_and_leaves_nothing() {
    for signal in SIGNALS {
        let place = place();
        let launch = launch(&[&"--drain-timeout", &"0s", &place.contents(), &place.to]);
        let (mut traced, stderr) = in_the_middle(launch);
        traced.process.signal(signal);
        let pid = traced.process.pid;
        assert_eq!(traced.finish(), WaitStatus::Exited(pid, 1));
        assert_eq!(read_to_end(stderr), "war-copy: error: nothing was put: stopped by a signal\n");
        expect_untouched(&place);
    }
}

#[test]
fn the_time_that_is_given_ends_even_if_nobody_takes_what_it_says() {
    let place = place();
    let launch = launch(&[&"--drain-timeout", &"100ms", &place.contents(), &place.to]);
    let (mut traced, stderr) = in_the_middle(launch);
    traced.process.signal(Signal::SIGTERM);
    // The time runs from when it has seen the signal, which is at its next step.
    let said = traced.until("it says so", |_, stop| stop.call.number == libc::SYS_write && stop.call.arguments[0] == 2);
    traced.hold(&said);
    std::thread::sleep(std::time::Duration::from_millis(100)); // not for an event: the time itself is what passes
    let pid = traced.process.pid;
    assert_eq!(traced.finish(), WaitStatus::Exited(pid, 1));
    let said = read_to_end(stderr);
    assert!(said.ends_with("war-copy: error: nothing was put: stopped by a signal\n"), "{said}");
    expect_untouched(&place);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let place = place();
    let (mut traced, _stderr) = in_the_middle(launch(&[&place.contents(), &place.to]));
    for signal in SIGNALS {
        traced.process.signal(signal);
    }
    let pid = traced.process.pid;
    assert_eq!(traced.finish(), WaitStatus::Exited(pid, 1));
    assert_eq!(names(&place.to), ["a.war", "meta-inf"], "not even cleaned");
    crate::run::put(&[&place.contents(), &place.to]);
    assert_eq!(tree(&place.to), tree(&place.from), "which the next run does");
}

#[test]
fn as_pid_1_it_hears_too() {
    if !e2e::is_root() {
        return;
    }
    for (time, code) in [("25s", 0), ("0s", 1)] {
        let place = place();
        let launch = launch(&[&"--drain-timeout", &time, &place.contents(), &place.to]).as_pid_1();
        let (mut traced, _stderr) = in_the_middle(launch);
        traced.process.signal(Signal::SIGTERM);
        let pid = traced.process.pid;
        assert_eq!(traced.finish(), WaitStatus::Exited(pid, code));
        if code == 0 { assert_eq!(tree(&place.to), tree(&place.from)) } else { expect_untouched(&place) }
    }
}

/// At whichever step the signal comes, all is in its place or nothing is, and the exit code says which.
#[test]
fn at_any_system_call() {
    if !e2e::is_root() {
        return;
    }
    let memory = e2e::mounts::Tmpfs::new("size=16m");
    let mut codes = [0, 0];
    for stops in 1.. {
        let place = Place::on(memory.path());
        write(place.from.join("a.war"), "new");
        write(place.from.join("site/x"), "new");
        write(place.to.join("site/x"), "old");
        let before = tree(&place.to);
        let launch = launch(&[&"--drain-timeout", &"0s", &place.contents(), &place.to]);
        let mut traced = Traced::start(launch.closed(2));
        let mut listens = false;
        for _ in 0..stops {
            let Some(stop) = traced.next_stop() else {
                assert!(codes[0] > 0 && codes[1] > 20, "finished and stopped: {codes:?}");
                return;
            };
            // The second of two handlers
            let [signal, action, ..] = stop.call.arguments;
            listens |=
                stop.call.number == libc::SYS_rt_sigaction && signal == 2 && action != 0 && stop.returned.is_some();
        }
        if !listens {
            continue;
        }
        traced.process.signal(Signal::SIGTERM);
        let WaitStatus::Exited(_, code) = traced.finish() else { panic!("killed at stop {stops}") };
        codes[usize::try_from(code).unwrap()] += 1;
        let expected = if code == 0 { tree(&place.from) } else { before };
        assert_eq!(tree(&place.to), expected, "exit code {code} after a signal at stop {stops}");
    }
}
