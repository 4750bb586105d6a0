use crate::{WAIT, launch, read_to_end, waiting};
use e2e::launch::pipe;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;

#[test]
fn closed_streams_neither_stop_nor_kill_it() {
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
    let (_, stdout) = pipe().unwrap();
    let mut process = launch().arg("-v").redirected(1, stdout).spawn().unwrap();
    assert_eq!(process.wait(), WaitStatus::Exited(process.pid, 0));
}

#[test]
fn pid_1_is_silent_until_its_end() {
    let (mut process, stderr) = waiting(launch().as_pid_1());
    process.signal(Signal::SIGINT);
    process.wait();
    assert_eq!(read_to_end(stderr), "SIGINT\n");
}
