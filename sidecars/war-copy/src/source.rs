//! An open file to be copied, and whether it has stayed what it was.

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, openat};
use rustix::io::Errno;
use rustix::path::Arg;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

pub struct Source {
    pub path: PathBuf,
    pub file: OwnedFd,
    /// As it was when it was opened
    pub stat: Stat,
}

impl Source {
    /// Opens `name` in `directory`; `path` is for messages and to know what is expected of it.
    ///
    /// # Errors
    /// If it cannot be read, or is no file.
    pub fn open(directory: impl AsFd, name: impl Arg, path: PathBuf, follow: bool) -> Result<Self> {
        // Not to wait for whoever opens the other end, should it have become a FIFO.
        let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        flags.set(OFlags::NOFOLLOW, !follow);
        let shown = path.display();
        let file = match openat(directory, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => bail!("{shown} vanished while it was copied"),
            Err(Errno::ACCESS) => bail!(
                "cannot read {shown}: permission denied\nhint: war-copy runs as 65532; make it readable for all, \
                 `COPY --chmod=644`"
            ),
            Err(Errno::NXIO) => bail!("{shown} is no file, directory or symbolic link"), // a socket cannot even be opened
            file => file.with_context(|| format!("cannot read {shown}"))?,
        };
        let stat = fstat(&file).with_context(|| format!("cannot look at {shown}"))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        ensure!(kind.is_file(), "{shown} is no file, directory or symbolic link");
        Ok(Self { path, file, stat })
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.stat.st_size.try_into().unwrap_or(0)
    }

    /// In bytes, without its holes.
    pub fn allocated(&self) -> u64 {
        u64::try_from(self.stat.st_blocks).unwrap_or(0) * 512
    }

    /// # Errors
    /// If it has been written since it was opened, or had another size than it said; pseudo files say none.
    pub fn unchanged(&self, read: u64) -> Result<()> {
        let now = fstat(&self.file).with_context(|| format!("cannot look at {}", self.path.display()))?;
        let state = |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
        ensure!(
            (read == self.size() || self.size() == 0) && state(&self.stat) == state(&now),
            "{} changed while it was copied\nhint: try again when whoever writes it is done",
            self.path.display()
        );
        Ok(())
    }
}
