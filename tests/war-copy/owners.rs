//! Owners of what is there already: a part of what is right, for who may give files away.

use crate::attributes::{USER, owner, set_mode};
use crate::run::{Place, cp, launch, put, succeed, write};
use e2e::launch::Launch;
use std::os::unix::fs::{chown, lchown, symlink};

const NAMES: [&str; 4] = ["site/page", "site/link", "site/below", "site"];

fn place() -> Place {
    let place = Place::new();
    write(place.from.join("site/page"), "page");
    write(place.from.join("site/below/page"), "page");
    symlink("page", place.from.join("site/link")).unwrap();
    for name in NAMES {
        lchown(place.from.join(name), Some(1000), Some(1001)).unwrap();
    }
    place
}

/// Whatever has lost its owner gets it back, and nothing else makes a run do anything.
fn expect_given_back(place: &Place, names: &[&str], run: impl Fn() -> Launch) {
    succeed(run());
    for name in names {
        let path = place.to.join(name);
        for (uid, gid) in [(Some(0), None), (None, Some(0)), (Some(0), Some(0))] {
            lchown(&path, uid, gid).unwrap();
            succeed(run());
            assert_eq!(owner(&path), (1000, 1001), "{name}");
            let said = succeed(run());
            assert!(said.contains("nothing to do"), "{name}: {said}");
        }
    }
}

#[test]
fn preserved_they_are_given_back() {
    if !e2e::is_root() {
        return;
    }
    let place = place();
    expect_given_back(&place, &NAMES, || launch(&[&"--preserve", &place.contents(), &place.to]));
    expect_given_back(&place, &NAMES, || launch(&[&"--preserve", &"--merge", &place.contents(), &place.to]));
    expect_given_back(&place, &NAMES, || cp(&[&"-a", &place.contents(), &place.to]));
}

#[test]
fn asked_for_they_are_given_also_to_directories_whose_files_have_them() {
    if !e2e::is_root() {
        return;
    }
    let place = place();
    let names = [&NAMES[..], &["site/below/page"]].concat();
    let option = "--chown=1000:1001";
    expect_given_back(&place, &names, || launch(&[&option, &place.contents(), &place.to]));
    expect_given_back(&place, &names, || launch(&[&option, &"--merge", &place.contents(), &place.to]));
}

/// The group of a directory is handed down, but not to what has a group of its own.
#[test]
fn in_a_directory_of_a_group_too() {
    if !e2e::is_root() {
        return;
    }
    for options in [["--preserve", "--merge"], ["--chown=1000:1001", "--merge"]] {
        let place = place();
        chown(&place.to, Some(0), Some(2000)).unwrap();
        set_mode(&place.to, 0o2775);
        expect_given_back(&place, &NAMES, || launch(&[&options[0], &options[1], &place.contents(), &place.to]));
    }
}

/// Who may not give files away is not to do it all again each time.
#[test]
fn who_may_not_has_nothing_to_do() {
    if !e2e::is_root() {
        return;
    }
    for option in ["--verbose", "--merge"] {
        for user in [true, false] {
            let place = place();
            let run = || {
                let launch = launch(&[&option, &"--preserve", &place.contents(), &place.to]);
                if user { launch.as_user(USER, USER, None) } else { launch.with_capabilities(&[]) }
            };
            succeed(run());
            let said = succeed(run());
            assert!(said.contains("nothing to do"), "{option}: {said}");
        }
    }
}

/// As real `cp -a`, but without an error: a directory that belongs to somebody else keeps its mode and time.
#[test]
fn a_directory_of_others_is_merged_into_as_it_is() {
    if !e2e::is_root() {
        return;
    }
    let place = place();
    std::fs::create_dir(place.to.join("site")).unwrap();
    chown(place.to.join("site"), Some(7), Some(USER)).unwrap();
    set_mode(place.to.join("site"), 0o775);
    let run = || succeed(cp(&[&"-a", &place.contents(), &place.to]).as_user(USER, USER, None));
    run();
    assert_eq!(owner(place.to.join("site")), (7, USER));
    assert!(run().contains("nothing to do"));
}

/// Their mode and time are kept as those of files are.
#[test]
fn directories_that_are_merged_into_get_modes_and_times() {
    let place = Place::new();
    write(place.from.join("site/page"), "page");
    set_mode(place.from.join("site"), 0o751);
    write(place.to.join("site/theirs"), "theirs");
    let modified = |path: &std::path::Path| std::fs::metadata(path).unwrap().modified().unwrap();
    put(&[&"-a", &"--merge", &place.contents(), &place.to]);
    assert_eq!(crate::run::mode(place.to.join("site")), 0o751);
    assert_eq!(modified(&place.to.join("site")), modified(&place.from.join("site")));
    assert!(put(&[&"-a", &"--merge", &place.contents(), &place.to]).contains("nothing to do"));
    // Not asked for, they stay.
    set_mode(place.to.join("site"), 0o700);
    put(&[&"--merge", &place.contents(), &place.to]);
    assert_eq!(crate::run::mode(place.to.join("site")), 0o700);
}

/// Of two sources with one directory it has what the later one says, in every run.
#[test]
fn a_directory_of_two_sources_is_like_the_later_one() {
    let place = Place::new();
    let [one, two] = ["1", "2"].map(|name| place.from.join(name).join("site"));
    for (source, mode) in [(&one, 0o755), (&two, 0o751)] {
        write(source.join("below").join(mode.to_string()), "page");
        set_mode(source.join("below"), mode);
        set_mode(source, mode);
    }
    for (sources, mode) in [([&one, &two], 0o751), ([&two, &one], 0o755)] {
        for run in ["put", "right already"] {
            let said = put(&[&"-a", &"--merge", sources[0], sources[1], &place.to]);
            assert_eq!(said.contains("nothing to do"), run == "right already", "{said}");
            for name in ["site", "site/below"] {
                assert_eq!(crate::run::mode(place.to.join(name)), mode, "{name}, {run}");
            }
        }
    }
}
