//! What is there already: left alone when it is right, replaced as a whole when not.

use crate::craft::{archive, deflated, directory, stored};
use crate::tree::{Tree, identities};
use crate::{Place, run, tool};
use e2e::launch::{Launch, pipe};
use e2e::pause::read_to_end;
use nix::sys::ptrace;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

fn version(number: u32) -> Vec<u8> {
    let contents = format!("version {number}\n").repeat(1000);
    let file = |name: &str| deflated(name, contents.as_bytes());
    archive([file("index.html"), directory("WEB-INF/"), file("WEB-INF/web.xml"), file("WEB-INF/classes/A.class")])
}

#[test]
fn a_second_run_has_nothing_to_do() {
    let place = Place::with(&version(1));
    let tree = place.unpacked();
    let (identity, inode) = (identities(&place.webapps()), fs::metadata(place.sample()).unwrap().ino());
    let answer = place.explode(&[]);
    let expected = format!("war-copy: nothing to do: 3 files are in {} right already, ", place.webapps().display());
    assert!(answer.code == 0 && answer.stderr.starts_with(&expected), "{}", answer.stderr);
    assert_eq!(Tree::of(&place.sample()), tree);
    assert_eq!(identities(&place.webapps()), identity);
    assert_eq!(fs::metadata(place.sample()).unwrap().ino(), inode);
}

/// What was done to what had been unpacked.
const CHANGES: &[(&str, &str)] = &[
    ("a file changed", "printf X | dd of=index.html conv=notrunc status=none"),
    ("a file cut short", "truncate -s 9 WEB-INF/web.xml"),
    ("a file missing", "rm WEB-INF/web.xml"),
    ("a file more", "touch WEB-INF/classes/B.class"),
    ("a directory more", "mkdir WEB-INF/lib"),
    ("a directory missing", "rm -r WEB-INF/classes"),
    ("another name", "mv WEB-INF/web.xml WEB-INF/web.yml"),
    ("a directory for a file", "rm index.html && mkdir index.html"),
    ("a file for a directory", "rm -r WEB-INF && touch WEB-INF && touch x y"),
    ("a link for a file", "mv index.html ../index.html && ln -s ../index.html index.html"),
    ("a link for a directory", "mv WEB-INF/classes .. && ln -s ../../classes WEB-INF/classes"),
];

#[test]
fn whatever_is_not_as_it_should_be_has_it_replaced_as_a_whole() {
    for (case, change) in CHANGES {
        let place = Place::with(&version(1));
        let tree = place.unpacked();
        tool("sh", ["-c", change], &place.sample());
        let inode = fs::metadata(place.sample()).unwrap().ino();
        let answer = place.explode(&[]);
        assert_eq!(answer.code, 0, "{case}: {}", answer.stderr);
        assert_eq!(Tree::of(&place.sample()), tree, "{case}");
        assert_ne!(fs::metadata(place.sample()).unwrap().ino(), inode, "{case}");
    }
}

#[test]
fn merge_keeps_what_else_is_there() {
    let place = Place::with(&version(1));
    place.unpacked();
    fs::write(place.sample().join("upload.jpg"), "mine").unwrap();
    let inode = |path: &str| fs::metadata(place.sample().join(path)).unwrap().ino();
    let (root, unchanged) = (inode(""), inode("WEB-INF/web.xml"));
    fs::write(place.sample().join("index.html"), "changed").unwrap();
    let answer = place.explode(&["--merge"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!((inode(""), inode("WEB-INF/web.xml")), (root, unchanged));
    assert_eq!(fs::read(place.sample().join("upload.jpg")).unwrap(), b"mine");
    assert!(fs::read(place.sample().join("index.html")).unwrap().starts_with(b"version 1"));
    let answer = place.explode(&["--merge"]);
    assert!(answer.stderr.starts_with("war-copy: nothing to do"), "{}", answer.stderr);
}

#[test]
fn merge_does_not_follow_links_that_lead_elsewhere() {
    let place = Place::with(&version(1));
    place.unpacked();
    fs::create_dir(place.path("elsewhere")).unwrap();
    tool("sh", ["-c", "rm -r WEB-INF && ln -s ../../elsewhere WEB-INF"], &place.sample());
    let answer = place.explode(&["--merge"]);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    assert_eq!(Tree::of(&place.path("elsewhere")), Tree::default());
}

#[test]
fn two_archives_merged_into_one_directory() {
    let place = Place::with(&archive([stored("a", b"a")]));
    let other = place.path("sample.zip");
    fs::write(&other, archive([stored("b", b"b")])).unwrap();
    let answer = place.explode(&["--merge", other.to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(Tree::of(&place.sample()).contents(), [("a", Some(&b"a"[..])), ("b", Some(b"b"))].into());
}

#[test]
fn of_two_archives_with_a_file_of_one_name_the_later_one_counts() {
    let later = archive([stored("a", b"later")]);
    let place = Place::with(&later);
    let other = place.path("sample.zip");
    fs::write(&other, archive([stored("a", b"a"), stored("b", b"b")])).unwrap();
    // What is expected of an archive is expected of all of it.
    tool("sh", ["-c", "sha256sum sample.war sample.zip > SHA256SUMS"], place.root.path());
    let manifest = place.path("manifest");
    for run in ["put", "right already"] {
        let answer = place.explode(&["--merge", "--manifest", manifest.to_str().unwrap(), other.to_str().unwrap()]);
        assert!(answer.code == 0 && answer.stderr.contains(run), "{}", answer.stderr);
        assert!(answer.stderr.contains("SHA-256 of 2 checked"), "{}", answer.stderr);
        assert_eq!(Tree::of(&place.sample()).contents(), [("a", Some(&b"later"[..])), ("b", Some(b"b"))].into());
        assert_eq!(fs::read_to_string(&manifest).unwrap().lines().count(), 2, "{run}");
        tool("sha256sum", ["--check", "--strict", "--quiet", "../manifest"], &place.webapps());
    }
}

#[test]
fn the_digest_of_the_archive_is_checked() {
    let place = Place::with(&version(1));
    tool("sh", ["-c", "sha256sum sample.war > SHA256SUMS"], place.root.path());
    let answer = place.explode(&[]);
    assert!(answer.code == 0 && answer.stderr.contains("SHA-256 of 1 checked"), "{}", answer.stderr);
    place.write(&version(2));
    let answer = place.explode(&[]);
    assert_eq!(answer.code, 1);
    assert!(answer.stderr.contains("sample.war is damaged, or not the one that was meant"), "{}", answer.stderr);
    assert!(fs::read(place.sample().join("index.html")).unwrap().starts_with(b"version 1"));
}

#[test]
fn an_archive_that_is_written_while_it_is_unpacked() {
    let place = Place::with(&version(1));
    File::options().write(true).open(place.archive()).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let (messages, stderr) = pipe().unwrap();
    let mut launch = Launch::new(&e2e::program("war-copy")).arg("--explode").redirected(2, stderr).traced();
    for path in [place.archive(), place.webapps()] {
        launch = launch.arg(path.as_os_str().as_bytes());
    }
    let mut process = launch.spawn().unwrap();
    let makes_directory = |pid: Pid| {
        let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap();
        call.split(' ').next() == Some(&libc::SYS_mkdirat.to_string())
    };
    // By then it has been looked at, and nothing of it has been read.
    loop {
        assert!(matches!(waitpid(process.pid, None).unwrap(), WaitStatus::Stopped(..)));
        if makes_directory(process.pid) {
            break;
        }
        ptrace::syscall(process.pid, None).unwrap();
    }
    place.write(&version(1));
    ptrace::detach(process.pid, None).unwrap();
    assert_eq!(process.wait(), WaitStatus::Exited(process.pid, 1));
    let said = read_to_end(messages);
    assert!(said.contains("sample.war changed while it was copied"), "{said}");
    assert_eq!(Tree::of(&place.webapps()), Tree::default());
}

#[test]
fn the_manifest_can_be_checked() {
    let place = Place::with(&version(1));
    let manifest = place.path("manifest");
    for _ in ["put", "right already"] {
        let answer = place.explode(&["--manifest", manifest.to_str().unwrap()]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert_eq!(fs::read_to_string(&manifest).unwrap().lines().count(), 3);
        tool("sha256sum", ["--check", "--strict", "--quiet", "../manifest"], &place.webapps());
        fs::remove_file(&manifest).unwrap();
    }
}

#[test]
fn names_of_what_becomes_of_archives() {
    for (archive_name, becomes) in [("ROOT.war", "ROOT"), ("a#b.WAR", "a#b"), ("x.y.jar", "x.y"), ("a.tar", "a.tar")] {
        let place = Place::new();
        let path = place.path(archive_name);
        fs::write(&path, version(1)).unwrap();
        let mut command = Command::new(e2e::program("war-copy"));
        let answer = run(command.args(["--explode", "--no-sync"]).arg(&path).arg(place.webapps()));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(place.webapps().join(becomes).exists(), "{becomes}");
    }
    let place = Place::new();
    let path = place.path("..war");
    fs::write(&path, version(1)).unwrap();
    let answer = run(Command::new(e2e::program("war-copy")).arg("--explode").arg(&path).arg(place.webapps()));
    assert_eq!(answer.code, 1);
    assert!(answer.stderr.contains("has no name but its extension"), "{}", answer.stderr);
}

#[test]
fn a_reader_sees_one_version_or_the_other() {
    const CHANGES: u32 = 100;
    let place = Place::with(&version(0));
    place.unpacked();
    let whole = [0, 1].map(|number| format!("version {number}\n").repeat(1000).into_bytes());
    let (done, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    let sample = place.sample();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = [0_u32; 2];
            while !done.load(Ordering::Acquire) {
                for path in ["index.html", "WEB-INF/web.xml", "WEB-INF/classes/A.class"] {
                    let found = fs::read(sample.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
                    let version = whole.iter().position(|whole| *whole == found);
                    seen[version.expect("one whole version")] += 1;
                    reads.fetch_add(1, Ordering::Release);
                }
            }
            seen
        });
        for number in 1..=CHANGES {
            // So that something is read between any two changes.
            let read = reads.load(Ordering::Acquire);
            while reads.load(Ordering::Acquire) < read + 3 && !reader.is_finished() {
                std::thread::yield_now();
            }
            place.write(&version(number % 2));
            let answer = place.explode(&[]);
            assert_eq!(answer.code, 0, "{}", answer.stderr);
        }
        done.store(true, Ordering::Release);
        let seen = reader.join().unwrap();
        assert!(seen.iter().all(|times| *times > 0), "{seen:?}");
    });
}
