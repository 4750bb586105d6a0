//! A good archive with one byte changed, or cut short: it is refused, or all of its files are what they were.

#![no_main]

#[path = "../../tests/war-copy-explode/craft.rs"]
#[allow(dead_code)]
mod craft;

use craft::{Entry, FAT, STREAMED, archive_with, deflated, directory, stored};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use std::path::PathBuf;
use war_copy::archive::{Archive, Inflater, Kind, Limits};

const LIMITS: Limits = Limits { max_size: 1 << 20, max_ratio: 100 };

#[derive(Arbitrary, Debug)]
struct Good {
    entries: Vec<Item>,
    comment: String,
    script_in_front: bool,
}

#[derive(Arbitrary, Debug)]
enum Item {
    Stored(Place, Vec<u8>, Maker),
    Deflated(Place, Vec<u8>, Maker),
    Directory(Place),
    /// As WAR files have JAR files
    Nested(Place, Vec<u8>),
}

/// At most a few directories, so that files share them.
#[derive(Arbitrary, Debug)]
struct Place(u8, u8);

#[derive(Arbitrary, Debug)]
struct Maker {
    jar: bool,
    streamed: bool,
}

#[derive(Arbitrary, Debug)]
enum Damage {
    None,
    Byte { at: u16, mask: u8 },
    Cut { at: u16 },
}

impl Item {
    fn entry(&self, number: usize) -> Entry {
        let name =
            |place: &Place| format!("{}{}-{number}", ["", "a/", "a/b/", "c/"][usize::from(place.0 % 4)], place.1);
        let by = |entry: Entry, maker: &Maker| {
            entry.but(|entry| {
                if maker.jar {
                    (entry.made_by, entry.attributes) = (FAT, 0);
                }
                if maker.streamed {
                    entry.flags = STREAMED;
                }
            })
        };
        match self {
            Self::Stored(place, contents, maker) => by(stored(name(place), contents), maker),
            Self::Deflated(place, contents, maker) => by(deflated(name(place), contents), maker),
            Self::Directory(place) => directory(name(place) + "/"),
            Self::Nested(place, contents) => {
                stored(name(place), &archive_with(b"", [stored("x", contents)], None, b""))
            }
        }
    }
}

/// The files of an archive, unless it is refused.
fn files(bytes: &[u8]) -> Option<BTreeMap<PathBuf, Vec<u8>>> {
    let archive = Archive::new(bytes, bytes.len() as u64, LIMITS).ok()?;
    let (mut inflater, mut files) = (Inflater::default(), BTreeMap::new());
    let all = archive.each(|item| {
        if let Kind::File(file) = item.kind {
            let contents: &mut Vec<u8> = files.entry(item.path).or_default();
            archive.read(&file, &mut inflater, |piece| {
                contents.extend(piece);
                Ok(())
            })?;
        }
        Ok(())
    });
    all.is_ok().then_some(files)
}

fuzz_target!(|input: (Good, Damage)| {
    let (good, damage) = input;
    // Its end looks for itself: a comment with another one in it is refused.
    if good.comment.len() > 1000 || good.comment.contains("PK") {
        return;
    }
    let front: &[u8] = if good.script_in_front && !good.entries.is_empty() { b"#!/bin/sh\n" } else { b"" };
    let entries = good.entries.iter().take(50).enumerate().map(|(number, item)| item.entry(number));
    let mut bytes = archive_with(front, entries, None, good.comment.as_bytes());
    let mut whole = files(&bytes).unwrap_or_else(|| panic!("refused: {good:?}"));
    match damage {
        Damage::None => return,
        Damage::Cut { at } if usize::from(at) < bytes.len() => {
            bytes.truncate(at.into());
            // What only a script is in front of, and ends as a JAR in it does, nobody could tell from that JAR.
            let found = files(&bytes);
            assert!(found.is_none() || !front.is_empty(), "cut at {at} of {good:?}: {found:?}");
        }
        Damage::Byte { at, mask } if usize::from(at) < bytes.len() => {
            bytes[usize::from(at)] ^= mask;
            if let Some(mut found) = files(&bytes) {
                // Of an empty file a byte can make a directory, and the other way round.
                found.retain(|_, contents| !contents.is_empty());
                whole.retain(|_, contents| !contents.is_empty());
                assert_eq!(found, whole, "byte {at} of {good:?}");
            }
        }
        _ => {}
    }
});
