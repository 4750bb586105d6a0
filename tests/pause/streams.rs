use crate::{WAIT, launch, read_to_end, waiting};
use e2e::launch::{Launch, pipe};
use e2e::process::until_in_syscall;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use std::fs::File;
use std::io::{BufRead, BufReader};

#[test]
fn closed_streams_neither_stop_nor_kill_it() {
    if !e2e::is_root() {
        return;
    }
    for pid_1 in [true, false] {
        let launch = if pid_1 { launch().as_pid_1() } else { launch() };
        let mut process = launch.closed(0).closed(1).closed(2).spawn().unwrap();
        process.until_in_syscall(WAIT);
        process.signal(Signal::SIGTERM);
        assert_eq!(process.wait(), WaitStatus::Exited(process.pid, 0), "PID 1: {pid_1}");
    }
}

#[test]
fn broken_pipes_neither_stop_nor_kill_it() {
    if !e2e::is_root() {
        return;
    }
    for pid_1 in [true, false] {
        let launch = if pid_1 { launch().as_pid_1() } else { launch() };
        // Nobody reads: the line that it is not PID 1 already meets a broken pipe.
        let (_, stdout) = pipe().unwrap();
        let (_, stderr) = pipe().unwrap();
        let mut process = launch.redirected(1, stdout).redirected(2, stderr).spawn().unwrap();
        process.until_in_syscall(WAIT);
        process.signal(Signal::SIGTERM);
        assert_eq!(process.wait(), WaitStatus::Exited(process.pid, 0), "PID 1: {pid_1}");
    }
}

#[test]
fn a_broken_pipe_fails_no_version() {
    if !e2e::is_root() {
        return;
    }
    let (_, stdout) = pipe().unwrap();
    let mut process = launch().arg("-v").redirected(1, stdout).spawn().unwrap();
    assert_eq!(process.wait(), WaitStatus::Exited(process.pid, 0));
}

#[test]
fn pid_1_is_silent_until_its_end() {
    if !e2e::is_root() {
        return;
    }
    let (mut process, stderr) = waiting(launch().as_pid_1());
    process.signal(Signal::SIGINT);
    process.wait();
    assert_eq!(read_to_end(stderr), "SIGINT\n");
}

/// A terminal with `stty tostop` stops who writes to it from the background, and pause writes that it is not PID 1.
#[test]
fn a_terminal_does_not_stop_it_in_the_background() {
    if !e2e::is_root() {
        return;
    }
    let in_terminal = format!(
        r#"sh -m -c 'stty tostop; {} & echo "pid=$!"; wait $!; echo "code=$?"'"#,
        e2e::program("pause").display()
    );
    let (stdout, writer) = pipe().unwrap();
    let script = Launch::new("/usr/bin/script".as_ref()).arg("--quiet").arg("--command").arg(in_terminal);
    let null = File::open("/dev/null").unwrap();
    let mut script = script.arg("/dev/null").redirected(0, null.into()).redirected(1, writer).spawn().unwrap();
    let mut lines = BufReader::new(File::from(stdout)).lines().map(Result::unwrap);
    let pid = lines.find_map(|line| line.strip_prefix("pid=")?.trim_end().parse().ok()).expect("pid=");
    until_in_syscall(Pid::from_raw(pid), WAIT);
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    let rest: Vec<String> = lines.collect();
    assert!(rest.iter().any(|line| line.trim_end() == "SIGTERM"), "{rest:?}");
    assert!(rest.iter().any(|line| line.trim_end() == "code=0"), "{rest:?}");
    assert_eq!(script.wait(), WaitStatus::Exited(script.pid, 0));
}
