//! What was put, for the summary and the manifest.

use crate::progress::{Bytes, Seconds};
use crate::work::Work;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use war_copy::digest::{Digest, sums_line};

#[derive(Default)]
pub struct Ledger {
    put: Count,
    same: Count,
    kept: Count,
    /// Whether anything was done at all: links and directories are not counted
    changed: AtomicBool,
    /// Every file there is at last, if a manifest is to be written
    digests: Mutex<Vec<(PathBuf, Digest)>>,
}

#[derive(Default)]
struct Count {
    files: AtomicU64,
    bytes: AtomicU64,
}

/// What has become of a file.
#[derive(Clone, Copy)]
pub enum Fate {
    Put,
    /// It was right already
    Same,
    /// It was to be left, whatever it is
    Kept,
}

impl Ledger {
    /// Notes a file of so many bytes at `target`; a manifest needs its digest.
    pub fn note(&self, fate: Fate, target: &Path, bytes: u64, digest: Option<Digest>) {
        let count = match fate {
            Fate::Put => &self.put,
            Fate::Same => &self.same,
            Fate::Kept => &self.kept,
        };
        count.files.fetch_add(1, Ordering::Relaxed);
        count.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(digest) = digest {
            self.digests.lock().unwrap_or_else(PoisonError::into_inner).push((target.into(), digest));
        }
    }

    /// Notes that DEST is not what it was.
    pub fn changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Takes over what another one has.
    pub fn absorb(&self, other: Self) {
        for (own, others) in [(&self.put, other.put), (&self.same, other.same), (&self.kept, other.kept)] {
            own.files.fetch_add(others.files.into_inner(), Ordering::Relaxed);
            own.bytes.fetch_add(others.bytes.into_inner(), Ordering::Relaxed);
        }
        let digests = other.digests.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).extend(digests);
    }

    /// Writes the digests to `file`, by name, relative to `base`; sha256sum can check them there.
    ///
    /// # Errors
    /// If it cannot be written; it is either whole or not there.
    pub fn write_manifest(&self, file: &Path, base: &Path) -> Result<()> {
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        digests.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let lines = digests.iter().map(|(path, digest)| sums_line(digest, path.strip_prefix(base).unwrap_or(path)));
        let text = lines.collect::<Vec<_>>().concat();
        replace(file, &text).with_context(|| format!("cannot write the manifest {}", file.display()))
    }

    /// One line for all of it.
    pub fn summary(&self, work: &Work, base: &Path) -> String {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (put, same, kept) = (load(&self.put.files), load(&self.same.files), load(&self.kept.files));
        let base = base.display();
        let nothing_done = (put, kept) == (0, 0) && same > 0 && !self.changed.load(Ordering::Relaxed);
        let mut parts = vec![if nothing_done {
            format!("nothing to do: {} in {base} right already", are(same))
        } else {
            format!("{} put in {base}", files(put))
        }];
        if same > 0 && !nothing_done {
            parts.push(format!("{same} right already"));
        }
        if kept > 0 {
            parts.push(format!("{kept} left as they were"));
        }
        let bytes = Bytes(load(&self.put.bytes) + load(&self.same.bytes));
        parts.push(format!("{bytes} in {}", Seconds(work.progress.elapsed())));
        parts.push(match (work.config.verify, work.expected.met()) {
            (false, _) => "not verified".into(),
            (true, 0) => "no SHA-256 to check against".into(),
            (true, met) => format!("SHA-256 of {met} checked"),
        });
        parts.join(", ")
    }
}

/// Replaces a file by one rename, unless it is right already. Where two runs do, one waits until the other is done.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    if fs::read(file).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    loop {
        let mut written = File::options().write(true).create(true).truncate(false).open(&new)?;
        written.lock()?;
        let own = written.metadata()?.ino();
        if !fs::symlink_metadata(&new).is_ok_and(|there| there.ino() == own) {
            continue; // whoever had it has renamed it
        }
        written.set_len(0)?;
        written.write_all(text)?;
        written.sync_all()?;
        return fs::rename(&new, file);
    }
}

fn files(number: u64) -> String {
    if number == 1 { "1 file".into() } else { format!("{number} files") }
}

fn are(number: u64) -> String {
    if number == 1 { "1 file is".into() } else { format!("{number} files are") }
}
