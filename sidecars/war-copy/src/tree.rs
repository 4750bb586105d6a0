//! Directories: walked by one, their files put by many.

use crate::attributes::{PERMISSIONS, give, give_link, gives_merged, may_change, permissions};
use crate::config::Follow;
use crate::explode::{self, Opened};
use crate::file;
use crate::others::Others;
use crate::plan::{Entry, Kind};
use crate::pool::Feed;
use crate::same;
use crate::work::{Tools, Work};
use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fchmod, fstat, mkdirat, openat, readlinkat, statat, symlinkat,
};
use rustix::path::Arg;
use std::ffi::{CStr, OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Each level is two open files, of the 1,024 that a process may have.
pub const MAX_DEPTH: usize = war_copy::MAX_DEPTH;
/// Files of one job: so many that to pass it on costs little, so few that nobody waits for the last one.
pub const BATCH: usize = 256;

/// An open directory, and its path: for one where files wait, the path they will have.
pub struct Folder {
    pub fd: OwnedFd,
    pub path: PathBuf,
}

impl Folder {
    /// A directory that is to be put.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn of(work: &Work, entry: &Entry) -> Result<Self> {
        let path = entry.source.clone();
        Ok(Self { fd: open_directory(CWD, &path, &path, work.config.follow != Follow::Never)?, path })
    }

    /// A directory that is in this one.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn child(&self, work: &Work, name: &OsStr) -> Result<Self> {
        let path = self.path.join(name);
        Ok(Self { fd: open_directory(&self.fd, name, &path, work.config.follow == Follow::Always)?, path })
    }

    /// Calls `each` with what is in it, and what that is.
    ///
    /// # Errors
    /// What `each` returns, and if it cannot be read.
    pub fn each(&self, work: &Work, mut each: impl FnMut(&CStr, FileType) -> Result<()>) -> Result<()> {
        let cannot_read = || format!("cannot read {}", self.path.display());
        for found in Dir::read_from(&self.fd).with_context(cannot_read)? {
            let found = found.with_context(cannot_read)?;
            let name = found.file_name();
            if ![c".", c".."].contains(&name) {
                each(name, self.kind(work, name, found.file_type())?)?;
            }
        }
        Ok(())
    }

    /// What something in it is, where its own word for it is not enough.
    fn kind(&self, work: &Work, name: &CStr, said: FileType) -> Result<FileType> {
        let follow = work.config.follow == Follow::Always;
        let enough = said != FileType::Unknown && !(follow && said == FileType::Symlink);
        if enough {
            return Ok(said);
        }
        Ok(FileType::from_raw_mode(self.look(name, follow)?.st_mode))
    }

    /// # Errors
    /// If what has that name cannot be looked at.
    pub fn look(&self, name: &CStr, follow: bool) -> Result<Stat> {
        let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        let path = || self.path.join(OsStr::from_bytes(name.to_bytes()));
        statat(&self.fd, name, flags).with_context(|| format!("cannot look at {}", path().display()))
    }
}

/// An entry that is to be put.
pub struct Pending<'a> {
    pub entry: &'a Entry,
    /// It, if it is to be unpacked
    pub archive: Option<Arc<Opened>>,
    pub others: Others,
}

/// What there is to do for the pool.
pub enum Job {
    Files(file::Job),
    Unpack(explode::Job),
}

/// # Errors
/// What the work says.
pub fn work_on(work: &Work, tools: &mut Tools, job: Job) -> Result<()> {
    match job {
        Job::Files(job) => file::put_all(work, tools, &job),
        Job::Unpack(job) => explode::put_all(work, tools, &job),
    }
}

/// Brings an entry into `holder`, a directory that waits. What is left to be done when the pool is done goes to `late`.
///
/// # Errors
/// If something is no file, directory or link, cannot be read or cannot be written.
pub fn stage(
    work: &Work,
    feed: &Feed<Job>,
    Pending { entry, archive, others }: &Pending,
    holder: &Path,
    late: &mut Vec<Late>,
) -> Result<()> {
    let target = &entry.target;
    let name = target.file_name().with_context(|| format!("{} has no name", target.display()))?;
    fs::create_dir(holder).with_context(|| format!("cannot write {}", holder.display()))?;
    let base = target.parent().unwrap_or(Path::new(""));
    let to = Arc::new(Folder { fd: open_directory(CWD, holder, base, false)?, path: base.into() });
    let existing = entry.existing.is_some() && (work.config.merge || entry.kind == Kind::File);
    let mut walk = Walk { work, feed, holder, base, others, late, above: vec![] };
    match (entry.kind, archive) {
        (Kind::File, _) => {
            let parent = entry.source.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            let path = entry.source.parent().unwrap_or(Path::new("")).to_owned();
            let from = Arc::new(Folder { fd: open_directory(CWD, parent, parent, true)?, path });
            let names = vec![(name.into(), entry.source.file_name().map(Into::into))];
            feed.send(Job::Files(file::Job { from, to, names, existing, follow: true }))
        }
        (Kind::Symlink, _) => symlink(work, CWD, &entry.source, &to, name, &entry.source, false),
        (Kind::Directory, _) => walk.directory(&Arc::new(Folder::of(work, entry)?), &to, name, existing),
        (Kind::Archive, Some(archive)) => {
            let root = walk.make(&to, name, Mode::from_raw_mode(0o755), None, existing)?;
            explode::stage(work, feed, (archive, others), &root, existing, &holder.join(name), late)
        }
        (Kind::Archive, None) => bail!("{} has not been opened", entry.source.display()),
    }
}

/// A directory that gets its attributes when it is complete: writing in it would change its time, and may not even be
/// allowed any more.
pub struct Late {
    /// Where it waits; or where it is, if it is one that is merged into
    pub path: PathBuf,
    /// What a new one may have at most
    pub mode: Option<Mode>,
    pub like: Option<Stat>,
}

impl Late {
    /// A directory that waits at `staged` and should have this mode, if it needs to be given to it at all.
    pub fn of(work: &Work, staged: PathBuf, mode: Mode, like: Option<Stat>) -> Option<Self> {
        let needed = work.config.preserve || work.config.chown.is_some() || !mode.contains(Mode::RWXU);
        needed.then_some(Self { path: staged, mode: Some(mode), like })
    }

    /// A directory that is there, and that others are merged into.
    pub fn merged(work: &Work, target: &Path, like: Option<Stat>) -> Option<Self> {
        gives_merged(work.config).then(|| Self { path: target.into(), mode: None, like })
    }

    pub fn is_merged(&self) -> bool {
        self.mode.is_none()
    }

    /// # Errors
    /// If the kernel does not allow it.
    pub fn give(&self, work: &Work) -> Result<()> {
        let cannot = || format!("cannot change {}", self.path.display());
        let directory = open_directory(CWD, &self.path, &self.path, false)?;
        let found = fstat(&directory).with_context(cannot)?;
        let mut like = self.like.as_ref();
        if let Some(mode) = self.mode {
            let without = PERMISSIONS - mode; // what it was created with only to write in it
            fchmod(&directory, Mode::from_raw_mode(found.st_mode) - without).with_context(cannot)?;
        } else if !may_change(found.st_uid) {
            like = None; // it stays as whoever owns it wants it
        }
        give(work.config, &directory, like).with_context(cannot)
    }
}

struct Walk<'a, 'b> {
    work: &'a Work<'b>,
    feed: &'a Feed<'a, Job>,
    holder: &'a Path,
    /// What the holder will be
    base: &'a Path,
    others: &'a Others,
    late: &'a mut Vec<Late>,
    /// The directories that this one is in, by device and inode
    above: Vec<(u64, u64)>,
}

impl Walk<'_, '_> {
    /// Copies what is in `from` to a new directory of this name.
    fn directory(&mut self, from: &Arc<Folder>, into: &Folder, name: &OsStr, existing: bool) -> Result<()> {
        let shown = from.path.display();
        let stat = fstat(&from.fd).with_context(|| format!("cannot look at {shown}"))?;
        let identity = (stat.st_dev, stat.st_ino);
        ensure!(!self.above.contains(&identity), "{shown} is a link to a directory that it is in");
        ensure!(self.above.len() < MAX_DEPTH, "{shown} is nested deeper than {MAX_DEPTH}");
        let to = self.make(into, name, permissions(&stat), Some(stat), existing)?;

        let mut directories = vec![];
        let mut names = vec![];
        from.each(self.work, |child, kind| {
            let child_name = || OsStr::from_bytes(child.to_bytes()).to_owned();
            match kind {
                FileType::RegularFile | FileType::Symlink
                    if !self.others.none_after() && self.others.have_file(&to.path.join(child_name())) =>
                {
                    self.work.expected.waive(&from.path.join(child_name()));
                }
                FileType::RegularFile => {
                    names.push((child_name(), None));
                    if names.len() == BATCH {
                        self.send(from, &to, std::mem::take(&mut names), existing)?;
                    }
                }
                FileType::Directory => directories.push(child_name()),
                FileType::Symlink => {
                    let path = from.path.join(child_name());
                    symlink(self.work, &from.fd, child, &to, &child_name(), &path, existing)?;
                }
                _ => bail!("{} is no file, directory or symbolic link", from.path.join(child_name()).display()),
            }
            Ok(())
        })?;
        if !names.is_empty() {
            self.send(from, &to, names, existing)?;
        }
        self.above.push(identity);
        for child in directories {
            self.work.stop.check()?;
            let inner = Arc::new(from.child(self.work, &child)?);
            let there = existing.then(|| to.path.join(&child).symlink_metadata().ok()).flatten();
            let (target, shown) = (to.path.join(&child), inner.path.display());
            let fits = there.as_ref().is_none_or(Metadata::is_dir);
            ensure!(fits, "cannot replace {}, which is no directory, by {shown}, which is one", target.display());
            self.directory(&inner, &to, &child, there.is_some())?;
        }
        self.above.pop();
        Ok(())
    }

    fn send(
        &self,
        from: &Arc<Folder>,
        to: &Arc<Folder>,
        names: Vec<(OsString, Option<OsString>)>,
        existing: bool,
    ) -> Result<()> {
        let follow = self.work.config.follow == Follow::Always;
        self.feed.send(Job::Files(file::Job { from: from.clone(), to: to.clone(), names, existing, follow }))
    }

    /// A new directory that waits, open to be written in whatever its mode will be.
    fn make(
        &mut self,
        into: &Folder,
        name: &OsStr,
        mode: Mode,
        like: Option<Stat>,
        existing: bool,
    ) -> Result<Arc<Folder>> {
        let path = into.path.join(name);
        let cannot_write = || format!("cannot write {}", path.display());
        mkdirat(&into.fd, name, mode | Mode::RWXU).with_context(cannot_write)?;
        let fd = open_directory(&into.fd, name, &path, false)?;
        let like = like.filter(|_| !self.others.have_directory(&path));
        if !existing {
            self.late.extend(Late::of(self.work, self.staged(&path), mode, like));
        }
        if existing || self.others.before {
            self.late.extend(Late::merged(self.work, &path, like));
        }
        Ok(Arc::new(Folder { fd, path }))
    }

    /// Where what will have this path waits.
    fn staged(&self, path: &Path) -> PathBuf {
        self.holder.join(path.strip_prefix(self.base).unwrap_or(path))
    }
}

fn open_directory(at: impl AsFd, name: impl Arg, shown: &Path, follow: bool) -> Result<OwnedFd> {
    let mut flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    flags.set(OFlags::NOFOLLOW, !follow);
    openat(at, name, flags, Mode::empty()).with_context(|| format!("cannot open {}", shown.display()))
}

/// Makes a link that leads to the same, whatever that is.
fn symlink(
    work: &Work,
    at: impl AsFd,
    source: impl Arg + Copy,
    to: &Folder,
    name: &OsStr,
    path: &Path,
    existing: bool,
) -> Result<()> {
    let target = to.path.join(name);
    if existing {
        if same::link(work, path, &target)? {
            return Ok(());
        }
        let directory = target.symlink_metadata().is_ok_and(|found| found.is_dir());
        ensure!(!directory, "cannot replace {}, a directory, by {}, a link", target.display(), path.display());
    }
    let leads = readlinkat(&at, source, vec![]).with_context(|| format!("cannot read the link {}", path.display()))?;
    symlinkat(leads.as_c_str(), &to.fd, name).with_context(|| format!("cannot write {}", target.display()))?;
    if work.config.preserve || work.config.chown.is_some() {
        let like = statat(&at, source, AtFlags::SYMLINK_NOFOLLOW)?;
        give_link(work.config, &to.fd, name, &like).with_context(|| format!("cannot write {}", target.display()))?;
    }
    Ok(())
}
