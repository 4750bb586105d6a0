//! Archives made byte by byte, so that each field may lie.
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>

use flate2::Compression;
use flate2::Crc;
use flate2::write::DeflateEncoder;
use std::io::Write;

pub const STORE: u16 = 0;
pub const DEFLATE: u16 = 8;
/// Of the flags
pub const ENCRYPTED: u16 = 1;
/// Of the flags: sizes and checksum come after the contents
pub const STREAMED: u16 = 8;
/// Who made it, and so what the attributes mean
pub const FAT: u8 = 0;
pub const UNIX: u8 = 3;

/// An entry, and what is said of it.
#[derive(Clone)]
pub struct Entry {
    pub name: Vec<u8>,
    /// The name in its own header
    pub own_name: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub made_by: u8,
    pub attributes: u32,
    pub crc: u32,
    pub size: u32,
    pub packed_size: u32,
    pub packed: Vec<u8>,
    /// Where its own header is said to be; then nothing is written for it
    pub elsewhere: Option<u32>,
}

impl Entry {
    /// With the mode, as Unix has it with the kind of file.
    pub fn mode(mut self, mode: u32) -> Self {
        self.attributes = mode << 16;
        self
    }

    /// With another change.
    pub fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Its own header, with what comes after it.
    pub fn header(&self) -> Vec<u8> {
        let streamed = self.flags & STREAMED != 0;
        let (crc, packed, size) = if streamed { (0, 0, 0) } else { (self.crc, self.packed_size, self.size) };
        let mut bytes = b"PK\x03\x04".to_vec();
        for field in [20, self.flags, self.method, 0, 0x21] {
            bytes.extend(field.to_le_bytes());
        }
        for field in [crc, packed, size] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(short(self.own_name.len()));
        bytes.extend(short(0));
        bytes.extend(&self.own_name);
        bytes
    }

    fn descriptor(&self) -> Vec<u8> {
        if self.flags & STREAMED == 0 {
            return vec![];
        }
        let fields = [self.crc, self.packed_size, self.size].map(u32::to_le_bytes);
        [b"PK\x07\x08".to_vec(), fields.concat()].concat()
    }

    fn record(&self, offset: u32) -> Vec<u8> {
        let mut bytes = b"PK\x01\x02".to_vec();
        for field in [u16::from_le_bytes([20, self.made_by]), 20, self.flags, self.method, 0, 0x21] {
            bytes.extend(field.to_le_bytes());
        }
        for field in [self.crc, self.packed_size, self.size] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(short(self.name.len()));
        bytes.extend([0; 8]); // no extra fields, no comment, the first disk, no internal attributes
        bytes.extend(self.attributes.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes.extend(&self.name);
        bytes
    }
}

pub fn stored(name: impl Into<Vec<u8>>, contents: &[u8]) -> Entry {
    let name = name.into();
    let size = u32::try_from(contents.len()).unwrap();
    let mut crc = Crc::new();
    crc.update(contents);
    Entry {
        own_name: name.clone(),
        name,
        method: STORE,
        flags: 0,
        made_by: UNIX,
        attributes: 0o100_644 << 16,
        crc: crc.sum(),
        size,
        packed_size: size,
        packed: contents.into(),
        elsewhere: None,
    }
}

pub fn deflated(name: impl Into<Vec<u8>>, contents: &[u8]) -> Entry {
    stored(name, contents).but(|entry| {
        entry.method = DEFLATE;
        pack(entry, deflate(contents));
    })
}

/// Its name ends with a slash.
pub fn directory(name: impl Into<Vec<u8>>) -> Entry {
    stored(name, b"").mode(0o40_755)
}

pub fn deflate(contents: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(vec![], Compression::default());
    encoder.write_all(contents).unwrap();
    encoder.finish().unwrap()
}

/// Gives it these bytes, whatever they unpack to.
pub fn pack(entry: &mut Entry, packed: Vec<u8>) {
    entry.packed_size = u32::try_from(packed.len()).unwrap();
    entry.packed = packed;
}

pub fn archive(entries: impl IntoIterator<Item = Entry>) -> Vec<u8> {
    archive_with(&[], entries, None, b"")
}

/// With something in front, a number of entries that may be a lie, and a comment.
pub fn archive_with(
    prefix: &[u8],
    entries: impl IntoIterator<Item = Entry>,
    count: Option<u16>,
    comment: &[u8],
) -> Vec<u8> {
    let mut bytes = prefix.to_vec();
    let (mut records, mut number) = (vec![], 0_usize);
    for entry in entries {
        let offset = entry.elsewhere.unwrap_or_else(|| u32::try_from(bytes.len() - prefix.len()).unwrap());
        if entry.elsewhere.is_none() {
            bytes.extend([entry.header(), entry.packed.clone(), entry.descriptor()].concat());
        }
        records.extend(entry.record(offset));
        number += 1;
    }
    let count = count.unwrap_or(u16::try_from(number).unwrap_or(u16::MAX));
    let offset = u32::try_from(bytes.len() - prefix.len()).unwrap();
    bytes.extend(&records);
    bytes.extend(b"PK\x05\x06");
    for field in [0, 0, count, count] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(u32::try_from(records.len()).unwrap().to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes.extend(short(comment.len()));
    bytes.extend(comment);
    bytes
}

fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap().to_le_bytes()
}
