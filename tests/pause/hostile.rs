//! Where little else starts: pause comes up, or the kernel says why not.

use crate::{NOT_PID_1, WAIT, expect_end, launch, waiting};
use e2e::cgroup::Cgroup;
use e2e::command::copy_program;
use e2e::launch::Launch;
use nix::sys::resource::Resource;
use nix::sys::wait::WaitStatus;
use std::fs;
use std::path::Path;

#[test]
fn it_needs_no_file_but_its_own_and_no_proc() {
    if !e2e::is_root() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    copy_program(&e2e::program("pause"), &root.path().join("pause")).unwrap();
    let launch = Launch::new(Path::new("/pause")).in_read_only_root(root.path());
    let (pause, stderr) = waiting(launch.as_pid_1());
    let mounts = fs::read_to_string(format!("/proc/{}/mounts", pause.pid)).unwrap();
    assert!(mounts.lines().all(|mount| mount.split(' ').nth(3).unwrap().starts_with("ro")), "{mounts}");
    expect_end(pause, stderr, "");
}

#[test]
fn it_opens_nothing() {
    if !e2e::is_root() {
        return;
    }
    let (pause, stderr) = waiting(launch().as_pid_1().limited(Resource::RLIMIT_NOFILE, 3));
    expect_end(pause, stderr, "");
}

#[test]
fn it_starts_no_process() {
    if !e2e::is_root() {
        return;
    }
    let group = Cgroup::processes(1).unwrap();
    let (pause, stderr) = waiting(launch().as_pid_1().in_cgroup(&group));
    expect_end(pause, stderr, "");
}

#[test]
fn it_is_nobody_in_a_user_namespace() {
    if !e2e::is_root() {
        return;
    }
    let (pause, stderr) = waiting(launch().as_pid_1().in_user_namespace());
    expect_end(pause, stderr, "");
    // Without a PID namespace of its own it says so, as anywhere.
    let (pause, stderr) = waiting(launch().in_user_namespace());
    expect_end(pause, stderr, NOT_PID_1);
}

/// Doubles the limit until pause comes up; below that the kernel kills it, for the pages and page tables of `execve`.
#[test]
fn it_lives_in_the_smallest_memory_cgroup() {
    if !e2e::is_root() {
        return;
    }
    let page = 4096;
    for limit in (0..).map(|doubled| page << doubled) {
        let group = Cgroup::memory(limit).unwrap();
        let mut pause = launch().as_pid_1().in_cgroup(&group).spawn().unwrap();
        if let Some(status) = pause.ends_or_sleeps_in(WAIT) {
            assert!(
                matches!(status, WaitStatus::Signaled(..) | WaitStatus::Exited(_, 127)),
                "the kernel kills it or refuses execve: {status:?}"
            );
            assert!(limit < 1 << 20, "pause does not come up in {limit} bytes");
            continue;
        }
        drop(pause);
        return;
    }
}
