//! Merging for who may not do everything: into directories that nobody may write, and into those of others.

use crate::attributes::{USER, set_mode};
use crate::run::{Place, cp, launch, mode, names, refuse, succeed, tree, write};
use e2e::command::output;
use std::fs;
use std::path::Path;
use std::process::Command;

fn give_to_user(path: &Path) {
    output(Command::new("chown").arg("--recursive").arg(format!("{USER}:{USER}")).arg(path)).unwrap();
}

/// A site in both, with a directory in it.
fn place(files: u32) -> Place {
    let place = Place::new();
    for (directory, contents) in [(&place.from, "new"), (&place.to, "old")] {
        for number in 0..files {
            write(directory.join(format!("site/f{number}")), contents);
        }
        write(directory.join("site/sub/x"), contents);
    }
    give_to_user(&place.to.join("site"));
    place
}

#[test]
fn directories_that_nobody_may_write() {
    if !e2e::is_root() {
        return;
    }
    for (from_mode, to_mode) in [(0o555, 0o755), (0o755, 0o555), (0o555, 0o555)] {
        for called_cp in [false, true] {
            let place = place(8);
            write(place.from.join("site/sub/only/new"), "new");
            set_mode(place.from.join("site/sub"), from_mode);
            set_mode(place.to.join("site/sub"), to_mode);
            let site = place.from.join("site");
            let run = if called_cp { cp(&[&"-r", &site, &place.to]) } else { launch(&[&"--merge", &site, &place.to]) };
            succeed(run.as_user(USER, USER, None));
            assert_eq!(tree(&place.to), tree(&place.from), "{from_mode:o} into {to_mode:o}");
            assert_eq!(mode(place.to.join("site/sub")), to_mode, "as it was");
        }
    }
}

/// Two sources become one directory that was not there, and the first one has closed it.
#[test]
fn a_directory_that_the_source_before_has_closed() {
    if !e2e::is_root() {
        return;
    }
    let place = Place::new();
    let [one, two] = ["1", "2"].map(|name| place.from.join(name).join("site"));
    for (source, file) in [(&one, "one"), (&two, "two")] {
        write(source.join(file), "new");
        set_mode(source, 0o555);
    }
    succeed(launch(&[&"--merge", &one, &two, &place.to]).as_user(USER, USER, None));
    assert_eq!(names(&place.to.join("site")), ["one", "two"]);
    assert_eq!(mode(place.to.join("site")), 0o555);
}

#[test]
fn where_it_fails_halfway_it_says_so() {
    if !e2e::is_root() {
        return;
    }
    let place = place(40);
    write(place.from.join("a.war"), "new");
    std::os::unix::fs::chown(place.to.join("site/sub"), Some(0), Some(0)).unwrap();
    let launch = || launch(&[&"--merge", &place.contents(), &place.to]).as_user(USER, USER, None);
    let site = place.to.join("site");
    let words = ["sub/x: Permission denied", "1 of 2 are in place", "hint: ", "fsGroup"];
    let said = refuse(launch(), 1, &words);
    // Which of them come first is the file system's choice.
    let new = (0..40).filter(|number| fs::read(site.join(format!("f{number}"))).unwrap() == b"new").count();
    let part = format!("and a part of {}", site.display());
    assert_eq!(said.contains(&part), new > 0, "{new} are new: {said}");
    assert_eq!(fs::read(site.join("sub/x")).unwrap(), b"old");
    // With nothing left but what cannot be put, nothing is changed.
    for number in 0..40 {
        write(site.join(format!("f{number}")), "new");
    }
    let said = refuse(launch(), 1, &["0 of 1 are in place; the rest is as it was"]);
    assert!(!said.contains("a part of"), "{said}");
}
