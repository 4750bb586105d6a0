//! Two runs on one volume, each stopped where the other one could do it harm.

use crate::run::{Place, launch, names, put, tree, write};
use e2e::trace::{Stop, Traced};
use nix::sys::wait::WaitStatus;
use std::process::{Command, Stdio};

fn place() -> Place {
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    write(place.from.join("b/x"), "new");
    place
}

fn traced(place: &Place) -> Traced {
    Traced::start(launch(&[&place.contents(), &place.to]).closed(2))
}

/// At the end of a system call that names a path with this end.
fn done(number: libc::c_long, end: &'static str) -> impl FnMut(&Traced, &Stop) -> bool {
    move |traced, stop| {
        let path = if number == libc::SYS_openat { stop.call.arguments[1] } else { stop.call.arguments[0] };
        stop.call.number == number && stop.returned.is_some() && traced.string(path).to_string_lossy().ends_with(end)
    }
}

fn expect_done(mut traced: Traced, place: &Place) {
    let pid = traced.process.pid;
    assert_eq!(traced.finish(), WaitStatus::Exited(pid, 0));
    assert_eq!(names(&place.to), ["a.war", "b"]);
    assert_eq!(tree(&place.to), tree(&place.from));
}

/// Another run that comes and goes does no harm at any step of this one.
#[test]
fn another_whole_run_in_between_any_two_system_calls() {
    if !e2e::is_root() {
        return;
    }
    let memory = e2e::mounts::Tmpfs::new("size=16m");
    for calls in 1.. {
        let place = Place::on(memory.path());
        write(place.from.join("b/x"), "new");
        write(place.from.join("c/x"), "new");
        write(place.to.join("b/x"), "old");
        let mut traced = Traced::start(launch(&[&place.contents(), &place.to]).closed(2));
        if traced.after_calls(calls).is_none() {
            assert!(calls > 50, "only {calls} calls");
            return;
        }
        assert!(!put(&[&place.contents(), &place.to]).contains("warning"), "after {calls} calls");
        let pid = traced.process.pid;
        assert_eq!(traced.finish(), WaitStatus::Exited(pid, 0), "the other one ran after {calls} calls");
        assert_eq!(names(&place.to), ["b", "c"], "the other one ran after {calls} calls");
        assert_eq!(tree(&place.to), tree(&place.from), "the other one ran after {calls} calls");
    }
}

/// One has made its directory and not locked it yet, when the other one takes it for a leftover.
#[test]
fn a_directory_taken_for_a_leftover() {
    let place = place();
    let mut young = traced(&place);
    young.until("its directory", done(libc::SYS_mkdir, ".war-copy-0"));
    let mut cleaner = traced(&place);
    // The lock is the last that goes; then the first one goes on, and then the other.
    cleaner.until("it removes the lock", done(libc::SYS_unlink, "/lock"));
    young.until("its lock", done(libc::SYS_openat, "/lock"));
    young.until("a file of its own", done(libc::SYS_mkdir, "/0"));
    let pid = cleaner.process.pid;
    assert_eq!(cleaner.finish(), WaitStatus::Exited(pid, 0));
    expect_done(young, &place);
}

#[test]
fn another_ones_staging_stays() {
    let place = place();
    let mut alive = traced(&place);
    alive.until("a file", done(libc::SYS_mkdir, ".war-copy-0/0"));
    let before = tree(&place.to.join("meta-inf"));
    put(&[&place.contents(), &place.to]);
    assert_eq!(tree(&place.to.join("meta-inf")), before);
    expect_done(alive, &place);
}

/// As replicas that start together on one shared volume, a few times.
#[test]
fn many_at_once() {
    let place = Place::new();
    for number in 0..20 {
        write(place.from.join(format!("sample/{number}/file")), "new".repeat(number * 1000));
    }
    write(place.from.join("a.war"), "new");
    for round in 0..5 {
        let runs: Vec<_> = (0..8)
            .map(|_| {
                Command::new(e2e::program("war-copy"))
                    .arg(place.contents())
                    .arg(&place.to)
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for mut run in runs {
            assert!(run.wait().unwrap().success(), "in round {round}");
        }
        assert_eq!(tree(&place.to), tree(&place.from));
        std::fs::remove_dir_all(place.to.join("sample")).unwrap();
    }
}

/// Two write one manifest; what is under its name is always one of them, whole.
#[test]
fn one_manifest_of_two() {
    let place = place();
    let manifest = place.to.with_file_name("manifest");
    let run = || launch(&[&"--manifest", &manifest, &place.contents(), &place.to]).closed(2);
    let mut first = Traced::start(run());
    first.until("it writes its manifest", |traced, stop| {
        let writes = stop.call.number == libc::SYS_write && stop.returned.is_none();
        writes && traced.open(stop.call.arguments[0]).ends_with("manifest.new")
    });
    let mut second = run().spawn().unwrap();
    assert_eq!(second.ends_or_sleeps_in(libc::SYS_flock), None, "it waits for the first one");
    let pid = first.process.pid;
    assert_eq!(first.finish(), WaitStatus::Exited(pid, 0));
    assert_eq!(second.wait(), WaitStatus::Exited(second.pid, 0));
    let check = || {
        let mut sha256sum = Command::new("sha256sum");
        e2e::command::output(sha256sum.current_dir(&place.to).args(["--check", "--strict"]).arg(&manifest)).unwrap()
    };
    assert_eq!(check().lines().count(), 2);
}
