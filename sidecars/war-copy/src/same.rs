//! Whether what is in DEST is right already: by what it holds, not by its time.

use crate::attributes::{right, right_directory};
use crate::config::{Existing, Follow};
use crate::explode;
use crate::ledger::{Fate, Ledger};
use crate::others::Others;
use crate::plan::Kind;
use crate::source::Source;
use crate::tree::{MAX_DEPTH, Pending};
use crate::work::{Tools, Work};
use anyhow::{Context, Result, ensure};
use rustix::fs::{CWD, lstat, stat};
use rustix::io::pread;
use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use war_copy::digest::Digest;

/// Whether nothing needs to be done about an entry; then its files are in the ledger.
///
/// # Errors
/// If a source cannot be read, or does not have the digest that is expected of it.
pub fn entry(work: &Work, tools: &mut Tools, Pending { entry, archive, others }: &Pending) -> Result<bool> {
    if entry.existing.is_none() {
        return Ok(false);
    }
    let ledger = Ledger::default();
    let (source, target) = (&entry.source, &entry.target);
    let same = match (entry.kind, archive) {
        (Kind::Directory | Kind::Archive, _) if !work.config.merge && work.config.existing == Existing::Keep => {
            ledger.note(Fate::Kept, target, 0, None);
            work.expected.waive(source);
            true
        }
        (Kind::File, _) => {
            let source = Source::open(CWD, source, source.clone(), true)?;
            file(work, tools, &ledger, &source, target)?
        }
        (Kind::Symlink, _) => link(work, source, target)?,
        (Kind::Archive, Some(archive)) => explode::same(work, tools, &ledger, (archive, others), target)?,
        (Kind::Directory | Kind::Archive, _) => directory(work, tools, &ledger, others, (source, target), 0)?,
    };
    if same {
        work.ledger.absorb(ledger);
    }
    Ok(same)
}

/// Whether all of a directory is there, and, unless it is to be merged, nothing else.
fn directory(
    work: &Work,
    tools: &mut Tools,
    ledger: &Ledger,
    others: &Others,
    (source, target): (&Path, &Path),
    depth: usize,
) -> Result<bool> {
    ensure!(depth < MAX_DEPTH, "{} has directories nested deeper than {MAX_DEPTH}", source.display());
    let cannot_read = || format!("cannot read {}", source.display());
    let like = stat(source).with_context(cannot_read)?;
    let like = (!others.have_directory(target)).then_some(&like);
    let right = |found: Metadata| found.is_dir() && right_directory(work.config, like, &found);
    if !fs::symlink_metadata(target).is_ok_and(right) {
        return Ok(false);
    }
    let mut count = 0;
    for found in fs::read_dir(source).with_context(cannot_read)? {
        work.stop.check()?;
        let name = found.with_context(cannot_read)?.file_name();
        let (source, target) = (source.join(&name), target.join(&name));
        count += 1;
        let follow = work.config.follow == Follow::Always;
        let kind = if follow { fs::metadata(&source) } else { fs::symlink_metadata(&source) };
        let kind = kind.with_context(|| format!("cannot look at {}", source.display()))?.file_type();
        let same = if kind.is_dir() {
            directory(work, tools, ledger, others, (&source, &target), depth + 1)?
        } else if others.have_file(&target) {
            work.expected.waive(&source);
            true
        } else if kind.is_symlink() {
            link(work, &source, &target)?
        } else {
            let source = Source::open(CWD, &source, source.clone(), follow)?;
            file(work, tools, ledger, &source, &target)?
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(work.config.merge || entries(target)? == count)
}

/// How many entries a directory has.
///
/// # Errors
/// If it cannot be read.
pub fn entries(directory: &Path) -> Result<usize> {
    Ok(fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?.count())
}

/// Whether a symbolic link is there and leads to the same.
pub fn link(work: &Work, source: &Path, target: &Path) -> Result<bool> {
    let to = fs::read_link(source).with_context(|| format!("cannot read the link {}", source.display()))?;
    let Ok(found) = target.symlink_metadata() else { return Ok(false) };
    if work.config.existing == Existing::Keep {
        return Ok(true);
    }
    let like = lstat(source).with_context(|| format!("cannot look at {}", source.display()))?;
    Ok(fs::read_link(target).is_ok_and(|there| there == to) && right(work.config, Some(&like), &found))
}

/// Whether a file need not be put, since it is there or is to be left; then it is in the ledger.
///
/// # Errors
/// If it cannot be read, does not have the digest that is expected of it, or if a directory is in its place.
pub fn file(work: &Work, tools: &mut Tools, ledger: &Ledger, source: &Source, target: &Path) -> Result<bool> {
    let found = match fs::symlink_metadata(target) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        found => found.with_context(|| format!("cannot look at {}", target.display()))?,
    };
    if found.is_dir() {
        let (there, source) = (target.display(), source.path.display());
        ensure!(!work.config.merge, "cannot replace {there}, a directory, by {source}, which is none");
        return Ok(false); // what is not merged is replaced as a whole
    }
    let as_new =
        (found.mtime(), found.mtime_nsec().unsigned_abs()) >= (source.stat.st_mtime, source.stat.st_mtime_nsec);
    match work.config.existing {
        Existing::Keep => {}
        Existing::Update if as_new => {}
        _ => {
            let alike =
                found.is_file() && found.len() == source.size() && right(work.config, Some(&source.stat), &found);
            let same = alike && contents(work, tools, ledger, source, target)?;
            return Ok(same);
        }
    }
    work.expected.waive(&source.path);
    ledger.note(Fate::Kept, target, found.len(), None);
    Ok(true)
}

/// Whether two files of one size hold the same.
fn contents(work: &Work, tools: &mut Tools, ledger: &Ledger, source: &Source, target: &Path) -> Result<bool> {
    let Ok(mut there) = File::open(target) else { return Ok(false) };
    let manifest = work.config.manifest.is_some();
    let wanted = manifest || work.expected.of(&source.path);
    let mut offset = 0;
    loop {
        work.stop.check()?;
        let (ours, theirs) = tools.halves();
        let got = pread(&source.file, &mut *ours, offset);
        let got = got.with_context(|| format!("cannot read {}", source.path.display()))?;
        if got == 0 {
            break;
        }
        let ours = &ours[..got];
        if there.read_exact(&mut theirs[..got]).is_err() || *ours != theirs[..got] {
            tools.hasher.finish(); // of no use
            return Ok(false);
        }
        if wanted {
            tools.hasher.update(&tools.buffer[..got]);
        }
        offset += got as u64;
    }
    source.unchanged(offset)?;
    let digest: Option<Digest> = wanted.then(|| tools.hasher.finish());
    if let Some(digest) = &digest {
        work.expected.check(&source.path, digest)?;
    }
    ledger.note(Fate::Same, target, offset, digest.filter(|_| manifest));
    Ok(true)
}
