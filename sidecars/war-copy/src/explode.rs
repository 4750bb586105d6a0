//! Archives, unpacked.

use crate::attributes::{give, right};
use crate::config::Existing;
use crate::content::write_all;
use crate::file::CREATE;
use crate::ledger::{Fate, Ledger};
use crate::plan::Entry;
use crate::pool::Feed;
use crate::source::Source;
use crate::tree::{self, BATCH, Folder, Late};
use crate::work::{Tools, Work};
use anyhow::{Context, Result, bail, ensure};
use rawzip::FileReader;
use rustix::fs::{CWD, Mode, fsync, mkdirat, openat};
use rustix::io::{Errno, pread};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use war_copy::archive::{self, Archive, Inflater, Item, Kind, Limits};

/// An archive that may be unpacked.
pub struct Opened {
    pub archive: Archive<FileReader>,
    path: PathBuf,
}

/// Files of an archive.
pub struct Job {
    from: Arc<Opened>,
    /// The directory for all of it, where it waits
    to: Arc<Folder>,
    files: Vec<(PathBuf, archive::File)>,
    /// Whether what it goes to is there already, so that there may be files of these names
    existing: bool,
}

impl Opened {
    /// # Errors
    /// If it is not what is expected of it, or should not be unpacked.
    pub fn new(work: &Work, tools: &mut Tools, entry: &Entry, limits: Limits) -> Result<Self> {
        let path = &entry.source;
        let source = Source::open(CWD, path, path.clone(), true)?;
        if work.expected.of(path) {
            let mut offset = 0;
            loop {
                work.stop.check()?;
                let got = pread(&source.file, &mut tools.buffer[..], offset);
                let got = got.with_context(|| format!("cannot read {}", path.display()))?;
                if got == 0 {
                    break;
                }
                tools.hasher.update(&tools.buffer[..got]);
                offset += got as u64;
            }
            source.unchanged(offset)?;
            work.expected.check(path, &tools.hasher.finish())?;
        }
        let size = source.size();
        let archive = Archive::new(FileReader::from(File::from(source.file)), size, limits);
        let archive = archive.with_context(|| format!("cannot unpack {}", path.display()))?;
        Ok(Self { archive, path: path.clone() })
    }

    /// Hands over a file, piece by piece.
    fn read(
        &self,
        tools: &mut Option<Box<Inflater>>,
        path: &Path,
        file: &archive::File,
        sink: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let inflater = tools.get_or_insert_default();
        self.archive
            .read(file, inflater, sink)
            .with_context(|| format!("cannot unpack {}: `{}`", self.path.display(), path.display()))
    }
}

/// Makes the directories and feeds the files.
///
/// # Errors
/// If the archive is not any more what it was, or a directory cannot be made.
pub fn stage(
    work: &Work,
    feed: &Feed<tree::Job>,
    opened: &Arc<Opened>,
    root: &Arc<Folder>,
    existing: bool,
    staged: &Path,
    late: &mut Vec<Late>,
) -> Result<()> {
    let mut files = vec![];
    let mut last = PathBuf::new();
    let job = |files| Job { from: opened.clone(), to: root.clone(), files, existing };
    opened.archive.each(|Item { path, kind }| {
        let parent = path.parent().unwrap_or(Path::new(""));
        if parent != last {
            parent.clone_into(&mut last);
            make(root, parent, None, existing)?;
        }
        match kind {
            Kind::Directory(mode) => {
                let mode = Mode::from_raw_mode(mode);
                if make(root, &path, Some(mode), existing)? {
                    late.extend(Late::of(work, staged.join(&path), mode, None));
                }
            }
            Kind::File(file) => files.push((path, file)),
        }
        if files.len() == BATCH {
            feed.send(tree::Job::Unpack(job(std::mem::take(&mut files))))?;
        }
        Ok(())
    })?;
    feed.send(tree::Job::Unpack(job(files)))
}

/// Makes a directory and those it is in, unless they are there; whether it was made.
fn make(root: &Folder, path: &Path, mode: Option<Mode>, existing: bool) -> Result<bool> {
    if path.as_os_str().is_empty() {
        return Ok(false);
    }
    let shown = root.path.join(path);
    match mkdirat(&root.fd, path, mode.unwrap_or(Mode::from_raw_mode(0o755)) | Mode::RWXU) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(false),
        Err(Errno::NOENT) => {
            make(root, path.parent().unwrap_or(Path::new("")), None, existing)?;
            return make(root, path, mode, existing);
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {}", shown.display())),
    }
    if existing {
        let fits = shown.symlink_metadata().map_or(true, |found| found.is_dir());
        ensure!(fits, "cannot replace {}, which is no directory, by one", shown.display());
    }
    Ok(true)
}

/// # Errors
/// If one of them cannot be put; what is already there is left.
pub fn put_all(work: &Work, tools: &mut Tools, job: &Job) -> Result<()> {
    job.files.iter().try_for_each(|(path, file)| {
        work.stop.check()?;
        let target = job.to.path.join(path);
        if job.existing && stays(work, tools, &work.ledger, &job.from, (path, file), &target)? {
            work.progress.add_bytes(file.size);
        } else {
            put(work, tools, job, path, file, &target)?;
        }
        work.progress.add_file();
        Ok(())
    })
}

fn put(work: &Work, tools: &mut Tools, job: &Job, path: &Path, file: &archive::File, target: &Path) -> Result<()> {
    let cannot_write = || format!("cannot write {}", target.display());
    let to = openat(&job.to.fd, path, CREATE, Mode::from_raw_mode(file.mode)).with_context(cannot_write)?;
    let manifest = work.config.manifest.is_some();
    let Tools { hasher, inflater, .. } = tools;
    job.from.read(inflater, path, file, |piece| {
        work.stop.check()?;
        if manifest {
            hasher.update(piece);
        }
        work.progress.add_bytes(piece.len() as u64);
        write_all(&to, piece).with_context(cannot_write)
    })?;
    give(work.config, &to, None).with_context(cannot_write)?;
    if work.sync_each {
        fsync(to.as_fd()).with_context(cannot_write)?;
    }
    if work.config.verbose {
        chassis::message::info(format_args!("'{}' -> '{}'", job.from.path.join(path).display(), target.display()));
    }
    work.ledger.note(Fate::Put, target, file.size, manifest.then(|| hasher.finish()));
    Ok(())
}

/// Whether a directory is what the archive would become: all of it, and unless it is to be merged nothing else.
///
/// # Errors
/// If the archive's files are not what it says of them.
pub fn same(work: &Work, tools: &mut Tools, ledger: &Ledger, opened: &Opened, target: &Path) -> Result<bool> {
    if !work.config.merge && !nothing_else(opened, target, Path::new(""), &mut 0)? {
        return Ok(false);
    }
    let mut same = true;
    opened.archive.each(|Item { path, kind }| {
        work.stop.check()?;
        let there = target.join(&path);
        same = same
            && match &kind {
                Kind::Directory(_) => there.symlink_metadata().is_ok_and(|found| found.is_dir()),
                Kind::File(file) => stays(work, tools, ledger, opened, (&path, file), &there)?,
            };
        Ok(())
    })?;
    Ok(same)
}

/// Whether a directory has as many files and directories as the archive, and no others.
fn nothing_else(opened: &Opened, target: &Path, below: &Path, count: &mut usize) -> Result<bool> {
    let directory = target.join(below);
    let cannot_read = || format!("cannot read {}", directory.display());
    for found in fs::read_dir(&directory).with_context(cannot_read)? {
        let found = found.with_context(cannot_read)?;
        let path = below.join(found.file_name());
        *count += 1;
        let known = *count <= opened.archive.len() && opened.archive.contains(&path);
        let directory = found.file_type().with_context(cannot_read)?.is_dir();
        if !known || (directory && !nothing_else(opened, target, &path, count)?) {
            return Ok(false);
        }
    }
    Ok(!below.as_os_str().is_empty() || *count == opened.archive.len())
}

/// Whether a file need not be put, since it is there or is to be left; then it is in the ledger.
fn stays(
    work: &Work,
    tools: &mut Tools,
    ledger: &Ledger,
    opened: &Opened,
    (path, file): (&Path, &archive::File),
    target: &Path,
) -> Result<bool> {
    let found = match fs::symlink_metadata(target) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(false),
        found => found.with_context(|| format!("cannot look at {}", target.display()))?,
    };
    if found.is_dir() {
        bail!("cannot replace {}, a directory, by a file of {}", target.display(), opened.path.display());
    }
    if work.config.existing == Existing::Keep {
        ledger.note(Fate::Kept, target, found.len(), None);
        return Ok(true);
    }
    if !found.is_file() || found.len() != file.size || !right(work.config, None, &found) {
        return Ok(false);
    }
    let Ok(mut there) = File::open(target) else { return Ok(false) };
    let manifest = work.config.manifest.is_some();
    let mut same = true;
    let Tools { buffer, hasher, inflater, .. } = tools;
    opened.read(inflater, path, file, |piece| {
        work.stop.check()?;
        // Read to the end all the same: that the archive is whole has to be known, too.
        same = same && there.read_exact(&mut buffer[..piece.len()]).is_ok() && buffer[..piece.len()] == *piece;
        if manifest {
            hasher.update(piece);
        }
        Ok(())
    })?;
    let digest = manifest.then(|| hasher.finish());
    if same {
        ledger.note(Fate::Same, target, file.size, digest);
    }
    Ok(same)
}
