//! Archives, unpacked.

use crate::attributes::{give, right, right_directory};
use crate::config::Existing;
use crate::content::write_all;
use crate::file::CREATE;
use crate::ledger::{Fate, Ledger};
use crate::others::Others;
use crate::plan::Entry;
use crate::pool::Feed;
use crate::source::Source;
use crate::tree::{self, BATCH, Folder, Late};
use crate::work::{Tools, Work};
use anyhow::{Context, Result, ensure};
use rawzip::ReaderAt;
use rustix::fs::{AtFlags, CWD, Mode, chmodat, fsync, mkdirat, openat, statat};
use rustix::io::{Errno, pread};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use war_copy::archive::{self, Archive, Inflater, Item, Kind, Limits};

/// An archive that may be unpacked.
pub struct Opened {
    pub archive: Archive<Source>,
}

impl ReaderAt for Source {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(pread(&self.file, buffer, offset)?)
    }
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
        let archive = Archive::new(source, size, limits);
        Ok(Self { archive: archive.with_context(|| format!("cannot unpack {}", path.display()))? })
    }

    /// # Errors
    /// If it has been written since it was opened: then nothing that was found out about it holds.
    pub fn unchanged(&self) -> Result<()> {
        let source = self.archive.reader();
        source.unchanged(source.size())
    }

    fn path(&self) -> &Path {
        &self.archive.reader().path
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
            .with_context(|| format!("cannot unpack {}: `{}`", self.path().display(), path.display()))
    }
}

/// Makes the directories and feeds the files.
///
/// # Errors
/// If the archive is not any more what it was, or a directory cannot be made.
pub fn stage(
    work: &Work,
    feed: &Feed<tree::Job>,
    (opened, others): (&Arc<Opened>, &Others),
    root: &Arc<Folder>,
    existing: bool,
    staged: &Path,
    late: &mut Vec<Late>,
) -> Result<()> {
    let mut directories = Directories { work, root, existing, staged, late: vec![] };
    let mut files = vec![];
    let mut last = PathBuf::new();
    let job = |files| Job { from: opened.clone(), to: root.clone(), files, existing };
    opened.archive.each(|Item { path, kind }| {
        match kind {
            Kind::Directory(mode) => directories.make(&path, Some(Mode::from_raw_mode(mode)))?,
            Kind::File(_) if others.have_file(&root.path.join(&path)) => {}
            Kind::File(file) => {
                let parent = path.parent().unwrap_or(Path::new(""));
                if parent != last {
                    parent.clone_into(&mut last);
                    directories.make(parent, None)?;
                }
                files.push((path, file));
            }
        }
        if files.len() == BATCH {
            feed.send(tree::Job::Unpack(job(std::mem::take(&mut files))))?;
        }
        Ok(())
    })?;
    late.extend(directories.sorted());
    feed.send(tree::Job::Unpack(job(files)))
}

/// What a directory is made with that only the names of files imply.
const IMPLIED: Mode = Mode::RWXU.union(Mode::RGRP).union(Mode::XGRP).union(Mode::ROTH).union(Mode::XOTH);

/// The directories of an archive, which come in any order, before or after what is in them, or not at all.
struct Directories<'a> {
    work: &'a Work<'a>,
    root: &'a Folder,
    existing: bool,
    staged: &'a Path,
    late: Vec<Late>,
}

impl Directories<'_> {
    /// Makes one and those it is in, unless they are there. The archive may say its mode.
    fn make(&mut self, path: &Path, mode: Option<Mode>) -> Result<()> {
        if path.as_os_str().is_empty() {
            return Ok(());
        }
        let shown = self.root.path.join(path);
        let wanted = mode.unwrap_or(IMPLIED);
        match mkdirat(&self.root.fd, path, wanted | Mode::RWXU) {
            Ok(()) => {
                let there = self.existing.then(|| shown.symlink_metadata().ok()).flatten();
                let fits = there.as_ref().is_none_or(Metadata::is_dir);
                ensure!(fits, "cannot replace {}, which is no directory, by one", shown.display());
                self.late.extend(match there {
                    Some(_) => Late::merged(self.work, &shown, None),
                    None => Late::of(self.work, self.staged.join(path), wanted, None),
                });
                Ok(())
            }
            Err(Errno::EXIST) if self.existing && shown.is_dir() => Ok(()), // which keeps its mode
            Err(Errno::EXIST) => mode.map_or(Ok(()), |mode| {
                self.widen(path, mode).with_context(|| format!("cannot write {}", shown.display()))
            }),
            Err(Errno::NOENT) if path.iter().count() > 1 => {
                self.make(path.parent().unwrap_or(Path::new("")), None)?;
                self.make(path, mode)
            }
            Err(error) => Err(error).with_context(|| format!("cannot write {}", shown.display())),
        }
    }

    /// Gives its own mode to one that was made for what is in it, when that mode was not known: what it has more at once,
    /// and what it has less when all is in it.
    fn widen(&mut self, path: &Path, mode: Mode) -> Result<(), Errno> {
        let missing = mode - IMPLIED - self.work.umask;
        let now = Mode::from_raw_mode(statat(&self.root.fd, path, AtFlags::SYMLINK_NOFOLLOW)?.st_mode);
        if !now.contains(missing) {
            chmodat(&self.root.fd, path, now | missing, AtFlags::empty())?;
        }
        self.late.push(Late { path: self.staged.join(path), mode: Some(mode), like: None });
        Ok(())
    }

    /// Those that are left to be done, each after the one it is in.
    fn sorted(mut self) -> Vec<Late> {
        self.late.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        self.late
    }
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
        chassis::message::info(format_args!("'{}' -> '{}'", job.from.path().join(path).display(), target.display()));
    }
    work.ledger.note(Fate::Put, target, file.size, manifest.then(|| hasher.finish()));
    Ok(())
}

/// Whether a directory is what the archive would become: all of it, and unless it is to be merged nothing else.
///
/// # Errors
/// If the archive's files are not what it says of them.
pub fn same(
    work: &Work,
    tools: &mut Tools,
    ledger: &Ledger,
    (opened, others): (&Opened, &Others),
    target: &Path,
) -> Result<bool> {
    if !work.config.merge && !nothing_else(opened, target, Path::new(""), &mut 0)? {
        return Ok(false);
    }
    let mut same = directories_right(work, target, Path::new(""));
    let mut last = PathBuf::new();
    opened.archive.each(|Item { path, kind }| {
        work.stop.check()?;
        let there = target.join(&path);
        same = same
            && match &kind {
                Kind::Directory(_) => directories_right(work, target, &path),
                Kind::File(_) if others.have_file(&there) => true,
                Kind::File(file) => {
                    let parent = path.parent().filter(|parent| *parent != last);
                    parent.is_none_or(|parent| {
                        parent.clone_into(&mut last);
                        directories_right(work, target, parent)
                    }) && stays(work, tools, ledger, opened, (&path, file), &there)?
                }
            };
        Ok(())
    })?;
    opened.unchanged()?;
    Ok(same)
}

/// Whether a directory of an archive, and those it is in, are there and have the owner that is asked for.
fn directories_right(work: &Work, target: &Path, path: &Path) -> bool {
    let right = |found: Metadata| found.is_dir() && right_directory(work.config, None, &found);
    path.ancestors().all(|path| target.join(path).symlink_metadata().is_ok_and(right))
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
        // What is not merged is replaced as a whole.
        ensure!(
            !work.config.merge,
            "cannot replace {}, a directory, by a file of {}",
            target.display(),
            opened.path().display()
        );
        return Ok(false);
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
