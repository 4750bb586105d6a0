use crate::Architecture;
use e2e::launch::pipe;
use e2e::orphans::{self, Way};
use e2e::pause::{NOT_PID_1, VERSION, WAIT, expect_end, read_to_end, waiting};
use e2e::process::until;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;

pub fn version_is_printed(architecture: &Architecture) {
    for arguments in [&["-v"][..], &["-V"], &["x", "", "--verbose", "--version"]] {
        let (stdout, writer) = pipe().unwrap();
        let launch = arguments.iter().fold(architecture.launch(), |launch, &argument| launch.arg(argument));
        let mut pause = launch.redirected(1, writer).spawn().unwrap();
        assert_eq!(pause.wait(), WaitStatus::Exited(pause.pid, 0), "{arguments:?}");
        assert_eq!(read_to_end(stdout), VERSION, "{arguments:?}");
    }
}

/// Among them the shortest, and those that a comparison of words reads past.
pub fn other_arguments_are_ignored(architecture: &Architecture) {
    for argument in ["", "-", "-v1", "--ve", "--versio", "--VERSION"] {
        let (process, stderr) = waiting(architecture.launch().as_pid_1().arg(argument));
        expect_end(process, stderr, "");
    }
}

pub fn it_says_that_it_is_not_pid_1(architecture: &Architecture) {
    let (process, stderr) = waiting(architecture.launch());
    expect_end(process, stderr, NOT_PID_1);
}

pub fn signals_end_it(architecture: &Architecture) {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (mut process, stderr) = waiting(architecture.launch().as_pid_1());
        process.signal(signal);
        assert_eq!(process.wait(), WaitStatus::Exited(process.pid, 0));
        assert_eq!(read_to_end(stderr), format!("{signal}\n"));
    }
}

/// The one error that pause has to know by its number.
pub fn an_interrupted_wait_goes_on(architecture: &Architecture) {
    let (process, stderr) = waiting(architecture.launch());
    process.signal(Signal::SIGSTOP);
    process.until_state('T');
    process.signal(Signal::SIGCONT);
    process.until_in_syscall(WAIT);
    expect_end(process, stderr, NOT_PID_1);
}

/// The kernel reaps for qemu's process, once pause has had it ignore SIGCHLD.
pub fn orphans_are_reaped(architecture: &Architecture) {
    const ORPHANS: usize = 1000;
    for (way, adopted) in [(Way::Zombie, 0), (Way::Alive, ORPHANS)] {
        let (process, stderr) = waiting(architecture.launch().as_pid_1());
        let app = env!("CARGO_BIN_EXE_app").as_ref();
        assert_eq!(orphans::make_beside(&process, app, way, ORPHANS).unwrap(), adopted, "adopted by PID 1");
        until("pause has no children", || process.children().next().is_none());
        expect_end(process, stderr, "");
    }
}
