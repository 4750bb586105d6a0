//! Whether there is room, before anything is begun.

use crate::config::Follow;
use crate::plan::{Kind, Plan};
use crate::pool::{self, Feed};
use crate::progress::Bytes;
use crate::tree::{BATCH, Folder, MAX_DEPTH, Pending};
use crate::work::Work;
use anyhow::{Context, Result, ensure};
use rustix::fs::{AtFlags, CWD, FileType, Stat, StatVfs, statat, statvfs};
use std::ffi::{CString, OsStr};
use std::ops::AddAssign;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What there is to be put.
#[derive(Default, Clone, Copy)]
pub struct Need {
    pub files: u64,
    pub bytes: u64,
    /// What they take on the disk, in bytes
    allocated: u64,
    /// Files and directories
    inodes: u64,
}

/// What is in one directory, but for its directories.
struct Job {
    from: Arc<Folder>,
    names: Vec<CString>,
    /// Where they go, if there is something already
    there: Option<PathBuf>,
}

impl Need {
    /// As files are put, so they are looked at: directories are walked by one, their files looked at by many.
    ///
    /// # Errors
    /// If a source cannot be read.
    pub fn of(work: &Work, pending: &[Pending]) -> Result<Self> {
        let mut need = Self::default();
        let of_jobs = Mutex::new(Self::default());
        pool::run(
            |(): &mut (), job| {
                let of_job = Self::of_job(work, &job)?;
                *of_jobs.lock().unwrap_or_else(PoisonError::into_inner) += of_job;
                Ok(())
            },
            |feed| pending.iter().try_for_each(|pending| need.entry(work, feed, pending)),
        )?;
        need += of_jobs.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(need)
    }

    fn entry(&mut self, work: &Work, feed: &Feed<Job>, Pending { entry, archive, .. }: &Pending) -> Result<()> {
        let there = (work.config.merge && entry.existing.is_some()).then_some(entry.target.as_path());
        match (entry.kind, archive) {
            (Kind::Archive, Some(archive)) => {
                let archive = &archive.archive;
                self.files += archive.files;
                self.bytes += archive.bytes;
                self.allocated += archive.bytes + archive.files * 2048; // half a block is lost for each
                self.inodes += archive.len() as u64;
            }
            (Kind::Directory, _) => self.directory(work, feed, Folder::of(work, entry)?, there, 0)?,
            (kind, _) => {
                let flags = if kind == Kind::Symlink { AtFlags::SYMLINK_NOFOLLOW } else { AtFlags::empty() };
                let found = statat(CWD, &entry.source, flags);
                self.add(&found.with_context(|| format!("cannot look at {}", entry.source.display()))?, there);
            }
        }
        Ok(())
    }

    fn directory(
        &mut self,
        work: &Work,
        feed: &Feed<Job>,
        from: Folder,
        there: Option<&Path>,
        depth: usize,
    ) -> Result<()> {
        ensure!(depth < MAX_DEPTH, "{} is nested deeper than {MAX_DEPTH}", from.path.display());
        work.stop.check()?;
        self.inodes += 1;
        let from = Arc::new(from);
        let job = |names| Job { from: from.clone(), names, there: there.map(Path::to_owned) };
        let (mut directories, mut names) = (vec![], vec![]);
        from.each(work, |name, kind| {
            if kind == FileType::Directory {
                directories.push(name.to_owned());
                return Ok(());
            }
            names.push(name.to_owned());
            if names.len() == BATCH { feed.send(job(std::mem::take(&mut names))) } else { Ok(()) }
        })?;
        if !names.is_empty() {
            feed.send(job(names))?;
        }
        for name in directories {
            let name = OsStr::from_bytes(name.as_bytes());
            let there = there.map(|there| there.join(name));
            self.directory(work, feed, from.child(work, name)?, there.as_deref(), depth + 1)?;
        }
        Ok(())
    }

    fn of_job(work: &Work, Job { from, names, there }: &Job) -> Result<Self> {
        work.stop.check()?;
        let mut need = Self::default();
        for name in names {
            let there = there.as_ref().map(|there| there.join(OsStr::from_bytes(name.as_bytes())));
            need.add(&from.look(name, work.config.follow == Follow::Always)?, there.as_deref());
        }
        Ok(need)
    }

    fn add(&mut self, found: &Stat, there: Option<&Path>) {
        let file = FileType::from_raw_mode(found.st_mode).is_file();
        let (size, blocks) = (found.st_size.unsigned_abs(), found.st_blocks.unsigned_abs());
        self.files += u64::from(file);
        self.bytes += if file { size } else { 0 };
        // What has its size already may well be right, and then takes nothing.
        let likely_right = || there.is_some_and(|there| there.symlink_metadata().is_ok_and(|it| it.len() == size));
        if !likely_right() {
            self.allocated += size.min(blocks * 512);
            self.inodes += 1;
        }
    }

    /// # Errors
    /// If the volume of DEST has less than that.
    pub fn check(&self, plan: &Plan) -> Result<()> {
        let base = plan.base.display();
        let StatVfs { f_bavail, f_frsize, f_files, f_favail, .. } =
            statvfs(&plan.base).with_context(|| format!("cannot look at {base}"))?;
        let free = f_bavail.saturating_mul(f_frsize);
        ensure!(
            self.allocated <= free,
            "{} are needed in {base}, and {} are free; nothing was changed\nhint: what is replaced stays until the new \
             is whole, so there must be room for both",
            Bytes(self.allocated),
            Bytes(free)
        );
        // Some file systems make inodes as they are needed, and promise none.
        ensure!(
            f_files == 0 || self.inodes <= f_favail,
            "{} inodes are needed in {base}, and {f_favail} are free; nothing was changed",
            self.inodes
        );
        Ok(())
    }
}

impl AddAssign for Need {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.allocated += other.allocated;
        self.inodes += other.inodes;
    }
}
