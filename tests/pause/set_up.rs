use crate::{WAIT, launch, waiting};
use nix::errno::Errno;
use nix::sys::wait::WaitStatus;

/// Each step's own exit code, when a seccomp profile refuses its call.
#[test]
fn a_failing_step_exits_with_its_own_code() {
    if !e2e::is_root() {
        return;
    }
    for (call, code) in [(libc::SYS_rt_sigprocmask, 1), (libc::SYS_rt_sigaction, 2), (WAIT, 3)] {
        for errno in [Errno::EPERM, Errno::ENOSYS] {
            let mut process = launch().as_pid_1().refused(call, errno).spawn().unwrap();
            assert_eq!(process.wait(), WaitStatus::Exited(process.pid, code), "system call {call}: {errno}");
        }
    }
}

#[test]
fn a_refused_getpid_only_costs_a_line() {
    if !e2e::is_root() {
        return;
    }
    let (process, stderr) = waiting(launch().as_pid_1().refused(libc::SYS_getpid, Errno::EPERM));
    crate::expect_end(process, stderr, crate::NOT_PID_1);
}

#[test]
fn a_refused_write_only_costs_the_lines() {
    if !e2e::is_root() {
        return;
    }
    let (mut process, stderr) = waiting(launch().refused(libc::SYS_write, Errno::EPERM));
    process.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(process.wait(), WaitStatus::Exited(process.pid, 0));
    assert_eq!(crate::read_to_end(stderr), "");
}
