//! Archives as tools make them become what those tools, and others, make of them.

use crate::craft::{FAT, STREAMED, archive, archive_with, deflated, directory, stored};
use crate::tree::{Node, Tree};
use crate::{Place, run, tool};
use std::fs::{self, File, Permissions};
use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What a web application looks like, with all that is not usual in it.
fn application(directory: &Path) {
    let write = |path: &str, contents: &[u8], mode: u32| {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    let noise: Vec<u8> = (0..300_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    write("index.html", b"<html>It works!</html>", 0o644);
    write("WEB-INF/web.xml", &b"<servlet/>".repeat(50_000), 0o600);
    write("WEB-INF/lib/a.jar", &archive([stored("A.class", b"\xca\xfe\xba\xbe")]), 0o644);
    write("WEB-INF/bin/run.sh", b"#!/bin/sh\n", 0o755);
    write("images/noise.png", &noise, 0o644);
    write("images/gr\u{fc}\u{df}e \u{4f60}\u{597d}.txt", b"hello", 0o644);
    write("empty.txt", b"", 0o444);
    write(".hidden", b"dot", 0o640);
    fs::create_dir(directory.join("empty")).unwrap();
    fs::set_permissions(directory.join("WEB-INF"), Permissions::from_mode(0o750)).unwrap();
}

/// How each of the machine's tools makes an archive of what is in the directory it is run in.
const TOOLS: &[(&str, &str)] = &[
    ("zip", "zip -qr ../sample.war ."),
    ("zip, stored", "zip -q0r ../sample.war ."),
    ("zip to a pipe", "zip -qr - . | cat > ../sample.war"),
    ("zip, zip64", "zip -qr -fz ../sample.war ."),
    ("zip, what is in a directory before it", "find . -mindepth 1 -depth | zip -q ../sample.war -@"),
    ("zip with a comment", "zip -qr ../sample.war . && printf 'one\\ntwo\\n' | zip -qz ../sample.war"),
    ("zip behind a script", "zip -qr ../z.zip . && (echo '#!/bin/sh'; cat ../z.zip) > ../sample.war"),
    (
        "zip behind a script, as it should be",
        "zip -qr ../z.zip . && (echo '#!/bin/sh'; cat ../z.zip) > ../sample.war && zip -qA ../sample.war",
    ),
    ("bsdtar", "bsdtar --format zip -cf ../sample.war ."),
    ("bsdtar, stored", "bsdtar --format zip --options zip:compression=store -cf ../sample.war ."),
    ("python", "python3 -c 'import shutil; shutil.make_archive(\"../s\", \"zip\")' && mv ../s.zip ../sample.war"),
];

#[test]
fn whoever_made_it() {
    for (case, script) in TOOLS {
        let place = Place::new();
        let application_directory = place.path("application");
        application(&application_directory);
        let expected = Tree::of(&application_directory);
        tool("sh", ["-c", script], &application_directory);
        assert_eq!(place.unpacked(), expected, "{case}");
        fs::create_dir(place.path("unzip")).unwrap();
        // It warns of what is in front, and exits with 1 then.
        let unzip = "unzip -q ../sample.war || test $? = 1";
        tool("sh", ["-c", unzip], &place.path("unzip"));
        // Not the modes: unzip forgets those of directories that come after what is in them.
        assert_eq!(Tree::of(&place.path("unzip")).contents(), expected.contents(), "{case}, by unzip");
    }
}

#[test]
fn without_modes_and_directories() {
    // `zip -X` as FAT has it, without directories: what is left is what the umask makes of it.
    let place = Place::new();
    application(&place.path("application"));
    tool("zip", ["-qrDk", "../sample.war", "index.html", "empty.txt", "images"], &place.path("application"));
    fs::create_dir(place.path("bsdtar")).unwrap();
    tool("bsdtar", ["-xf", "../sample.war"], &place.path("bsdtar"));
    assert_eq!(place.unpacked().contents(), Tree::of(&place.path("bsdtar")).contents());
}

/// `jar` makes directories and files alike, without any attributes.
fn as_jar_makes_it() -> Vec<u8> {
    let by_jar = |entry: crate::craft::Entry| entry.but(|entry| (entry.made_by, entry.attributes) = (FAT, 0));
    archive([
        by_jar(directory("META-INF/")),
        by_jar(deflated("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n")).but(|entry| entry.flags = STREAMED),
        by_jar(directory("empty/")),
    ])
}

#[test]
fn jar() {
    let expected = [
        ("META-INF", Node::Directory(0o755)),
        ("META-INF/MANIFEST.MF", Node::File(0o644, b"Manifest-Version: 1.0\r\n".into())),
        ("empty", Node::Directory(0o755)),
    ];
    let expected = Tree(expected.map(|(path, node)| (path.into(), node)).into());
    assert_eq!(Place::with(&as_jar_makes_it()).unpacked(), expected);
    if Command::new("jar").arg("--version").output().is_ok() {
        let place = Place::new();
        application(&place.path("application"));
        tool("jar", ["--create", "--file", "../sample.war", "."], &place.path("application"));
        let mut found = place.unpacked().0.into_keys().collect::<Vec<_>>();
        found.retain(|path| !path.starts_with("META-INF"));
        assert_eq!(found, Tree::of(&place.path("application")).0.into_keys().collect::<Vec<_>>());
    }
}

#[test]
fn the_zip_crate() {
    let place = Place::new();
    let options = SimpleFileOptions::default();
    let mut writer = ZipWriter::new(File::create(place.archive()).unwrap());
    writer.set_comment("of the tests").unwrap();
    writer.add_directory("d", options.unix_permissions(0o700)).unwrap();
    for (name, method, large) in [
        ("d/stored", CompressionMethod::Stored, false),
        ("d/deflated", CompressionMethod::Deflated, false),
        ("d/stored as large", CompressionMethod::Stored, true),
        ("d/deflated as large", CompressionMethod::Deflated, true),
    ] {
        let options = options.compression_method(method).large_file(large).unix_permissions(0o640);
        writer.start_file(name, options).unwrap();
        writer.write_all(&name.as_bytes().repeat(10_000)).unwrap();
    }
    writer.finish().unwrap();
    let found = place.unpacked();
    assert_eq!(found.0.len(), 5);
    for (path, node) in found.0 {
        match node {
            Node::File(mode, contents) => assert_eq!((mode, contents), (0o640, path.as_bytes().repeat(10_000))),
            node => assert_eq!((path.as_str(), node), ("d", Node::Directory(0o700))),
        }
    }
}

#[test]
fn streamed_by_the_zip_crate() {
    let mut writer = ZipWriter::new_stream(vec![]);
    writer.start_file("a.txt", SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)).unwrap();
    writer.write_all(&b"streamed".repeat(1000)).unwrap();
    let place = Place::with(writer.finish().unwrap().get_ref());
    assert_eq!(place.unpacked().contents(), [("a.txt", Some(&b"streamed".repeat(1000)[..]))].into());
}

#[test]
fn more_entries_than_16_bits_can_count() {
    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for number in 0..66_000 {
        writer.start_file(format!("{}/{number}", number % 100), options).unwrap();
        writer.write_all(number.to_string().as_bytes()).unwrap();
    }
    let place = Place::with(writer.finish().unwrap().get_ref());
    let found = place.unpacked();
    assert_eq!(found.0.len(), 66_100);
    for (path, contents) in found.contents() {
        assert_eq!(contents, path.split_once('/').map(|(_, number)| number.as_bytes()), "{path}");
    }
}

#[test]
fn names_are_the_bytes_they_are() {
    let names: [&[u8]; 5] = [b"gr\xfc\xdfe", "gr\u{fc}\u{df}e".as_bytes(), b"a b", b" ", b"-rf"];
    let found = Place::with(&archive(names.map(|name| stored(name, name)))).unpacked();
    let expected = names.map(|name| (name.escape_ascii().to_string(), Node::File(0o644, name.into())));
    assert_eq!(found, Tree(expected.into()));
}

#[test]
fn names_with_dots_and_slashes_to_spare() {
    let found =
        Place::with(&archive([directory("./"), stored("./a//b/./c", b"c"), directory("a/./"), directory("a/")]));
    let expected = [("a", None), ("a/b", None), ("a/b/c", Some(&b"c"[..]))];
    assert_eq!(found.unpacked().contents(), expected.into());
}

#[test]
fn modes_of_directories_that_come_late_or_may_not_be_written() {
    let place = Place::with(&archive([
        stored("a/b/file", b"x").mode(0o100_400),
        directory("a/b/").mode(0o40_500),
        directory("a/").mode(0o40_700),
        directory("c/").mode(0o40_555),
        stored("c/file", b"x").mode(0),
        stored("setuid", b"x").mode(0o104_755),
    ]));
    let expected = [
        ("a", Node::Directory(0o700)),
        ("a/b", Node::Directory(0o500)),
        ("a/b/file", Node::File(0o400, b"x".into())),
        ("c", Node::Directory(0o555)),
        ("c/file", Node::File(0o644, b"x".into())),
        ("setuid", Node::File(0o755, b"x".into())),
    ];
    assert_eq!(place.unpacked(), Tree(expected.map(|(path, node)| (path.into(), node)).into()));
}

/// Unpacks it under this umask.
fn explode_under(umask: &str, place: &Place) {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "umask \"$0\"; exec \"$@\"", umask]).arg(e2e::program("war-copy"));
    let answer = run(command.args(["--explode", "--no-sync"]).arg(place.archive()).arg(place.webapps()));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

/// A directory that is made for what is in it may get more by its own entry than it was made with.
#[test]
fn where_a_directory_is_listed_does_not_change_its_mode() {
    for (umask, all, group) in [("0", 0o777, 0o775), ("022", 0o755, 0o755), ("027", 0o750, 0o750)] {
        let place = Place::with(&archive([
            stored("a/in/x.txt", b"x"),
            directory("a/in/").mode(0o40_777),
            directory("a/").mode(0o42_775),
            directory("b/").mode(0o42_775),
            directory("b/in/").mode(0o40_777),
            stored("b/in/x.txt", b"x"),
        ]));
        explode_under(umask, &place);
        let expected = [("a", group), ("a/in", all), ("b", group), ("b/in", all)];
        for (path, mode) in expected {
            let found = fs::metadata(place.sample().join(path)).unwrap().permissions().mode() & 0o7777;
            assert_eq!(found, mode, "umask {umask}, {path}: {found:o}");
        }
    }
}

#[test]
fn the_umask_counts() {
    let place = Place::with(&archive([directory("d/").mode(0o40_777), stored("d/f", b"x").mode(0o100_666)]));
    explode_under("027", &place);
    let expected = [("d", Node::Directory(0o750)), ("d/f", Node::File(0o640, b"x".into()))];
    assert_eq!(Tree::of(&place.sample()), Tree(expected.map(|(path, node)| (path.into(), node)).into()));
}

#[test]
fn an_empty_archive_is_an_empty_directory() {
    assert_eq!(Place::with(&archive([])).unpacked(), Tree::default());
    let place = Place::with(&archive_with(b"", [], None, b"nothing"));
    assert_eq!(place.unpacked(), Tree::default());
}

#[test]
fn owners_also_of_directories_that_only_names_imply() {
    use std::os::unix::fs::MetadataExt;
    if !e2e::is_root() {
        return;
    }
    let place = Place::with(&archive([stored("a/b/c", b"x")]));
    let answer = place.explode(&["--chown", "1234:5678"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    for path in ["", "a", "a/b", "a/b/c"] {
        let found = fs::metadata(place.sample().join(path)).unwrap();
        assert_eq!((found.uid(), found.gid()), (1234, 5678), "{path}");
    }
}

#[test]
fn owners_of_directories_that_are_there_already() {
    use std::os::unix::fs::{MetadataExt, chown};
    if !e2e::is_root() {
        return;
    }
    for options in [&["--chown", "1234:5678"][..], &["--chown", "1234:5678", "--merge"]] {
        let place = Place::with(&archive([stored("a/b/c", b"x"), directory("d/")]));
        let explode = || {
            let answer = place.explode(options);
            assert_eq!(answer.code, 0, "{}", answer.stderr);
            answer.stderr
        };
        explode();
        for path in ["", "a", "a/b", "d"] {
            let path = place.sample().join(path);
            chown(&path, Some(0), Some(0)).unwrap();
            explode();
            let found = fs::metadata(&path).unwrap();
            assert_eq!((found.uid(), found.gid()), (1234, 5678), "{options:?}: {}", path.display());
            assert!(explode().contains("nothing to do"));
        }
    }
}
