//! Whether there is room, before anything is begun.

use crate::config::Follow;
use crate::plan::{Kind, Plan};
use crate::progress::Bytes;
use crate::tree::{MAX_DEPTH, Pending};
use crate::work::Work;
use anyhow::{Context, Result, ensure};
use rustix::fs::{StatVfs, statvfs};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

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

impl Need {
    /// # Errors
    /// If a source cannot be read.
    pub fn of(work: &Work, pending: &[Pending]) -> Result<Self> {
        let mut need = Self::default();
        for Pending { entry, archive } in pending {
            let there = (work.config.merge && entry.existing.is_some()).then_some(entry.target.as_path());
            match (entry.kind, archive) {
                (Kind::Archive, Some(archive)) => {
                    let archive = &archive.archive;
                    need.files += archive.files;
                    need.bytes += archive.bytes;
                    need.allocated += archive.bytes + archive.files * 2048; // half a block is lost for each
                    need.inodes += archive.len() as u64;
                }
                (Kind::Directory, _) => need.directory(work, &entry.source, there, 0)?,
                _ => {
                    let found = if entry.kind == Kind::Symlink {
                        fs::symlink_metadata(&entry.source)
                    } else {
                        fs::metadata(&entry.source)
                    };
                    need.add(&found.with_context(|| format!("cannot look at {}", entry.source.display()))?, there);
                }
            }
        }
        Ok(need)
    }

    fn directory(&mut self, work: &Work, source: &Path, there: Option<&Path>, depth: usize) -> Result<()> {
        ensure!(depth < MAX_DEPTH, "{} is nested deeper than {MAX_DEPTH}", source.display());
        work.stop.check()?;
        self.inodes += 1;
        let cannot_read = || format!("cannot read {}", source.display());
        for found in fs::read_dir(source).with_context(cannot_read)? {
            let found = found.with_context(cannot_read)?;
            let path = found.path();
            let follow = work.config.follow == Follow::Always;
            let metadata = if follow { fs::metadata(&path) } else { found.metadata() };
            let metadata = metadata.with_context(|| format!("cannot look at {}", path.display()))?;
            let there = there.map(|there| there.join(found.file_name()));
            if metadata.is_dir() {
                self.directory(work, &path, there.as_deref(), depth + 1)?;
            } else {
                self.add(&metadata, there.as_deref());
            }
        }
        Ok(())
    }

    fn add(&mut self, found: &Metadata, there: Option<&Path>) {
        self.files += u64::from(found.is_file());
        self.bytes += if found.is_file() { found.len() } else { 0 };
        // What has its size already may well be right, and then takes nothing.
        let likely_right =
            || there.is_some_and(|there| there.symlink_metadata().is_ok_and(|it| it.len() == found.len()));
        if !likely_right() {
            self.allocated += found.len().min(found.blocks() * 512);
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
