//! Digests: computed while copying, checked against what is expected, written down.

use crate::run::{Place, launch, names, put, refuse, succeed, tree, write};
use e2e::archive::sha256;
use e2e::command::output;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

/// A new `a.war` and `b.war`, of which the first is to replace an old one.
fn place() -> Place {
    let place = Place::new();
    write(place.from.join("a.war"), "new a");
    write(place.from.join("b.war"), "new b");
    write(place.to.join("a.war"), "old a");
    place
}

fn expect_untouched(place: &Place) {
    assert_eq!(names(&place.to), ["a.war"]);
    assert_eq!(fs::read(place.to.join("a.war")).unwrap(), b"old a");
}

fn wrong() -> String {
    "0123456789abcdef".repeat(4)
}

#[test]
fn as_the_command_line_says() {
    let place = place();
    let (right, wrong) = (sha256(&place.from.join("a.war")), wrong());
    let both = |digest: &str| launch(&[&"--sha256", &format!("a.war={digest}"), &place.contents(), &place.to]);
    refuse(both(&wrong), 1, &["a.war is damaged, or not the one that was meant", &right, &wrong, "--sha256 for a.war"]);
    expect_untouched(&place);
    refuse(launch(&[&"--sha256", &format!("c.war={right}"), &place.contents(), &place.to]), 1, &["c.war: there is no"]);
    expect_untouched(&place);
    assert!(succeed(both(&right)).contains("SHA-256 of 1 checked"));
    // Also of what is there already.
    assert!(succeed(both(&right.to_uppercase())).contains("SHA-256 of 1 checked"));
    refuse(both(&wrong), 1, &["damaged"]);
    // By its whole path, and under another name.
    let whole = format!("{}={right}", place.from.join("a.war").display());
    let said = put(&[&"--sha256", &whole, &place.from.join("a.war"), &place.to.join("ROOT.war")]);
    assert!(said.contains("SHA-256 of 1 checked"), "{said}");
}

#[test]
fn as_a_list_beside_the_source_says() {
    let place = place();
    let sums = |digest: &str| write(place.from.join("SHA256SUMS"), format!("{digest} *a.war\n"));
    sums(&wrong());
    for source in [place.contents(), place.from.join("a.war")] {
        refuse(launch(&[&source, &place.to]), 1, &["damaged", "SHA256SUMS for a.war expects"]);
        expect_untouched(&place);
    }
    // From within, where the source has no directory.
    for source in ["a.war", "./a.war", "."] {
        let launch = launch(&[&source, &place.to]).in_directory(&place.from);
        refuse(launch, 1, &["damaged", "SHA256SUMS for a.war expects"]);
        expect_untouched(&place);
    }
    assert!(put(&[&"--no-verify", &place.from.join("a.war"), &place.to.join("c.war")]).contains("not verified"));
    fs::remove_file(place.to.join("c.war")).unwrap();
    sums(&sha256(&place.from.join("a.war")));
    assert!(put(&[&place.from.join("a.war"), &place.to]).contains("SHA-256 of 1 checked"));
    // It lists what is to be there; of one file alone it may list others.
    let line = format!("{}  missing.war\n", wrong());
    write(place.from.join("SHA256SUMS"), line);
    put(&[&place.from.join("b.war"), &place.to]);
    refuse(launch(&[&place.contents(), &place.to]), 1, &["SHA256SUMS for missing.war: there is no such file"]);
}

#[test]
fn of_files_in_directories() {
    let place = Place::new();
    write(place.from.join("site/below/a"), "new");
    write(place.from.join("SHA256SUMS"), format!("{}  ./site/below/a\n", wrong()));
    for source in [place.contents(), place.from.join("site")] {
        refuse(launch(&[&source, &place.to]), 1, &["site/below/a is damaged"]);
    }
    assert!(names(&place.to).is_empty());
}

#[test]
fn as_a_file_of_its_own_says() {
    let place = place();
    for digest in [format!("{}\n", wrong()), format!("{}  a.war\n", wrong()), format!("{}  target/a.war", wrong())] {
        write(place.from.join("a.war.sha256"), digest);
        refuse(launch(&[&place.from.join("a.war"), &place.to]), 1, &["damaged", "a.war.sha256 expects"]);
        expect_untouched(&place);
    }
    write(place.from.join("a.war.sha256"), format!("{}  other.war\n", wrong()));
    refuse(launch(&[&place.from.join("a.war"), &place.to]), 1, &["a.war.sha256 is not about a.war"]);
    write(place.from.join("a.war.sha256"), "\nno digest\n");
    refuse(launch(&[&place.from.join("a.war"), &place.to]), 1, &["a.war.sha256, line 2: expected 64 hexadecimal"]);
    expect_untouched(&place);
    write(place.from.join("a.war.sha256"), sha256(&place.from.join("a.war")));
    assert!(put(&[&place.from.join("a.war"), &place.to]).contains("SHA-256 of 1 checked"));
}

/// Of all that is to be put, nothing is where one is wrong.
#[test]
fn one_mismatch_keeps_all_of_it_out() {
    let place = place();
    write(place.from.join("b.war.sha256"), wrong());
    refuse(launch(&[&place.contents(), &place.to]), 1, &["b.war is damaged"]);
    expect_untouched(&place);
}

fn check(directory: &Path, manifest: &Path) -> usize {
    let mut sha256sum = Command::new("sha256sum");
    sha256sum.current_dir(directory).args(["--check", "--strict", "--quiet"]).arg(manifest);
    output(&mut sha256sum).unwrap();
    fs::read(manifest).unwrap().split(|byte| *byte == b'\n').count() - 1
}

#[test]
fn the_manifest_is_what_sha256sum_checks() {
    let place = place();
    write(place.from.join("site/with space"), "");
    write(place.from.join("site/new\nline\\"), "b");
    write(place.from.join(OsStr::from_bytes(b"\xff\xfe")), "no UTF-8");
    let manifest = place.to.with_file_name("manifest");
    let put = || put(&[&"--manifest", &manifest, &place.contents(), &place.to]);
    put();
    assert_eq!(check(&place.to, &manifest), 5);
    let (written, before) = (fs::read(&manifest).unwrap(), crate::run::identity(&manifest));
    // Again, where all is there, and with one that is not.
    put();
    assert_eq!(crate::run::identity(&manifest), before, "it is right already");
    fs::remove_file(place.to.join("a.war")).unwrap();
    put();
    assert_eq!(fs::read(&manifest).unwrap(), written);
    write(place.to.join("b.war"), "broken");
    let broken = Command::new("sha256sum").current_dir(&place.to).arg("--check").arg(&manifest).output().unwrap();
    assert!(!broken.status.success(), "the check can fail");
    fs::remove_file(place.to.join("b.war")).unwrap();
    let merged = launch(&[&"--merge", &"--manifest", &manifest, &place.contents(), &place.to]);
    succeed(merged);
    assert_eq!(fs::read(&manifest).unwrap(), written);
    assert_eq!(tree(&place.to), tree(&place.from));
}

/// Where two sources have a file of one name, it is the later one that is put, in every run, and listed, once.
#[test]
fn the_manifest_of_two_sources_in_one_directory() {
    let place = Place::new();
    let [one, two] = ["1", "2"].map(|name| place.from.join(name).join("site"));
    for (source, contents) in [(&one, "one"), (&two, "two")] {
        write(source.join("f"), contents);
        write(source.join("below/f"), contents);
        write(source.join(format!("only/{contents}")), contents);
    }
    let manifest = place.to.join("SUMS");
    let put = |sources: [&Path; 2]| put(&[&"--merge", &"--manifest", &manifest, &sources[0], &sources[1], &place.to]);
    for (sources, last) in [([&*one, &*two], "two"), ([&two, &one], "one")] {
        for run in ["put", "right already"] {
            let said = put(sources);
            assert_eq!(said.contains("nothing to do"), run == "right already", "{said}");
            assert_eq!(check(&place.to, &manifest), 4, "{run}");
            for name in ["site/f", "site/below/f"] {
                assert_eq!(fs::read_to_string(place.to.join(name)).unwrap(), last, "{name}, {run}");
            }
        }
    }
}

#[test]
fn a_manifest_that_cannot_be_written_is_an_error() {
    let place = place();
    let launch = launch(&[&"--manifest", &"/nowhere/manifest", &place.contents(), &place.to]);
    refuse(launch, 1, &["cannot write the manifest /nowhere/manifest"]);
}
