//! Files that were read before this process was started.

use crate::input::generation::Generation;
use crate::input::identity::{Identity, Seen};
use crate::input::names::is_rotated;
use crate::input::patterns::Visitor;
use crate::input::tailer::Tailer;
use crate::positions::Record;
use std::collections::HashMap;
use std::fs::metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

impl Tailer {
    /// Puts them back to their logs.
    pub(super) fn recall(&mut self, mut records: Vec<Record>) {
        self.follow_renames(&mut records);
        for record in records {
            let Some(input) = self.inputs.iter().position(|(patterns, _)| patterns.matches(&record.path)) else {
                self.strangers.push(record);
                continue;
            };
            let id = self.log(&record.path, input);
            let mut generation = Generation::recalled(
                record.generation,
                record.identity,
                record.born,
                record.fingerprint,
                record.offset,
                record.tail,
            );
            generation.place = record.place.filter(|place| self.inputs[input].0.allows(place));
            generation.modified = record.modified;
            generation.size = record.size;
            self.readers.insert(&generation, id);
            self.logs[id].generations.push_back(generation);
        }
    }

    /// One that was renamed, but not as a rotation renames, is a log by its new name if an input is about that. So is one
    /// that is where it was, when no input is about the link that led there any more.
    fn follow_renames(&self, records: &mut [Record]) {
        let seen = |path: &Path| metadata(path).ok().map(|found| Seen::new(&found));
        let is_asked_for = |path: &Path| self.inputs.iter().any(|(patterns, _)| patterns.matches(path));
        let is_elsewhere = |record: &Record| {
            seen(&record.path).is_none_or(|seen| seen.identity != record.identity) || !is_asked_for(&record.path)
        };
        // Nearly always all are where they were.
        if !records.iter().any(is_elsewhere) {
            return;
        }
        let mut present = Present::default();
        for (patterns, _) in &self.inputs {
            patterns.walk(&mut present);
        }
        for record in records.iter_mut().filter(|record| is_elsewhere(record)) {
            let Some((path, seen)) = present.0.get(&record.identity) else { continue };
            let is_found = is_asked_for(&record.path) && is_rotation(&record.path, path);
            if seen.may_be(record.identity, record.born) && !is_found {
                record.path = path.as_path().into();
            }
        }
    }
}

/// Whether a log at `path` that was rotated can be at `other` now, where it is looked for in any case.
fn is_rotation(path: &Path, other: &Path) -> bool {
    let names = path.file_name().zip(other.file_name());
    path.parent() == other.parent() && names.is_some_and(|(base, name)| is_rotated(base.as_bytes(), name.as_bytes()))
}

/// Files that are there.
#[derive(Default)]
struct Present(HashMap<Identity, (PathBuf, Seen)>);

impl Visitor for Present {
    fn directory(&mut self, _: &Path) {}

    fn file(&mut self, path: PathBuf) {
        if let Ok(found) = metadata(&path) {
            let seen = Seen::new(&found);
            self.0.insert(seen.identity, (path, seen));
        }
    }
}
