//! The names that rotated logs get.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Whether `name` can be that of a log which was `base` before it was rotated: `app.log.1`, `app.log-20261121.gz`,
/// `app-2026-11-21.log`, `app.1.log`, `app.old.log`.
pub fn is_rotated(base: &[u8], name: &[u8]) -> bool {
    added(base, name).is_some_and(is_of_rotation)
}

/// The number of rotations it has been through, where `name` tells: 2 for `app.log.2.gz`.
pub fn rotations(base: &[u8], name: &[u8]) -> Option<u32> {
    let (separator, count) = added(base, name)?.split_first()?;
    let count = std::str::from_utf8(count).ok().filter(|count| count.len() <= 4)?;
    b".-_".contains(separator).then(|| count.parse().ok())?
}

/// What was added to `base`, at its end or before its extension.
fn added<'a>(base: &[u8], name: &'a [u8]) -> Option<&'a [u8]> {
    let name = name.strip_suffix(b".gz").unwrap_or(name);
    if let Some(suffix) = name.strip_prefix(base) {
        return Some(suffix).filter(|suffix| !suffix.is_empty());
    }
    let dot = base.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0)?;
    let (stem, extension) = base.split_at(dot);
    name.strip_prefix(stem)?.strip_suffix(extension).filter(|between| is_of_rotation(between))
}

/// What else is in a name, such as the `.error` of `app.error.log`, is of another log.
fn is_of_rotation(part: &[u8]) -> bool {
    let words = [&b".old"[..], b".bak", b".prev", b".orig", b"~"];
    words.contains(&part) || is_count_or_date(part)
}

fn is_count_or_date(part: &[u8]) -> bool {
    matches!(part.first(), Some(b'.' | b'-' | b'_'))
        && part.iter().all(|byte| byte.is_ascii_digit() || b".-_T:Z".contains(byte))
        && part.iter().any(u8::is_ascii_digit)
}

/// Whether it is the compressed form of a file, which is not shipped for itself.
pub fn is_compressed(path: &Path) -> bool {
    let compressed: [&[u8]; 5] = [b"gz", b"bz2", b"xz", b"zst", b"zip"];
    path.extension().is_some_and(|extension| compressed.contains(&extension.as_bytes()))
}

/// The names from which a log may have been rotated to `name`.
pub fn bases(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let separators = name.iter().enumerate().rev().filter(|(_, byte)| b".-_~".contains(byte));
    separators.map(|(at, _)| &name[..at]).filter(|base| !base.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{bases, is_rotated, rotations};

    #[test]
    fn names_of_rotated_logs() {
        let rotated = [
            ("app.log", "app.log.1"),
            ("app.log", "app.log.2.gz"),
            ("app.log", "app.log-20261121"),
            ("app.log", "app.log-20261121-1.gz"),
            ("app.log", "app-2026-11-21.log"),
            ("app.log", "app.1.log"),
            ("app.log", "app.log.old"),
            ("app.log", "app.old.log"),
            ("app.log", "app.bak.log.gz"),
            ("app.log", "app~.log"),
            ("app.log", "app.2026-11-21T10:00:00.log.gz"),
            ("0.log", "0.log.20261121-101010"),
            ("syslog", "syslog.1"),
        ];
        for (base, name) in rotated {
            assert!(is_rotated(base.as_bytes(), name.as_bytes()), "{base} {name}");
        }
        let others = [
            ("app.log", "app.log"),
            ("app.log", "app.login"),
            ("app.log", "app-debug.log"),
            ("app.log", "app.log.err"),
            ("app.log", "app.error.log"),
            ("app.log", "app.older.log"),
            ("app.log", "appold.log"),
            ("app.log", "app2.log"),
            ("app", "apple"),
        ];
        for (base, name) in others {
            assert!(!is_rotated(base.as_bytes(), name.as_bytes()), "{base} {name}");
        }
    }

    #[test]
    fn how_often_it_was_rotated() {
        let count = |base: &str, name: &str| rotations(base.as_bytes(), name.as_bytes());
        assert_eq!(count("app.log", "app.log.1"), Some(1));
        assert_eq!(count("app.log", "app.log.12.gz"), Some(12));
        assert_eq!(count("app.log", "app.3.log"), Some(3));
        for dated in ["app.log-20261121", "app-2026-11-21.log", "app.log.old", "app.old.log", "app.log"] {
            assert_eq!(count("app.log", dated), None, "{dated}");
        }
    }

    #[test]
    fn where_a_rotated_log_may_come_from() {
        let bases: Vec<&[u8]> = bases(b"app.log.2.gz").collect();
        assert_eq!(bases, [b"app.log.2".as_slice(), b"app.log", b"app"]);
    }
}
