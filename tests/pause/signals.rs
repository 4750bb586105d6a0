use crate::{NOT_PID_1, WAIT, expect_end, launch, read_to_end, trace, waiting};
use e2e::launch::{Launch, pipe};
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;

#[test]
fn sigint_and_sigterm_end_it_with_their_name() {
    if !e2e::is_root() {
        return;
    }
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        for (launch, before) in [(launch().as_pid_1(), ""), (launch(), NOT_PID_1)] {
            let (mut process, stderr) = waiting(launch);
            process.signal(signal);
            assert_eq!(process.wait(), WaitStatus::Exited(process.pid, 0));
            assert_eq!(read_to_end(stderr), format!("{before}{signal}\n"));
        }
    }
}

#[test]
fn a_signal_pending_at_start_is_heard() {
    if !e2e::is_root() {
        return;
    }
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (stderr, writer) = pipe().unwrap();
        let mut process = launch().as_pid_1().pending(signal).redirected(2, writer).spawn().unwrap();
        assert_eq!(process.wait(), WaitStatus::Exited(process.pid, 0));
        assert_eq!(read_to_end(stderr), format!("{signal}\n"));
    }
}

/// Stops pause before and after each of its system calls in turn, and sends SIGTERM just there.
#[test]
fn a_signal_between_any_two_steps_is_heard() {
    if !e2e::is_root() {
        return;
    }
    // Two stops for each of sigprocmask, sigaction and getpid, and of write when it is not PID 1; then the wait's entry.
    assert_eq!(stops_that_hear_sigterm(|| launch().as_pid_1()), 6);
    assert_eq!(stops_that_hear_sigterm(launch), 8);
}

fn stops_that_hear_sigterm(launch: impl Fn() -> Launch) -> usize {
    // At the first stop, the entry of the call that blocks signals, pause cannot hear yet.
    for stops in 2.. {
        let (stderr, writer) = pipe().unwrap();
        let mut pause = trace::start(launch().redirected(2, writer));
        let last = (0..stops).fold(None, |_, _| trace::step(&pause));
        pause.signal(Signal::SIGTERM);
        ptrace::detach(pause.pid, None).unwrap();
        assert_eq!(pause.wait(), WaitStatus::Exited(pause.pid, 0), "SIGTERM at stop {stops}");
        assert!(read_to_end(stderr).ends_with("SIGTERM\n"), "SIGTERM at stop {stops}");
        if last == Some(WAIT) {
            return stops - 1;
        }
    }
    unreachable!("pause waits")
}

#[test]
fn any_other_signal_changes_nothing_for_pid_1() {
    if !e2e::is_root() {
        return;
    }
    let (process, stderr) = waiting(launch().as_pid_1());
    for number in 1..=libc::SIGRTMAX() {
        if ![libc::SIGINT, libc::SIGTERM, libc::SIGKILL, libc::SIGSTOP].contains(&number) {
            // SAFETY: kill(2) takes no pointer; real-time signals have no `Signal`.
            let sent = unsafe { libc::kill(process.pid.as_raw(), number) };
            // 32 and 33 are the C library's, and the kernel's like any other.
            assert_eq!(sent, 0, "signal {number}");
        }
    }
    process.until_in_syscall(WAIT);
    expect_end(process, stderr, "");
}

#[test]
fn a_stopped_and_continued_pause_waits_on() {
    if !e2e::is_root() {
        return;
    }
    let (process, stderr) = waiting(launch());
    process.signal(Signal::SIGSTOP);
    process.until_state('T');
    process.signal(Signal::SIGCONT);
    process.until_in_syscall(WAIT);
    expect_end(process, stderr, NOT_PID_1);
}
