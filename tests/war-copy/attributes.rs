//! Modes, the umask, owners, times, and volumes of a group.

use crate::run::{Place, clear, launch, mode, put, refuse, succeed, write};
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::time::{Duration, SystemTime};

pub const USER: u32 = 65532;
const GROUP: u32 = 2000;
const CAP_CHOWN: libc::c_int = 0;
const CAP_DAC_OVERRIDE: libc::c_int = 1;

pub fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

pub fn owner(path: impl AsRef<Path>) -> (u32, u32) {
    let found = fs::symlink_metadata(path).unwrap();
    (found.uid(), found.gid())
}

fn place() -> Place {
    let place = Place::new();
    write(place.from.join("run.sh"), "#!/bin/sh");
    write(place.from.join("site/page"), "page");
    set_mode(place.from.join("run.sh"), 0o775);
    set_mode(place.from.join("site/page"), 0o644);
    set_mode(place.from.join("site"), 0o775);
    place
}

#[test]
fn the_source_and_the_umask_make_the_mode() {
    let place = place();
    set_mode(place.from.join("run.sh"), 0o4775);
    for (umask, run, site, page) in
        [(0o022, 0o755, 0o755, 0o644), (0o077, 0o700, 0o700, 0o600), (0, 0o775, 0o775, 0o644)]
    {
        clear(&place.to);
        succeed(launch(&[&place.contents(), &place.to]).with_umask(umask));
        let modes = ["run.sh", "site", "site/page"].map(|name| mode(place.to.join(name)));
        assert_eq!(modes, [run, site, page], "umask {umask:o}");
    }
}

#[test]
fn times_are_now_unless_preserved() {
    let place = place();
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_234_567_890, 987_654_321);
    let names = ["run.sh", "site/page", "site"];
    for name in names {
        File::open(place.from.join(name)).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    }
    let modified = |name: &str| fs::metadata(place.to.join(name)).unwrap().modified().unwrap();
    let before = SystemTime::now() - Duration::from_secs(1); // file systems have a coarser clock
    put(&[&place.contents(), &place.to]);
    assert!(names.iter().all(|name| modified(name) > before));
    for option in ["-a", "-p", "--preserve"] {
        fs::remove_dir_all(place.to.join("site")).unwrap();
        succeed(launch(&[&option, &place.contents(), &place.to]).with_umask(0o077));
        assert!(names.iter().all(|name| modified(name) == time), "{option}");
        let modes = names.map(|name| mode(place.to.join(name)));
        assert_eq!(modes, [0o775, 0o644, 0o775], "{option}");
    }
}

#[test]
fn who_may_keeps_owners() {
    if !e2e::is_root() {
        return;
    }
    let place = place();
    set_mode(place.from.join("run.sh"), 0o6755);
    for name in ["run.sh", "site/page", "site"] {
        chown(place.from.join(name), Some(1000), Some(1001)).unwrap();
    }
    set_mode(place.from.join("run.sh"), 0o6755);
    succeed(launch(&[&"-p", &place.contents(), &place.to]));
    assert_eq!((owner(place.to.join("run.sh")), mode(place.to.join("run.sh"))), ((1000, 1001), 0o6755));
    assert_eq!(owner(place.to.join("site")), (1000, 1001));
    // Who may not owns them, without the bits that make others act as the owner.
    clear(&place.to);
    succeed(launch(&[&"-p", &place.contents(), &place.to]).as_user(USER, USER, None));
    assert_eq!((owner(place.to.join("run.sh")), mode(place.to.join("run.sh"))), ((USER, USER), 0o755));
}

#[test]
fn chown_gives_all_of_it() {
    if !e2e::is_root() {
        return;
    }
    for (option, expected) in [("1000:1001", (1000, 1001)), ("1000", (1000, 0)), (":1001", (0, 1001))] {
        let place = place();
        std::os::unix::fs::symlink("page", place.from.join("site/link")).unwrap();
        let run = || put(&[&"--chown", &option, &place.contents(), &place.to]);
        run();
        for name in ["run.sh", "site", "site/page", "site/link"] {
            assert_eq!(owner(place.to.join(name)), expected, "{name}");
        }
        assert!(run().contains("nothing to do"));
        chown(place.to.join("run.sh"), Some(7), Some(7)).unwrap();
        assert!(run().contains("1 file put"), "an owner is part of what is right");
    }
}

#[test]
fn chown_names_the_capability_it_lacks() {
    if !e2e::is_root() {
        return;
    }
    let place = place();
    let option = "--chown=1000:1000";
    let run = |kept| launch(&[&option, &place.contents(), &place.to]).with_capabilities(kept);
    refuse(run(&[]), 1, &["cannot give it to another owner", "hint: --chown needs the capability CHOWN"]);
    let as_user = launch(&[&option, &place.contents(), &place.to]).as_user(USER, USER, None);
    refuse(as_user, 1, &["hint: --chown needs the capability CHOWN"]);
    assert!(crate::run::names(&place.to).is_empty());
    // Files take no other; a directory that is another user's takes one more to be moved.
    succeed(launch(&[&option, &place.from.join("run.sh"), &place.to]).with_capabilities(&[CAP_CHOWN]));
    refuse(run(&[CAP_CHOWN]), 1, &["cannot replace", "capability DAC_OVERRIDE"]);
    succeed(run(&[CAP_CHOWN, CAP_DAC_OVERRIDE]));
    assert_eq!(owner(place.to.join("site/page")), (1000, 1000));
    let preserved = launch(&[&option, &"-p", &place.from.join("run.sh"), &place.to.join("kept")]);
    succeed(preserved.with_capabilities(&[CAP_CHOWN]));
    assert_eq!((owner(place.to.join("kept")), mode(place.to.join("kept"))), ((1000, 1000), 0o775));
}

/// As kubelet sets up a volume for `fsGroup`: of that group, writable for it, and with the bit that hands it down.
fn group_volume(place: &Place) {
    chown(&place.to, Some(0), Some(GROUP)).unwrap();
    set_mode(&place.to, 0o2775);
}

#[test]
fn a_volume_with_fs_group_hands_its_group_down() {
    if !e2e::is_root() {
        return;
    }
    for preserve in [false, true] {
        let place = place();
        group_volume(&place);
        let options = if preserve { "--preserve" } else { "--merge" };
        succeed(launch(&[&options, &place.contents(), &place.to]).as_user(USER, USER, Some(GROUP)));
        for name in ["run.sh", "site", "site/page"] {
            assert_eq!(owner(place.to.join(name)), (USER, GROUP), "{name}, preserved: {preserve}");
        }
        assert_eq!(mode(place.to.join("site")) & 0o2000, 0o2000, "also to what will be made in it");
    }
}

#[test]
fn from_elsewhere_on_the_volume_it_gets_the_group_too() {
    if !e2e::is_root() {
        return;
    }
    let place = place();
    group_volume(&place);
    let waiting = place.to.with_file_name("waiting");
    fs::create_dir(&waiting).unwrap();
    set_mode(&waiting, 0o777);
    let launch = launch(&[&"--staging", &waiting, &place.contents(), &place.to]);
    succeed(launch.as_user(USER, USER, Some(GROUP)));
    assert_eq!(owner(place.to.join("site/page")), (USER, GROUP));
    // Below, each directory may have a group of its own.
    let other = place.to.join("site");
    chown(&other, None, Some(USER)).unwrap();
    set_mode(&other, 0o2775);
    write(place.from.join("site/new/deep"), "new");
    let merged = crate::run::launch(&[&"--merge", &place.contents(), &place.to]);
    succeed(merged.as_user(USER, USER, Some(GROUP)));
    assert_eq!(owner(place.to.join("site/new/deep")), (USER, USER));
}

/// The group of a directory is handed down to everybody, also to who is not in it.
#[test]
fn a_directory_of_a_group_one_is_not_in() {
    if !e2e::is_root() {
        return;
    }
    let place = place();
    group_volume(&place);
    set_mode(&place.to, 0o2777);
    succeed(launch(&[&place.contents(), &place.to]).as_user(USER, USER, None));
    for name in ["run.sh", "site", "site/page"] {
        assert_eq!(owner(place.to.join(name)), (USER, GROUP), "{name}");
    }
}

#[test]
fn directories_that_nobody_may_write() {
    if !e2e::is_root() {
        return;
    }
    let place = place();
    write(place.from.join("site/below/deep"), "new");
    for name in ["site/below", "site"] {
        set_mode(place.from.join(name), 0o555);
    }
    let run = || launch(&[&place.contents(), &place.to]).as_user(USER, USER, None);
    succeed(run());
    let modes = || ["site", "site/below"].map(|name| mode(place.to.join(name)));
    assert_eq!(modes(), [0o555, 0o555]);
    // Again, when one that nobody may write is replaced.
    set_mode(place.from.join("site/below"), 0o755);
    write(place.from.join("site/below/deep"), "newer");
    set_mode(place.from.join("site/below"), 0o555);
    succeed(run());
    assert_eq!(modes(), [0o555, 0o555]);
    assert_eq!(fs::read(place.to.join("site/below/deep")).unwrap(), b"newer");
    assert_eq!(crate::run::names(&place.to), ["run.sh", "site"]);
}

#[test]
fn a_source_that_may_not_be_read_says_what_to_do() {
    if !e2e::is_root() {
        return;
    }
    let place = place();
    set_mode(place.from.join("run.sh"), 0o600);
    let launch = launch(&[&place.from.join("run.sh"), &place.to]).as_user(USER, USER, None);
    refuse(launch, 1, &["run.sh: permission denied", "COPY --chmod=644"]);
}
