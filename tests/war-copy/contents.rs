//! What is in files: holes, changes while they are read, and what is no file at all.

use crate::run::{Place, cp, launch, put, refuse, tree, write};
use e2e::archive::sha256;
use e2e::trace::{Stop, Traced};
use nix::sys::stat::{Mode, SFlag, mknod};
use nix::sys::wait::WaitStatus;
use nix::unistd::mkfifo;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::SystemTime;

const MIB: u64 = 1 << 20;

/// Of 16 MiB, with some bytes at these places.
fn sparse(path: &Path, places: &[u64]) {
    let file = File::create(path).unwrap();
    file.set_len(16 * MIB).unwrap();
    for place in places {
        file.write_all_at(b"some bytes", *place).unwrap();
    }
}

#[test]
fn holes_stay_holes() {
    for (number, places) in [&[][..], &[0], &[5 * MIB], &[16 * MIB - 10], &[3 * MIB, 9 * MIB]].into_iter().enumerate() {
        let place = Place::new();
        let (from, to) = (place.from.join("image"), place.to.join("image"));
        sparse(&from, places);
        let digest = format!("image={}", sha256(&from));
        for options in [["--sha256", &digest], ["--no-verify", "--verbose"]] {
            put(&[&options[0], &options[1], &from, &to]);
            assert_eq!(sha256(&to), sha256(&from), "layout {number}");
            let (ours, theirs) = (fs::metadata(&to).unwrap(), fs::metadata(&from).unwrap());
            assert_eq!((ours.len(), ours.blocks()), (theirs.len(), theirs.blocks()), "layout {number}");
            fs::remove_file(&to).unwrap();
        }
    }
}

#[test]
fn sizes_around_those_of_its_buffer() {
    let place = Place::new();
    for size in [1, 4095, 4096, 262_143, 262_144, 262_145, 524_288, 9_000_000] {
        let bytes: Vec<u8> = (0..size).map(|byte: u32| (byte.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        write(place.from.join(size.to_string()), bytes);
    }
    put(&[&place.contents(), &place.to]);
    assert!(tree(&place.to) == tree(&place.from));
    fs::remove_dir_all(&place.to).unwrap();
    put(&[&"--no-verify", &"--parents", &place.contents(), &place.to]);
    assert!(tree(&place.to) == tree(&place.from));
}

/// Runs until it has read a piece of the source, and then lets `change` happen.
fn changed_while_read(change: impl Fn(&Path), expected: &str) {
    for option in ["--no-sync", "--no-verify"] {
        let place = Place::new();
        let source = place.from.join("a.war");
        write(&source, "b".repeat(1_000_000));
        // Where a file system's clock is coarse its first and its last change could be at the same time.
        File::open(&source).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        write(place.to.join("a.war"), "old");
        let (stderr, writer) = e2e::launch::pipe().unwrap();
        let mut traced = Traced::start(launch(&[&option, &source, &place.to]).redirected(2, writer));
        let reads = |traced: &Traced, stop: &Stop| {
            let source_is_read = [libc::SYS_read, libc::SYS_copy_file_range].contains(&stop.call.number);
            source_is_read && stop.returned.is_none() && traced.open(stop.call.arguments[0]) == source
        };
        traced.until("it reads", reads);
        change(&source);
        let pid = traced.process.pid;
        assert_eq!(traced.finish(), WaitStatus::Exited(pid, 1), "{option}");
        let said = e2e::pause::read_to_end(stderr);
        assert!(said.contains(expected), "{said}");
        assert_eq!(tree(&place.to).into_values().collect::<Vec<_>>(), [b"old"], "{option}");
    }
}

#[test]
fn a_file_that_grows_is_not_put() {
    let grow = |source: &Path| File::options().append(true).open(source).unwrap().write_all(&vec![0; 500_000]).unwrap();
    changed_while_read(grow, "a.war changed while it was copied\nhint: try again when");
}

#[test]
fn a_file_that_shrinks_is_not_put() {
    changed_while_read(
        |source| File::options().write(true).open(source).unwrap().set_len(1000).unwrap(),
        "changed while",
    );
}

#[test]
fn a_file_that_is_overwritten_is_not_put() {
    changed_while_read(
        |source| File::options().write(true).open(source).unwrap().write_all(b"c").unwrap(),
        "changed while",
    );
}

/// One that is written for as long as it is read ends all the same.
#[test]
fn a_file_that_never_ends_is_given_up() {
    let place = Place::new();
    let source = place.from.join("a.log");
    write(&source, "b".repeat(300_000));
    let mut log = File::options().append(true).open(&source).unwrap();
    let mut traced = Traced::start(launch(&[&source, &place.to]).closed(2));
    let mut read = 0;
    while let Some(stop) = traced.next_stop() {
        if stop.call.number == libc::SYS_read
            && stop.returned.is_none()
            && traced.open(stop.call.arguments[0]) == source
        {
            log.write_all(&vec![b'b'; 300_000]).unwrap();
            read += 1;
            assert!(read < 10, "it reads on and on");
        }
    }
    let pid = traced.process.pid;
    assert_eq!(traced.process.wait(), WaitStatus::Exited(pid, 1));
}

#[test]
fn a_file_that_vanishes_is_told() {
    let place = Place::new();
    let source = place.from.join("site/a");
    write(&source, "a");
    let (stderr, writer) = e2e::launch::pipe().unwrap();
    let mut traced = Traced::start(launch(&[&place.contents(), &place.to]).redirected(2, writer));
    traced.until("its directory is read", |traced, stop| {
        stop.call.number == libc::SYS_mkdirat && traced.string(stop.call.arguments[1]) == Path::new("site")
    });
    fs::remove_file(&source).unwrap();
    // Where the kernel has the directory's names only after that, there is simply one less.
    let status = traced.finish();
    let said = e2e::pause::read_to_end(stderr);
    assert_eq!(status, WaitStatus::Exited(traced.process.pid, 0), "{said}");
    assert_eq!(tree(&place.to), tree(&place.from));
    // A source that is known, and gone when it is opened.
    write(&source, "a");
    let (stderr, writer) = e2e::launch::pipe().unwrap();
    let mut traced = Traced::start(launch(&[&source, &place.to]).redirected(2, writer));
    traced.until("it waits to be put", |_, stop| stop.call.number == libc::SYS_mkdir && stop.returned.is_some());
    fs::remove_file(&source).unwrap();
    assert_eq!(traced.finish(), WaitStatus::Exited(traced.process.pid, 1));
    let said = e2e::pause::read_to_end(stderr);
    assert!(said.contains("site/a vanished while it was copied"), "{said}");
    assert_eq!(crate::run::names(&place.to), ["site"]);
}

#[test]
fn fifos_sockets_and_devices_are_refused() {
    if !e2e::is_root() {
        return;
    }
    let place = Place::new();
    fs::create_dir(place.from.join("site")).unwrap();
    mkfifo(&place.from.join("site/fifo"), Mode::S_IRWXU).unwrap();
    let one = |name: &str| {
        for source in [place.from.join(name), place.from.join("site")] {
            let expected = format!("{} is no file, directory or symbolic link", place.from.join(name).display());
            refuse(launch(&[&source, &place.to]), 1, &[&expected]);
            refuse(cp(&[&"-r", &source, &place.to]), 1, &[&expected]);
            // Also where DEST has one of its name, to compare.
            write(place.to.join(name), "theirs");
            refuse(launch(&[&source, &place.to]), 1, &[&expected]);
            fs::remove_dir_all(place.to.join("site")).unwrap();
        }
        fs::remove_file(place.from.join(name)).unwrap();
    };
    one("site/fifo");
    let _socket = UnixListener::bind(place.from.join("site/socket")).unwrap();
    one("site/socket");
    mknod(&place.from.join("site/null"), SFlag::S_IFCHR, Mode::S_IRWXU, nix::sys::stat::makedev(1, 3)).unwrap();
    one("site/null");
    assert!(tree(&place.to).is_empty());
}
