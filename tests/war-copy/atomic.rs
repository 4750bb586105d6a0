//! A reader sees each entry of DEST old or new and whole, whenever it looks.

use crate::run::{Place, launch, put, succeed, tree, write};
use nix::errno::Errno;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

const VERSIONS: [u8; 2] = *b"AB";
const RUNS: usize = 30;
/// Longer than what one read or write takes
const SIZE: usize = 600_000;

/// What readers have seen of each version.
#[derive(Default)]
struct Seen([AtomicUsize; 2]);

impl Seen {
    /// Notes bytes that must all be of one version.
    fn whole(&self, bytes: &[u8]) -> u8 {
        assert_eq!(bytes.len(), SIZE, "a part of a file");
        assert!(bytes.iter().all(|byte| *byte == bytes[0]), "a file of two versions");
        self.0[usize::from(bytes[0] - VERSIONS[0])].fetch_add(1, Ordering::Relaxed);
        bytes[0]
    }
}

/// Puts the two versions of `from` in turn, while two readers look again and again.
fn while_read(place: &Place, options: &[&str], look: impl Fn(&Seen) + Sync) {
    let (done, seen) = (AtomicBool::new(false), Seen::default());
    let put_version = |version: u8| {
        let from = PathBuf::from(format!("{}/{}/.", place.from.display(), version as char));
        let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![];
        arguments.extend(options.iter().map(|option| option as &dyn AsRef<std::ffi::OsStr>));
        arguments.extend([&from as &dyn AsRef<std::ffi::OsStr>, &place.to]);
        put(&arguments);
    };
    put_version(VERSIONS[0]);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    look(&seen);
                }
            });
        }
        for run in 1..=RUNS {
            put_version(VERSIONS[run % 2]);
        }
        done.store(true, Ordering::Relaxed);
    });
    for (version, times) in VERSIONS.iter().zip(seen.0) {
        assert!(times.into_inner() > 0, "no reader has seen version {}", *version as char);
    }
}

#[test]
fn files() {
    let place = Place::new();
    for version in VERSIONS {
        write(place.from.join((version as char).to_string()).join("sample.war"), vec![version; SIZE]);
    }
    while_read(&place, &["--no-sync"], |seen| {
        seen.whole(&fs::read(place.to.join("sample.war")).expect("always there"));
    });
}

/// Of each version a file of its own, and three of the same names, two of them below.
fn trees(place: &Place) {
    for version in VERSIONS {
        let sample = place.from.join((version as char).to_string()).join("sample");
        for name in ["first", "below/second", "below/third"] {
            write(sample.join(name), vec![version; SIZE]);
        }
        write(sample.join(format!("only-{}", version as char)), "");
    }
}

#[test]
fn directories() {
    let place = Place::new();
    trees(&place);
    while_read(&place, &["--no-sync"], |seen| {
        let sample = place.to.join("sample");
        let opened = File::open(&sample).expect("always there");
        let through = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd()));
        let versions = ["first", "below/second", "below/third"].map(|name| read(&through.join(name)));
        let only = VERSIONS.map(|version| through.join(format!("only-{}", version as char)).exists());
        // An old one is removed once it is no longer there; as long as it is, all of it must be.
        if fs::metadata(&sample).expect("always there").ino() == opened.metadata().unwrap().ino() {
            let versions = versions.map(|bytes| seen.whole(&bytes.expect("whole")));
            assert!(versions.iter().all(|version| *version == versions[0]), "a directory of two versions");
            assert_eq!(only, VERSIONS.map(|version| version == versions[0]), "what only one version has");
        }
    });
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = vec![];
    File::open(path).ok()?.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[test]
fn merged_files() {
    let place = Place::new();
    trees(&place);
    write(place.to.join("sample/foreign"), "theirs");
    while_read(&place, &["--no-sync", "--merge"], |seen| {
        for name in ["first", "below/second", "below/third"] {
            seen.whole(&fs::read(place.to.join("sample").join(name)).expect("always there"));
        }
        assert_eq!(fs::read(place.to.join("sample/foreign")).expect("nobody's to touch"), b"theirs");
    });
}

/// As on NFS. A plain rename does not take the place of a directory with something in it.
#[test]
fn where_directories_cannot_be_exchanged() {
    let place = Place::new();
    trees(&place);
    let [first, second] = VERSIONS.map(|version| place.from.join((version as char).to_string()).join("sample"));
    put(&[&first, &place.to]);
    for errno in [Errno::EINVAL, Errno::ENOSYS] {
        let said = succeed(launch(&[&second, &place.to]).refused(libc::SYS_renameat2, errno));
        assert!(said.contains("cannot exchange directories"), "{said}");
        assert_eq!(tree(&place.to.join("sample")), tree(&second));
        assert_eq!(tree(&place.to).len(), tree(&second).len() + 1, "nothing else is left behind");
        put(&[&first, &place.to]);
    }
}
