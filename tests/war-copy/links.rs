//! Symbolic links: kept as they are, or followed.

use crate::run::{Place, launch, put, refuse, tree, write};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

fn place() -> Place {
    let place = Place::new();
    write(place.from.join("site/file"), "file");
    for (to, name) in
        [("file", "relative"), ("missing", "broken"), ("below", "directory"), ("/etc/hostname", "absolute")]
    {
        symlink(to, place.from.join("site").join(name)).unwrap();
    }
    write(place.from.join("site/below/x"), "x");
    place
}

#[test]
fn below_a_source_they_are_kept() {
    let place = place();
    put(&[&place.contents(), &place.to]);
    assert_eq!(tree(&place.to), tree(&place.from));
    fs::remove_file(place.from.join("site/relative")).unwrap();
    symlink("below/x", place.from.join("site/relative")).unwrap();
    put(&[&"--merge", &place.contents(), &place.to]);
    assert_eq!(tree(&place.to), tree(&place.from), "merged, one leads elsewhere");
}

#[test]
fn named_as_source_they_are_followed() {
    let place = place();
    symlink("site", place.from.join("named")).unwrap();
    put(&[&place.from.join("named"), &place.from.join("site/relative"), &place.to]);
    assert!(!place.to.join("named").is_symlink());
    assert_eq!(tree(&place.to.join("named")), tree(&place.from.join("site")));
    assert_eq!(fs::symlink_metadata(place.to.join("relative")).unwrap().len(), 4);
    refuse(launch(&[&place.from.join("site/broken"), &place.to]), 1, &["cannot read", "broken", "No such file"]);
}

#[test]
fn followed_everywhere_they_become_what_they_lead_to() {
    let place = place();
    fs::remove_file(place.from.join("site/absolute")).unwrap();
    refuse(launch(&[&"-L", &place.contents(), &place.to]), 1, &["site/broken"]);
    assert!(tree(&place.to).is_empty());
    fs::remove_file(place.from.join("site/broken")).unwrap();
    put(&[&"--dereference", &place.contents(), &place.to]);
    let there = tree(&place.to);
    assert_eq!(there[&PathBuf::from("site/relative")], b"file");
    assert_eq!(there[&PathBuf::from("site/directory/x")], b"x");
    assert!(put(&[&"-L", &place.contents(), &place.to]).contains("nothing to do"));
}

#[test]
fn a_loop_is_an_error() {
    let place = Place::new();
    write(place.from.join("site/below/x"), "x");
    symlink("..", place.from.join("site/below/up")).unwrap();
    refuse(launch(&[&"-L", &place.contents(), &place.to]), 1, &["site/below/up"]);
    fs::remove_file(place.from.join("site/below/up")).unwrap();
    symlink("other", place.from.join("site/one")).unwrap();
    symlink("one", place.from.join("site/other")).unwrap();
    refuse(launch(&[&"-L", &place.contents(), &place.to]), 1, &["symbolic link"]);
    assert!(tree(&place.to).is_empty());
    put(&[&place.contents(), &place.to]); // kept, they are links like others
    assert_eq!(tree(&place.to), tree(&place.from));
}

/// A link in DEST is replaced, and what it leads to is left.
#[test]
fn in_dest_they_are_not_written_through() {
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    let other = place.to.with_file_name("other");
    write(&other, "theirs");
    symlink(&other, place.to.join("a.war")).unwrap();
    put(&[&place.contents(), &place.to]);
    assert_eq!(fs::read(place.to.join("a.war")).unwrap(), b"new");
    assert_eq!(fs::read(&other).unwrap(), b"theirs");
    // Neither is a directory put into one that a link leads to.
    let outside = place.to.with_file_name("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, place.to.join("site")).unwrap();
    write(place.from.join("site/x"), "new");
    for option in ["--merge", "--no-sync"] {
        refuse(launch(&[&option, &place.contents(), &place.to]), 1, &["site, which is no directory"]);
    }
    assert!(tree(&outside).is_empty());
}
