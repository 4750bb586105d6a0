//! Run again, it finishes at once when DEST is right, by content, and says so.

use crate::run::{Identity, Place, identity, names, put, write};
use e2e::command::output;
use std::fs::{self, File, FileTimes};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

fn place() -> Place {
    let place = Place::new();
    write(place.from.join("a.war"), "a".repeat(300_000));
    write(place.from.join("site/below/x"), "x");
    write(place.from.join("site/empty"), "");
    fs::create_dir(place.from.join("site/nothing")).unwrap();
    symlink("below/x", place.from.join("site/link")).unwrap();
    place
}

/// Every file and directory below, with what would change if anything were done to it.
fn identities(directory: &Path) -> Vec<(String, Identity)> {
    let listed = output(Command::new("find").arg(directory)).unwrap();
    listed.lines().map(|path| (path.into(), identity(path))).collect()
}

#[test]
fn nothing_is_touched() {
    for options in [&["--merge"][..], &[], &["--preserve"], &["--no-verify"], &["--dereference"]] {
        let place = place();
        let run = || {
            let launch = options.iter().fold(crate::run::launch(&[]), |launch, option| launch.arg(*option));
            let [from, to] =
                [place.contents(), place.to.clone()].map(|path| path.into_os_string().into_encoded_bytes());
            crate::run::succeed(launch.arg(from).arg(to))
        };
        assert!(run().contains("put in"));
        let before = identities(&place.to);
        // Times of the source say nothing, unless they are to be kept.
        if !options.contains(&"--preserve") {
            File::options()
                .write(true)
                .open(place.from.join("a.war"))
                .unwrap()
                .set_modified(SystemTime::now())
                .unwrap();
        }
        let said = run();
        assert!(said.contains(": nothing to do: ") && said.contains(" right already"), "{said}");
        assert_eq!(identities(&place.to), before, "{options:?}");
    }
}

#[test]
fn one_byte_of_the_same_size_and_time_is_seen() {
    let place = place();
    put(&[&place.contents(), &place.to]);
    let damaged = place.to.join("a.war");
    let time = fs::metadata(&damaged).unwrap().modified().unwrap();
    write(&damaged, "a".repeat(299_999) + "b");
    File::options().write(true).open(&damaged).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    let before = identity(place.to.join("site"));
    let said = put(&[&place.contents(), &place.to]);
    assert!(said.contains("1 file put in") && said.contains("2 right already"), "{said}");
    assert_eq!(fs::read(&damaged).unwrap(), fs::read(place.from.join("a.war")).unwrap());
    assert_eq!(identity(place.to.join("site")), before, "which was right");
}

#[test]
fn what_is_too_much_or_another_kind_is_seen() {
    let place = place();
    put(&[&place.contents(), &place.to]);
    write(place.to.join("site/below/foreign"), "theirs");
    put(&[&"--merge", &place.contents(), &place.to]);
    assert_eq!(names(&place.to.join("site/below")), ["foreign", "x"]);
    put(&[&place.contents(), &place.to]);
    assert_eq!(names(&place.to.join("site/below")), ["x"]);
    fs::remove_file(place.to.join("site/link")).unwrap();
    symlink("elsewhere", place.to.join("site/link")).unwrap();
    put(&[&place.contents(), &place.to]);
    assert_eq!(fs::read_link(place.to.join("site/link")).unwrap().to_str(), Some("below/x"));
    // A link to the right file is not the file.
    fs::rename(place.to.join("a.war"), place.to.join("b.war")).unwrap();
    symlink("b.war", place.to.join("a.war")).unwrap();
    put(&[&place.contents(), &place.to]);
    assert!(!place.to.join("a.war").is_symlink());
}

#[test]
fn no_clobber_leaves_whatever_is_there() {
    let place = place();
    write(place.to.join("a.war"), "theirs");
    write(place.to.join("site/theirs"), "theirs");
    let before = identities(&place.to);
    let said = put(&[&"--no-clobber", &place.contents(), &place.to]);
    assert!(said.contains("2 left as they were"), "{said}");
    assert_eq!(identities(&place.to), before);
    // Merged, it is the files that are left.
    put(&[&"--no-clobber", &"--merge", &place.contents(), &place.to]);
    assert_eq!(names(&place.to.join("site")), ["below", "empty", "link", "nothing", "theirs"]);
    assert_eq!(fs::read(place.to.join("a.war")).unwrap(), b"theirs");
}

#[test]
fn a_directory_in_a_files_place_is_replaced_with_the_rest() {
    let place = place();
    write(place.to.join("site/empty/is/a/directory"), "here");
    put(&[&place.from.join("site"), &place.to]);
    assert!(place.to.join("site/empty").is_file());
    assert_eq!(names(&place.to), ["site"]);
}
