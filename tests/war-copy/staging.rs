//! Where things wait: under no name that a live Tomcat deploys, cleaned by the next run, which touches nothing else.

use crate::run::{Place, launch, mode, names, put, refuse, tree, write};
use e2e::mounts::Tmpfs;
use e2e::trace::Traced;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Every name that appears in `directory` while `act` does its work; with `>` before what is renamed to there.
fn appearing(directory: &Path, act: impl FnOnce()) -> Vec<String> {
    let inotify = Inotify::init(InitFlags::IN_NONBLOCK).unwrap();
    inotify.add_watch(directory, AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO).unwrap();
    act();
    let mut seen = vec![];
    while let Ok(events) = inotify.read_events() {
        for event in events {
            let how = if event.mask.contains(AddWatchFlags::IN_MOVED_TO) { ">" } else { "" };
            seen.push(format!("{how}{}", event.name.unwrap().to_string_lossy()));
        }
    }
    seen.sort_unstable();
    seen.dedup();
    seen
}

#[test]
fn only_whole_things_appear_and_meta_inf() {
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    write(place.from.join("b/x"), "new");
    write(place.from.join("c/x"), "new");
    write(place.to.join("a.war"), "old");
    write(place.to.join("b/x"), "old");
    let seen = appearing(&place.to, || {
        put(&[&"--manifest", &place.to.join("SHA256SUMS"), &place.contents(), &place.to]);
    });
    // An exchange is no event of the directory's but for the one that was moved.
    assert_eq!(seen, [">SHA256SUMS", ">a.war", ">b", ">c", "SHA256SUMS.new", "meta-inf"]);
    assert_eq!(names(&place.to), ["SHA256SUMS", "a.war", "b", "c"], "nothing is left");
}

#[test]
fn merged_files_appear_whole_where_they_belong() {
    let place = Place::new();
    write(place.from.join("site/a"), "new");
    write(place.from.join("site/below/b"), "new");
    write(place.to.join("site/a"), "old");
    let site = place.to.join("site");
    let seen = appearing(&site, || drop(put(&[&"--merge", &place.contents(), &place.to])));
    assert_eq!(seen, [">a", ">below"]);
}

#[test]
fn it_may_be_elsewhere_on_the_volume() {
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    let waiting = place.to.with_file_name("waiting");
    fs::create_dir(&waiting).unwrap();
    let seen = appearing(&place.to, || drop(put(&[&"--staging", &waiting, &place.contents(), &place.to])));
    assert_eq!(seen, [">a.war"]);
    assert!(names(&waiting).is_empty());
}

#[test]
fn on_another_volume_it_is_refused() {
    if !e2e::is_root() {
        return;
    }
    let (place, memory) = (Place::new(), Tmpfs::new("size=1m"));
    write(place.from.join("a.war"), "new");
    let launch = launch(&[&"--staging", &memory.path(), &place.contents(), &place.to]);
    refuse(launch, 1, &["is not on the volume of DEST, so nothing can be renamed from there"]);
    assert!(names(memory.path()).is_empty() && names(&place.to).is_empty());
}

#[test]
fn nor_can_it_be_in_what_is_replaced() {
    let place = Place::new();
    write(place.from.join("site/a"), "new");
    fs::create_dir_all(place.to.join("site/waiting")).unwrap();
    let waiting = place.to.join("site/waiting");
    refuse(launch(&[&"--staging", &waiting, &place.contents(), &place.to]), 1, &["cannot replace", "use --staging"]);
    assert_eq!(names(&place.to.join("site")), ["waiting"]);
    fs::rename(place.from.join("site"), place.from.join("meta-inf")).unwrap();
    refuse(launch(&[&place.contents(), &place.to]), 1, &["cannot replace", "use --staging"]);
    assert_eq!(names(&place.to), ["site"]);
}

/// A run that was killed while it waited, on this volume.
fn kill_one(place: &Place) {
    let mut traced = Traced::start(launch(&[&place.contents(), &place.to]).closed(2));
    traced.until("a rename", |_, stop| [libc::SYS_rename, libc::SYS_renameat2].contains(&stop.call.number));
    traced.process.signal(Signal::SIGKILL);
    traced.finish();
    assert!(place.to.join("meta-inf/.war-copy-0").is_dir());
}

#[test]
fn a_run_cleans_what_a_killed_one_left_also_with_nothing_to_do() {
    let place = Place::new();
    write(place.from.join("read-only/below/file"), "new");
    for directory in ["read-only/below", "read-only"] {
        fs::set_permissions(place.from.join(directory), std::os::unix::fs::PermissionsExt::from_mode(0o555)).unwrap();
    }
    kill_one(&place);
    put(&[&place.contents(), &place.to]);
    assert_eq!(names(&place.to), ["read-only"]);
    fs::create_dir_all(place.to.join("meta-inf/.war-copy-17/0/x")).unwrap();
    fs::set_permissions(place.to.join("meta-inf"), std::os::unix::fs::PermissionsExt::from_mode(0o1700)).unwrap();
    assert!(put(&[&place.contents(), &place.to]).contains("nothing to do"));
    assert_eq!(names(&place.to), ["read-only"]);
}

#[test]
fn it_cleans_nothing_else() {
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    let foreign = [
        ".war-copy-1-notes/file",
        ".war-copy-/file",
        ".war-copy-x/file",
        "MANIFEST.MF",
        ".hidden/file",
        "maven/pom.xml",
    ];
    for name in foreign {
        write(place.to.join("meta-inf").join(name), "theirs");
    }
    write(place.to.join("meta-inf/.war-copy-3"), "no directory");
    symlink("maven", place.to.join("meta-inf/.war-copy-4")).unwrap();
    let (before, mode_before) = (tree(&place.to.join("meta-inf")), mode(place.to.join("meta-inf")));
    kill_one(&place);
    put(&[&place.contents(), &place.to]);
    assert_eq!(tree(&place.to.join("meta-inf")), before);
    assert_eq!(mode(place.to.join("meta-inf")), mode_before);
}

#[test]
fn an_empty_meta_inf_of_others_stays() {
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    fs::create_dir(place.to.join("meta-inf")).unwrap();
    put(&[&place.contents(), &place.to]);
    assert_eq!(names(&place.to), ["a.war", "meta-inf"]);
}

#[test]
fn what_is_no_directory_is_not_staged_in() {
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    let other = place.to.with_file_name("other");
    fs::create_dir(&other).unwrap();
    symlink(&other, place.to.join("meta-inf")).unwrap();
    refuse(launch(&[&place.contents(), &place.to]), 1, &["meta-inf, which is no directory", "hint: use --staging"]);
    assert!(names(&other).is_empty());
    fs::remove_file(place.to.join("meta-inf")).unwrap();
    write(place.to.join("meta-inf"), "theirs");
    refuse(launch(&[&place.contents(), &place.to]), 1, &["meta-inf, which is no directory", "hint: use --staging"]);
    assert_eq!(tree(&place.to).len(), 1);
}

#[test]
fn of_another_user_it_says_so() {
    if !e2e::is_root() {
        return;
    }
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    fs::create_dir(place.to.join("meta-inf")).unwrap();
    fs::set_permissions(place.to.join("meta-inf"), std::os::unix::fs::PermissionsExt::from_mode(0o1700)).unwrap();
    let launch = launch(&[&place.contents(), &place.to]).as_user(65532, 65532, None);
    refuse(launch, 1, &["cannot read", "meta-inf", "hint: another user may stage there"]);
}
