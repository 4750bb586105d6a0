//! Sources that are merged into one directory: what two of them have is that of the later one. The one before leaves it
//! out, so that what is there at last does not depend on what was there, and is listed once.

use crate::explode::Opened;
use crate::plan::{Entry, Kind, Plan};
use crate::work::{Tools, Work};
use anyhow::Result;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// The entries that become the same directory as one of them.
#[derive(Default)]
pub struct Others {
    /// What they become
    target: PathBuf,
    /// Whether there is one before it, so that what it becomes will be there
    pub before: bool,
    after: Vec<Source>,
}

enum Source {
    Directory(PathBuf),
    Archive(Box<Opened>),
}

impl Others {
    /// Those of the entry that has this number.
    ///
    /// # Errors
    /// If an archive cannot be opened, or should not be unpacked.
    pub fn of(work: &Work, tools: &mut Tools, plan: &Plan, number: usize) -> Result<Self> {
        let target = &plan.entries[number].target;
        if !plan.shared.contains(target) {
            return Ok(Self::default());
        }
        let same = |entry: &&Entry| entry.target == *target;
        let after = plan.entries[number + 1..].iter().filter(same).map(|entry| Source::of(work, tools, entry));
        let before = plan.entries[..number].iter().any(|entry| same(&entry));
        Ok(Self { target: target.clone(), before, after: after.collect::<Result<_>>()? })
    }

    pub fn none_after(&self) -> bool {
        self.after.is_empty()
    }

    /// Whether a later one has a file or link for this path.
    pub fn have_file(&self, path: &Path) -> bool {
        self.after.iter().any(|source| match (path.strip_prefix(&self.target), source) {
            (Ok(below), Source::Directory(source)) => is(&source.join(below), |found| !found.is_dir()),
            (Ok(below), Source::Archive(opened)) => opened.archive.contains(below),
            (Err(_), _) => false,
        })
    }

    /// Whether a later one has a directory for this path, with mode, owner and time. What is in archives has no time.
    pub fn have_directory(&self, path: &Path) -> bool {
        self.after.iter().any(|source| match (path.strip_prefix(&self.target), source) {
            (Ok(below), Source::Directory(source)) => is(&source.join(below), Metadata::is_dir),
            _ => false,
        })
    }
}

impl Source {
    fn of(work: &Work, tools: &mut Tools, entry: &Entry) -> Result<Self> {
        Ok(match (entry.kind, work.config.explode) {
            (Kind::Archive, Some(limits)) => Self::Archive(Opened::new(work, tools, entry, limits)?.into()),
            _ => Self::Directory(entry.source.clone()),
        })
    }
}

fn is(path: &Path, kind: impl Fn(&Metadata) -> bool) -> bool {
    path.symlink_metadata().is_ok_and(|found| kind(&found))
}
