//! Which file it is, and whether what is in it is still the same.

use crate::input::source::Source;
use sha2::{Digest, Sha256};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::UNIX_EPOCH;

/// What a kernel tells files apart by, as long as one of them is open: a closed one's number may be given away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
}

/// A file, as it was when it was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub identity: Identity,
    /// In bytes
    pub size: u64,
    /// In nanoseconds since 1970; 0 where the file system does not know
    pub born: u64,
    pub modified: u64,
    /// Whether it has a name still
    pub linked: bool,
}

impl Seen {
    pub fn new(metadata: &Metadata) -> Self {
        let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        let modified = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Self {
            identity: Identity { device: metadata.dev(), inode: metadata.ino() },
            size: metadata.size(),
            born: born.map_or(0, |born| u64::try_from(born.as_nanos()).unwrap_or(0)),
            modified: u64::try_from(modified).unwrap_or(0),
            linked: metadata.nlink() > 0,
        }
    }

    /// Whether it can be the file that had `identity` and was `born` then: a number that was given away has another
    /// time of birth.
    pub fn may_be(&self, identity: Identity, born: u64) -> bool {
        self.identity == identity && (self.born == born || self.born == 0 || born == 0)
    }
}

/// The first bytes of a file, which stay as they are while it grows: 1,024 of them, or as many as there were.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint {
    pub length: u16,
    pub digest: [u8; 8],
}

impl Fingerprint {
    pub const MOST: u16 = 1024;

    /// Of the first bytes of what `source` has now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(source: &mut Source) -> io::Result<Self> {
        let mut first = Vec::new();
        source.read_at(0, &mut first, usize::from(Self::MOST))?;
        Ok(Self { length: u16::try_from(first.len()).unwrap_or(Self::MOST), digest: digest(&first) })
    }

    /// Whether a file of another inode that begins so can be taken for the same.
    pub fn is_telling(&self) -> bool {
        self.length >= 32
    }

    /// Whether `source` begins with the same bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn fits(&self, source: &mut Source) -> io::Result<bool> {
        let mut first = Vec::new();
        source.read_at(0, &mut first, usize::from(self.length))?;
        Ok(first.len() == usize::from(self.length) && digest(&first) == self.digest)
    }
}

/// The last bytes before a place in a file, to see that they are what has been read there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tail {
    pub length: u8,
    pub digest: [u8; 8],
    /// Whether the last one ended a line, or there is none
    pub whole_line: bool,
}

impl Tail {
    const MOST: usize = 64;

    pub fn none() -> Self {
        Self { length: 0, digest: digest(&[]), whole_line: true }
    }

    /// After more bytes have been read, the last of which are these, and before them what is in `source`.
    ///
    /// # Errors
    /// When `source` cannot be read, which is done where `read` is too short.
    pub fn after(read: &[u8], source: &mut Source, offset: u64) -> io::Result<Self> {
        if let Some(start) = read.len().checked_sub(Self::MOST) {
            return Ok(Self::of(&read[start..]));
        }
        Self::at(source, offset)
    }

    /// Of what is before `offset` in `source` now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn at(source: &mut Source, offset: u64) -> io::Result<Self> {
        let length = offset.min(Self::MOST as u64);
        let mut bytes = Vec::with_capacity(Self::MOST);
        source.read_at(offset - length, &mut bytes, usize::try_from(length).unwrap_or_default())?;
        Ok(Self::of(&bytes))
    }

    fn of(bytes: &[u8]) -> Self {
        Self {
            length: u8::try_from(bytes.len()).unwrap_or_default(),
            digest: digest(bytes),
            whole_line: bytes.last().is_none_or(|last| *last == b'\n'),
        }
    }

    /// Whether `source` has the same bytes before `offset`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn fits(&self, source: &mut Source, offset: u64) -> io::Result<bool> {
        let now = Self::at(source, offset)?;
        Ok(now.length == self.length && now.digest == self.digest)
    }
}

fn digest(bytes: &[u8]) -> [u8; 8] {
    let digest = Sha256::digest(bytes);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    first
}
