//! Events on stdout, and whoever reads them taking their time.

use e2e::launch::pipe;
use e2e::process::{DEADLINE, until};
use e2e::shipper::{Place, Shipper, free_port, launch, lines, output, run, with};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

const LINES: u64 = 10_000;

/// A shipper that has filled the pipe which is its stdout.
fn stuck(place: &Place, admin: SocketAddr) -> (Shipper, OwnedFd) {
    let (stdout, writer) = pipe().unwrap();
    let mine = writer.try_clone().unwrap();
    place.append("a.log", lines(0..LINES));
    let pattern = place.log("*.log");
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"--raw", &"--drain-timeout", &"2s", &"--admin", &admin.to_string(), &pattern];
    let shipper = Shipper::start(with(place.to("stdout", &[]), &arguments).redirected(1, writer));
    until("the pipe is full", || {
        poll(&mut [PollFd::new(mine.as_fd(), PollFlags::POLLOUT)], PollTimeout::ZERO) == Ok(0)
    });
    (shipper, stdout)
}

fn is_live(admin: SocketAddr) -> bool {
    run(launch(&[&"probe", &"live", &"--admin", &admin.to_string()])).code == 0
}

#[test]
fn a_slow_reader_is_waited_for() {
    let (place, admin) = (Place::new(), free_port());
    let (shipper, stdout) = stuck(&place, admin);
    assert!(is_live(admin), "nothing else goes on");
    let reader = thread::spawn(move || {
        let mut text = String::new();
        File::from(stdout).read_to_string(&mut text).map(|_| text)
    });
    shipper.finish();
    assert_eq!(reader.join().unwrap().unwrap(), lines(0..LINES));
}

#[test]
fn a_reader_that_never_reads_is_not_waited_for_longer_than_allowed() {
    let (place, admin) = (Place::new(), free_port());
    let (shipper, stdout) = stuck(&place, admin);
    assert!(is_live(admin), "nothing else goes on");
    let ended = shipper.terminate_within(DEADLINE.min(Duration::from_secs(20)));
    assert!(ended.code == 1 && ended.stderr.contains("a.log from offset 0"), "{}: {}", ended.code, ended.stderr);
    drop(stdout);
    let pattern = place.log("*.log");
    assert_eq!(output(place.to("stdout", &[&"--raw", &"--once", &pattern])), lines(0..LINES));
}
