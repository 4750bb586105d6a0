//! What is refused: with what words, and that nothing has changed.

use crate::Place;
use crate::craft::*;
use crate::tree::{Tree, identities};
use e2e::workspace;
use std::fs;

/// A case, an archive of it, and what is said after `cannot unpack PATH/sample.war: `.
type Row = (&'static str, fn() -> Vec<u8>, &'static str);

/// As `docs/war-copy.md` has it.
const REFUSED: &[Row] = &[
    (
        "`..`",
        || archive([plain(), stored("WEB-INF/../../a.jsp", b"evil")]),
        "`WEB-INF/../../a.jsp` leads out of the archive",
    ),
    ("an absolute path", || archive([plain(), stored("/etc/passwd", b"evil")]), "`/etc/passwd` is an absolute path"),
    ("a symbolic link", || archive([plain(), link()]), "`conf` is a symbolic link, which could lead elsewhere"),
    (
        "one that Unix has not made",
        || archive([plain(), link().but(|link| link.made_by = FAT)]),
        "`conf` is a symbolic link, which could lead elsewhere",
    ),
    ("a device", || archive([plain(), stored("null", b"").mode(0o20_666)]), "`null` is no file and no directory"),
    ("a name twice", || archive([plain(), plain()]), "`index.html` is there twice"),
    (
        "in upper and lower case",
        || archive([plain(), stored("INDEX.html", b"other")]),
        "`INDEX.html` is there twice, in upper and in lower case",
    ),
    (
        "a directory in both",
        || archive([stored("WEB-INF/web.xml", b"<web-app/>"), stored("web-inf/a.jsp", b"")]),
        "`web-inf` is there twice, in upper and in lower case",
    ),
    (
        "a file that others are in",
        || archive([stored("a", b"file"), stored("a/b", b"file")]),
        "`a` is there twice, as a file and as a directory",
    ),
    (
        "and the other way round",
        || archive([stored("a/b", b"file"), stored("a", b"file")]),
        "`a` is there twice, as a file and as a directory",
    ),
    (
        "a NUL in a name",
        || archive([stored("a.jsp\0.txt", b"evil")]),
        "`a.jsp\\0.txt` has a control character in its name",
    ),
    ("a line end in a name", || archive([stored("a\nb", b"evil")]), "`a\\nb` has a control character in its name"),
    ("a backslash in a name", || archive([stored("..\\a.jsp", b"evil")]), "`..\\\\a.jsp` has a backslash in its name"),
    (
        "a file without a name",
        || archive([stored("./", b"").mode(0o100_644), stored(".", b"x")]),
        "a file without a name",
    ),
    (
        "a name of 256 bytes",
        || archive([stored("n".repeat(256), b"long")]),
        "`nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…` has a part of more than 255 bytes",
    ),
    (
        "a path of 4,096 bytes",
        || archive([stored(format!("{}/x", ["p"; 21].map(|p| p.repeat(194)).join("/")), b"long")]),
        "`pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp…` is a path of more than 4,095 bytes",
    ),
    (
        "257 levels",
        || archive([stored("d/".repeat(256) + "x", b"deep")]),
        "`d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/…` is nested deeper than 256",
    ),
    (
        "a directory with contents",
        || archive([stored("d/", b"lost").mode(0o40_755)]),
        "`d` is a directory, but has contents",
    ),
    ("an encrypted file", || archive([plain(), stored("a", b"x").but(|a| a.flags = ENCRYPTED)]), "`a` is encrypted"),
    (
        "another compression",
        || archive([plain(), stored("a", b"x").but(|a| a.method = 12)]),
        "`a` is compressed by 12 (BZIP2); WAR files know STORE and DEFLATE",
    ),
    (
        "more than `--max-size`",
        || archive([huge("a"), huge("b")]),
        "6442450944 bytes when unpacked, more than the 4294967296 that are allowed",
    ),
    (
        "more than `--max-ratio`",
        || archive([deflated("zeroes", &vec![0; 17 << 20])]),
        "17825792 bytes when unpacked, more than 100 times its size",
    ),
    ("one file in the bytes of another", quoting, "`b` shares bytes with another file, as only bombs have it"),
    ("500,001 entries", many_entries, "more than 500000 entries"),
    ("500,001 directories, by names alone", many_directories, "more than 500000 entries"),
    (
        "more bytes than promised",
        || archive([plain(), deflated("a", &[b'a'; 5000]).but(|a| a.size = 4999)]),
        "`a`: more than the 4999 bytes it promises",
    ),
    (
        "less bytes than promised",
        || archive([plain(), deflated("a", &[b'a'; 5000]).but(|a| a.size = 5001)]),
        "`a`: 5000 of the 5001 bytes it promises",
    ),
    (
        "a stored file of two sizes",
        || archive([stored("a", b"four").but(|a| a.size = 3)]),
        "`a` is stored, but of two sizes",
    ),
    ("a wrong checksum", || archive([plain(), stored("a", b"x").but(|a| a.crc ^= 1)]), "`a`: its checksum is wrong"),
    (
        "compressed bytes that are none",
        || archive([plain(), deflated("a", b"").but(|a| pack(a, vec![0xff; 99]))]),
        "`a`: its compressed bytes are damaged",
    ),
    (
        "compressed bytes without an end",
        || archive([plain(), deflated("a", b"some text").but(|a| pack(a, a.packed[..7].into()))]),
        "`a`: its compressed bytes are cut short",
    ),
    (
        "bytes after the compressed ones",
        || archive([plain(), deflated("a", b"text").but(|a| pack(a, [&a.packed[..], b"more"].concat()))]),
        "`a`: bytes after its compressed ones",
    ),
    (
        "two names for one file",
        || archive([plain(), stored("a.txt", b"evil").but(|a| a.own_name = b"a.jsp".into())]),
        "`a.txt` has another name in its own header",
    ),
    (
        "a file that begins past the end",
        || archive([plain(), stored("a", b"x").but(|a| a.elsewhere = Some(99_999))]),
        "`a` is not there: failed to fill whole buffer",
    ),
    (
        "a file that ends past the end",
        || archive([plain(), stored("a", b"x").but(|a| (a.size, a.packed_size) = (999, 999))]),
        "`a` does not end where it should",
    ),
    ("less entries than promised", || archive_with(b"", [plain()], Some(2), b""), "1 entries where it promises 2"),
    (
        "more entries than promised",
        || archive_with(b"", [plain(), stored("a", b"x")], Some(1), b""),
        "2 entries where it promises 1",
    ),
    (
        "no archive at all",
        || b"<html>404 Not Found</html>".into(),
        "no ZIP archive, or cut short: Missing end of central directory",
    ),
    ("an empty file", Vec::new, "no ZIP archive, or cut short: Missing end of central directory"),
    (
        "an archive cut short",
        || with_jar()[..40].into(),
        "no ZIP archive, or cut short: Missing end of central directory",
    ),
    (
        "cut short after a JAR in it",
        || [&with_jar()[..end_of_jar()], b"PK"].concat(),
        "cut short, or not an archive alone: 2 bytes follow what looks like its end",
    ),
    (
        "cut short where a JAR in it ends",
        || with_jar()[..end_of_jar()].into(),
        "cut short: it ends with an archive that was in it",
    ),
    (
        "something after its end",
        || [archive([plain()]), b"<html>".into()].concat(),
        "cut short, or not an archive alone: 6 bytes follow what looks like its end",
    ),
];

fn plain() -> Entry {
    deflated("index.html", b"<html>It works!</html>")
}

fn link() -> Entry {
    stored("conf", b"/etc").mode(0o120_777)
}

/// 3 GiB, or so it says.
fn huge(name: &str) -> Entry {
    deflated(name, b"small").but(|huge| huge.size = 3 << 30)
}

/// The bomb of <https://www.bamsoftware.com/hacks/zipbomb/>, in small: the bytes of `b`, with its header, are the end
/// of what `a` unpacks to, and unpacked again as `b`.
fn quoting() -> Vec<u8> {
    let b = deflated("b", &[0; 1000]);
    let header = b.header();
    let length = u16::try_from(header.len()).unwrap();
    // RFC 1951, 3.2.4: a block that is not compressed and not the last one.
    let quote = [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes()].concat();
    let a = stored("a", &[&header[..], &[0; 1000]].concat()).but(|a| {
        a.method = DEFLATE;
        pack(a, [&quote[..], &header, &b.packed].concat());
    });
    let within = a.header().len() + quote.len();
    archive([a, b.but(|b| b.elsewhere = Some(u32::try_from(within).unwrap()))])
}

fn many_entries() -> Vec<u8> {
    let again = directory("d/").but(|d| d.elsewhere = Some(0));
    archive([directory("d/")].into_iter().chain((0..500_000).map(|_| again.clone())))
}

/// Each name is of 255 directories that no other has.
fn many_directories() -> Vec<u8> {
    archive((0..1970).map(|number| stored(format!("{number}/{}x", "d/".repeat(254)), b"")))
}

/// A WAR as builds make them, with a stored JAR and more after it.
fn with_jar() -> Vec<u8> {
    archive([plain(), jar(), deflated("WEB-INF/web.xml", b"<web-app></web-app>")])
}

fn jar() -> Entry {
    stored("WEB-INF/lib/a.jar", &archive([stored("A.class", b"\xca\xfe\xba\xbe")]))
}

fn end_of_jar() -> usize {
    archive_len([plain(), jar()])
}

/// Of the entries alone.
fn archive_len(entries: impl IntoIterator<Item = Entry>) -> usize {
    entries.into_iter().map(|entry| entry.header().len() + entry.packed.len()).sum()
}

#[test]
fn each_with_a_clear_error_and_nothing_changed() {
    let mut wrong = vec![];
    for (case, make, answer) in REFUSED {
        let place = Place::with(&make());
        let expected = format!("war-copy: error: cannot unpack {}: {answer}", place.archive().display());
        for replaced in [false, true] {
            if replaced {
                fs::create_dir(place.sample()).unwrap();
                fs::write(place.sample().join("old.html"), "old").unwrap();
            }
            let (tree, identity) = (Tree::of(&place.webapps()), identities(&place.webapps()));
            let found = place.explode(&[]);
            let said = found.stderr.lines().find(|line| line.starts_with("war-copy: error: "));
            if (found.code, said) != (1, Some(&expected)) {
                wrong.push(format!("{case}: {}\n{}expected {expected}", found.code, found.stderr));
            }
            assert_eq!(Tree::of(&place.webapps()), tree, "{case}");
            assert_eq!(identities(&place.webapps()), identity, "{case}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_documentation_has_this_table() {
    let rows = REFUSED.iter().map(|(case, _, answer)| format!("| {case} | {answer} |"));
    let table = ["| case | answer |".into(), "|---|---|".into()].into_iter().chain(rows).collect::<Vec<_>>().join("\n");
    let text = fs::read_to_string(workspace("docs/war-copy.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with("What it refuses\n"));
    let section = section.expect("docs/war-copy.md has a section `## What it refuses`");
    let found = section.lines().filter(|line| line.starts_with('|')).collect::<Vec<_>>().join("\n");
    assert_eq!(found, table, "the table of docs/war-copy.md should be\n{table}\n");
}

#[test]
fn limits_can_be_raised_and_lowered() {
    let place = Place::with(&archive([deflated("zeroes", &vec![0; 17 << 20])]));
    let answer = place.explode(&["--max-size", "17825791"]);
    assert_eq!((answer.code, answer.stderr.contains("--max-size")), (1, true), "{}", answer.stderr);
    let answer = place.explode(&["--max-size", "17825792"]);
    assert_eq!((answer.code, answer.stderr.contains("--max-ratio")), (1, true), "{}", answer.stderr);
    let answer = place.explode(&["--max-size", "17825792", "--max-ratio", "2000"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

#[test]
fn one_bad_archive_keeps_the_others_from_view() {
    let place = Place::with(&archive([stored("a", b"x").but(|a| a.crc ^= 1)]));
    fs::write(place.path("good.war"), archive([plain()])).unwrap();
    let good = place.path("good.war");
    let answer = place.explode(&[good.to_str().unwrap()]);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    assert_eq!(Tree::of(&place.webapps()), Tree::default());
}

/// With all that an archive may have.
fn small() -> Vec<u8> {
    archive_with(
        b"",
        [
            directory("WEB-INF/"),
            plain(),
            jar(),
            deflated("WEB-INF/web.xml", b"<web-app></web-app>").but(|entry| entry.flags = STREAMED),
            stored("empty", b""),
        ],
        None,
        b"of the tests",
    )
}

#[test]
fn cut_short_anywhere() {
    let whole = small();
    let place = Place::with(&whole);
    assert_eq!(place.unpacked().0.len(), 6);
    fs::remove_dir_all(place.sample()).unwrap();
    for length in 0..whole.len() {
        place.write(&whole[..length]);
        let answer = place.explode(&[]);
        assert_eq!(answer.code, 1, "{length} bytes: {}", answer.stderr);
        assert_eq!(Tree::of(&place.webapps()), Tree::default(), "{length} bytes");
    }
}

#[test]
fn damaged_anywhere() {
    let whole = small();
    let place = Place::with(&whole);
    let expected = place.unpacked();
    fs::remove_dir_all(place.sample()).unwrap();
    let mut refused = 0;
    for offset in 0..whole.len() {
        for mask in [0xff, 1 << (offset % 8)] {
            let mut damaged = whole.clone();
            damaged[offset] ^= mask;
            place.write(&damaged);
            let answer = place.explode(&[]);
            match answer.code {
                0 => {
                    let found = Tree::of(&place.sample());
                    assert_eq!(found.contents(), expected.contents(), "byte {offset}, {mask:#x}");
                    fs::remove_dir_all(place.sample()).unwrap();
                }
                1 => refused += 1,
                code => panic!("byte {offset}, {mask:#x}: {code}: {}", answer.stderr),
            }
            assert_eq!(Tree::of(&place.webapps()), Tree::default(), "byte {offset}, {mask:#x}");
        }
    }
    // What may be wrong unnoticed is what nobody reads: times, versions, comments, and sizes that are said twice.
    assert!(refused > whole.len(), "{refused} of {} refused", 2 * whole.len());
}
