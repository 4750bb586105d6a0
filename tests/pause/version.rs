use crate::{expect_end, launch, read_to_end, waiting};
use e2e::launch::pipe;
use e2e::pause::VERSION;
use nix::sys::wait::WaitStatus;

#[test]
fn version_is_printed_for_v_in_any_position_and_case() {
    if !e2e::is_root() {
        return;
    }
    for arguments in
        [&["-v"][..], &["-V"], &["--version"], &["x", "-v"], &["-x", "", "-V", "y"], &["--verbose", "--version"]]
    {
        let (stdout, writer) = pipe().unwrap();
        let launch = arguments.iter().fold(launch(), |launch, &argument| launch.arg(argument));
        let mut pause = launch.redirected(1, writer).spawn().unwrap();
        assert_eq!(pause.wait(), WaitStatus::Exited(pause.pid, 0), "{arguments:?}");
        assert_eq!(read_to_end(stdout), VERSION, "{arguments:?}");
    }
}

#[test]
fn every_other_argument_is_ignored() {
    if !e2e::is_root() {
        return;
    }
    for argument in [
        "",
        "-",
        "--",
        "-v1",
        "v",
        "-vv",
        "--v",
        "--ve",
        "--versio",
        "--version1",
        "--VERSION",
        "--rsion",
        "-h",
        "\u{fe}",
    ] {
        let (process, stderr) = waiting(launch().as_pid_1().arg(argument));
        expect_end(process, stderr, "");
    }
}

#[test]
fn the_longest_argument_the_kernel_takes_is_ignored() {
    if !e2e::is_root() {
        return;
    }
    // MAX_ARG_STRLEN is 32 pages with the NUL byte: execve(2).
    let (process, stderr) = waiting(launch().as_pid_1().arg(vec![b'-'; 131_071]));
    expect_end(process, stderr, "");
}
