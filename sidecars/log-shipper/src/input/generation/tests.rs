use super::Generation;
use crate::input::identity::Seen;
use crate::input::source::Source;
use std::fs;
use std::path::Path;

fn opened(path: &Path) -> (Source, Seen) {
    (Source::open(path, false).unwrap(), Seen::new(&fs::metadata(path).unwrap()))
}

/// Whether a file with `copy` is taken for a copy of one with `now`, which had `before` when it was first seen.
fn is_copy(before: &str, now: &str, copy: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let (log, other) = (directory.path().join("a.log"), directory.path().join("a.log.1"));
    fs::write(&log, before).unwrap();
    let (source, seen) = opened(&log);
    let mut generation = Generation::new(1, &seen, source, 0).unwrap();
    fs::write(&other, copy).unwrap();
    fs::write(&log, now).unwrap();
    let (mut source, seen) = opened(&other);
    generation.is_copied_to(&mut source, &seen).unwrap()
}

#[test]
fn copies() {
    let banner = "=".repeat(3000) + "\n";
    let (one, two) = (banner.clone() + "one\n", banner.clone() + "two\n");
    assert!(is_copy(&one, &one, &one));
    assert!(is_copy(&one, &one, &banner), "it is being made");
    assert!(is_copy(&one, &(one.clone() + "more\n"), &one), "and written to meanwhile");
    assert!(is_copy(&one, &banner, &one), "and truncated, and begun anew");
    assert!(!is_copy(&banner, &banner, &one), "which has more than was ever in it");
    assert!(!is_copy(&one, &one, &two));
    assert!(is_copy("#\n", "#\n", "#\n"));
    assert!(!is_copy("", "", &one));
}
