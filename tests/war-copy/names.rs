//! Names of all kinds, and trees of all shapes.

use crate::run::{Place, launch, put, refuse, run, tree, write};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

#[test]
fn whatever_a_name_may_be() {
    let place = Place::new();
    let long = "n".repeat(255);
    for name in
        [&b"\xff\xfe.war"[..], b"new\nline", b" ", b"-rf", b"--", b"a=b", b"\\", b"'\"", long.as_bytes(), b".hidden"]
    {
        write(place.from.join(OsStr::from_bytes(name)), name);
        write(place.from.join("below").join(OsStr::from_bytes(name)).join("deep"), name);
    }
    put(&[&place.contents(), &place.to]);
    assert_eq!(tree(&place.to), tree(&place.from));
    put(&[&"--merge", &"--", &place.contents(), &place.to]);
    let odd = place.from.join(OsStr::from_bytes(b"\xff\xfe.war"));
    put(&[&odd, &place.to.join(OsStr::from_bytes(b"\xfe"))]);
    assert!(place.to.join(OsStr::from_bytes(b"\xfe")).exists());
}

#[test]
fn empty_files_and_directories() {
    let place = Place::new();
    write(place.from.join("empty"), "");
    fs::create_dir_all(place.from.join("nothing/at/all")).unwrap();
    put(&[&place.contents(), &place.to]);
    assert_eq!(tree(&place.to), tree(&place.from));
    let nothing = place.from.with_file_name("nothing");
    fs::create_dir(&nothing).unwrap();
    let contents = PathBuf::from(format!("{}/.", nothing.display()));
    assert!(put(&[&contents, &place.to]).contains("0 files put"));
}

#[test]
fn deep_nesting_has_an_end_that_is_told() {
    let place = Place::new();
    let at = |depth: usize| place.from.join("d/".repeat(depth));
    write(at(256).join("file"), "deep");
    put(&[&place.from.join("d"), &place.to]);
    assert_eq!(tree(&place.to), tree(&place.from));
    fs::create_dir(at(257)).unwrap();
    for options in ["--merge", "--no-sync"] {
        refuse(launch(&[&options, &place.from.join("d"), &place.to]), 1, &["nested deeper than 256"]);
    }
    // Paths that are longer than the kernel takes at once.
    let long = Place::new();
    let name = "n".repeat(200);
    let mut path = long.from.clone();
    for _ in 0..18 {
        path.push(&name);
    }
    write(path.join("file"), "far");
    let ended = run(launch(&[&long.contents(), &long.to]));
    assert!(ended.code == 0 || ended.stderr.contains("File name too long"), "{}", ended.stderr);
    assert!(tree(&long.to).is_empty() || tree(&long.to) == tree(&long.from));
}

#[test]
fn two_of_one_name_are_refused() {
    let place = Place::new();
    write(place.from.join("one/a.war"), "one");
    write(place.from.join("other/a.war"), "other");
    let sources = ["one/a.war", "other/a.war"].map(|name| place.from.join(name));
    refuse(launch(&[&sources[0], &sources[1], &place.to]), 1, &["other/a.war is not the only one to become"]);
    assert!(tree(&place.to).is_empty());
}

#[test]
fn a_directory_into_itself_is_refused() {
    let place = Place::new();
    write(place.from.join("below/x"), "x");
    for (source, to) in [("", "below"), ("", ""), ("below", "below"), ("below/../below", "below")] {
        let before = tree(&place.from);
        refuse(launch(&[&place.from.join(source), &place.from.join(to)]), 1, &["into itself"]);
        assert_eq!(tree(&place.from), before);
    }
    // Onto itself all is right already.
    assert!(put(&[&place.contents(), &place.from]).contains("nothing to do"));
}

#[test]
fn kinds_do_not_replace_each_other() {
    let place = Place::new();
    write(place.from.join("a/x"), "directory");
    write(place.from.join("b"), "file");
    write(place.to.join("a"), "file");
    write(place.to.join("b/x"), "directory");
    let before = tree(&place.to);
    for options in ["--merge", "--no-sync"] {
        refuse(launch(&[&options, &place.from.join("a"), &place.to]), 1, &["no directory, by", "which is one"]);
        refuse(launch(&[&options, &place.from.join("b"), &place.to]), 1, &["a directory, by", "which is none"]);
    }
    // And below, where they are merged.
    write(place.from.join("c/a/x"), "directory");
    write(place.to.join("c/a"), "file");
    refuse(launch(&[&"--merge", &place.from.join("c"), &place.to]), 1, &["cannot replace"]);
    fs::remove_dir_all(place.to.join("c")).unwrap();
    assert_eq!(tree(&place.to), before);
}
