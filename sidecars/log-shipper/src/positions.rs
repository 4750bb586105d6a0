//! What has been shipped of which file, as it is kept on a volume: lines of text with a checksum, so that a person can
//! read it and damage is seen.

use crate::input::identity::{Fingerprint, Identity, Tail};
use memchr::memmem::find;
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fmt::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const TITLE: &str = "log-shipper positions 1";
/// At the end of the last line, and what the line after it begins with.
const CHECKSUM: &str = "\nsha256 ";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Positions {
    /// Random, made with the state directory: documents of two shippers are never taken for the same
    pub owner: [u8; 16],
    /// Counts how often they have been saved
    pub saved: u64,
    /// The number that the next generation gets
    pub next: u64,
    /// In the order of the numbers of their generations
    pub records: Vec<Record>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where the log was found
    pub path: Arc<Path>,
    /// Where links led from there to this file
    pub place: Option<Arc<Path>>,
    pub generation: u64,
    pub identity: Identity,
    pub born: u64,
    pub modified: u64,
    pub size: u64,
    pub fingerprint: Fingerprint,
    /// Everything before it has been shipped
    pub offset: u64,
    pub tail: Tail,
}

impl Positions {
    /// Those of a new state directory.
    pub fn new(owner: [u8; 16]) -> Self {
        Self { owner, saved: 0, next: 1, records: vec![] }
    }

    pub fn to_text(&self) -> String {
        let mut text = format!("{TITLE}\n");
        let _ = writeln!(text, "owner {}\nsaved {}\nnext {}", hex(&self.owner), self.saved, self.next);
        for record in &self.records {
            let Record { identity, fingerprint, tail, .. } = record;
            let _ = write!(
                text,
                "file {} offset {} size {} inode {}:{} born {} modified {} begins {}:{} tail {}:{}{} {}",
                record.generation,
                record.offset,
                record.size,
                identity.device,
                identity.inode,
                record.born,
                record.modified,
                fingerprint.length,
                hex(&fingerprint.digest),
                tail.length,
                hex(&tail.digest),
                if tail.whole_line { "" } else { "+" },
                escaped(&record.path),
            );
            let _ = match &record.place {
                Some(place) => writeln!(text, " leads {}", escaped(place)),
                None => writeln!(text),
            };
        }
        let checksum = hex(&Sha256::digest(&text));
        let _ = writeln!(text, "sha256 {checksum}");
        text
    }

    /// What [`Positions::to_text`] wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        // What follows the checksum is from a longer one that was here before.
        let end = find(bytes, CHECKSUM.as_bytes()).ok_or("it has no checksum: it is not whole")?;
        let (body, rest) = bytes.split_at(end + 1);
        let checksum = rest[CHECKSUM.len() - 1..].split(|byte| *byte == b'\n').next().unwrap_or_default();
        let whole = rest.len() > CHECKSUM.len() - 1 + checksum.len();
        let body = str::from_utf8(body).map_err(|_| "it is not text".to_owned())?;
        let mut lines = body.lines().enumerate();
        if lines.next().map(|(_, line)| line) != Some(TITLE) {
            return Err(format!("it does not begin with `{TITLE}`"));
        }
        if !whole || checksum != hex(&Sha256::digest(body)).as_bytes() {
            return Err("its checksum is wrong".into());
        }
        let mut positions = Self::new([0; 16]);
        for (number, line) in lines {
            positions.line(line).ok_or_else(|| format!("line {} is not understood", number + 1))?;
        }
        Ok(positions)
    }

    fn line(&mut self, line: &str) -> Option<()> {
        let (name, rest) = line.split_once(' ')?;
        match name {
            "owner" => self.owner = unhex(rest)?,
            "saved" => self.saved = rest.parse().ok()?,
            "next" => self.next = rest.parse().ok()?,
            "file" => self.records.push(record(rest)?),
            _ => return None,
        }
        Some(())
    }
}

fn record(text: &str) -> Option<Record> {
    let mut words = text.split(' ');
    let generation = words.next()?.parse().ok()?;
    let mut named = |name: &str| (words.next()? == name).then(|| words.next())?;
    let offset = named("offset")?.parse().ok()?;
    let size = named("size")?.parse().ok()?;
    let (device, inode) = named("inode")?.split_once(':')?;
    let born = named("born")?.parse().ok()?;
    let modified = named("modified")?.parse().ok()?;
    let (length, digest) = named("begins")?.split_once(':')?;
    let fingerprint = Fingerprint { length: length.parse().ok()?, digest: unhex(digest)? };
    let (length, digest) = named("tail")?.split_once(':')?;
    let whole_line = !digest.ends_with('+');
    let tail = Tail { length: length.parse().ok()?, digest: unhex(digest.trim_end_matches('+'))?, whole_line };
    let path = unescaped(words.next()?)?;
    let place = match (words.next(), words.next()) {
        (None, _) => None,
        (Some("leads"), Some(place)) => Some(unescaped(place)?.into()),
        _ => return None,
    };
    Some(Record {
        path: path.into(),
        place,
        generation,
        identity: Identity { device: device.parse().ok()?, inode: inode.parse().ok()? },
        born,
        modified,
        size,
        fingerprint,
        offset,
        tail,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A path may hold anything but NUL; what is no plain ASCII is written as `%0A`.
fn escaped(path: &Path) -> String {
    path.as_os_str().as_bytes().iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_graphic() && *byte != b'%' {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn unescaped(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let code = after.get(..2).and_then(|code| str::from_utf8(code).ok())?;
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
        }
    }
    Some(OsString::from_vec(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::{Positions, Record};
    use crate::input::identity::{Fingerprint, Identity, Tail};
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    fn positions() -> Positions {
        let record = |path: &[u8], generation, whole_line: bool| Record {
            path: Path::new(OsStr::from_bytes(path)).into(),
            place: whole_line.then(|| Path::new("/var/log/app 1.log").into()),
            generation,
            identity: Identity { device: 2049, inode: 12 },
            born: 17,
            modified: 18,
            size: 100,
            fingerprint: Fingerprint { length: 80, digest: [7; 8] },
            offset: 80,
            tail: Tail { length: 64, digest: [255; 8], whole_line },
        };
        let records = vec![record(b"/var/log/app.log", 3, true), record(b"/odd \xff%\n", 4, false)];
        Positions { owner: [0xab; 16], saved: 5, next: 9, records }
    }

    #[test]
    fn written_and_read_again() {
        assert_eq!(Positions::parse(positions().to_text().as_bytes()), Ok(positions()));
    }

    #[test]
    fn written_over_a_longer_one() {
        let longer = positions().to_text();
        let positions = Positions { records: vec![], ..positions() };
        let mut text = positions.to_text();
        text.push_str(&longer[text.len()..]);
        text.push('\0');
        assert_eq!(Positions::parse(text.as_bytes()), Ok(positions));
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_seen() {
        let text = positions().to_text().into_bytes();
        for length in 0..text.len() {
            assert!(Positions::parse(&text[..length]).is_err(), "cut to {length}");
        }
        for at in 0..text.len() - 1 {
            let mut damaged = text.clone();
            damaged[at] ^= 1;
            assert!(Positions::parse(&damaged).is_err(), "byte {at}");
        }
    }
}
