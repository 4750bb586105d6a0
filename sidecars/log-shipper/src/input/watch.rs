//! Where the kernel tells of changes: directories by inotify. Of some volumes it hears nothing, for what happens to them
//! happens elsewhere; those have to be looked at.

use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::statfs;
use rustix::io::Errno;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::unix::AsyncFd;

pub struct Watcher {
    inotify: Option<AsyncFd<OwnedFd>>,
    directories: HashMap<i32, Arc<Path>>,
    watched: HashMap<Arc<Path>, Option<i32>>,
    /// Those of which the kernel does not tell everything
    deaf: HashSet<Arc<Path>>,
    buffer: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// A file was written to
    Written(PathBuf),
    /// A name stands for something else now, or for nothing
    Named(PathBuf),
    /// There are other directories now
    Directories,
    /// Some changes were not told: anything may be different
    Anything,
}

impl Watcher {
    /// To be made in a runtime.
    pub fn new() -> Self {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
        // A user may have 128 of them by default; without one, everything has to be looked at.
        #[expect(
            deprecated,
            reason = "its other form is unsafe, and an owned descriptor stays open as long as it must"
        )]
        let inotify = inotify.ok().and_then(|inotify| AsyncFd::new(inotify).ok());
        Self {
            inotify,
            directories: HashMap::new(),
            watched: HashMap::new(),
            deaf: HashSet::new(),
            buffer: Vec::with_capacity(16 << 10),
        }
    }

    /// Tells of what happens in a directory from now on. Returns whether it was not watched before.
    ///
    /// # Errors
    /// When there is no such directory, or it cannot be read.
    pub fn watch(&mut self, directory: &Path) -> io::Result<bool> {
        if self.watched.contains_key(directory) {
            return Ok(false);
        }
        let path: Arc<Path> = directory.into();
        let flags = WatchFlags::ATTRIB
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MODIFY
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let added = match &self.inotify {
            Some(inotify) => match inotify::add_watch(inotify.get_ref(), directory, flags) {
                Ok(watch) => Some(watch),
                Err(error @ (Errno::NOENT | Errno::NOTDIR | Errno::ACCESS)) => return Err(error.into()),
                Err(_) => None, // there may be so many of them and no more
            },
            None => None,
        };
        if let Some(watch) = added {
            self.directories.insert(watch, path.clone());
        }
        if added.is_none() || is_remote(directory) {
            self.deaf.insert(path.clone());
        }
        self.watched.insert(path, added);
        Ok(true)
    }

    /// Whether what happens in this directory is not told.
    pub fn is_deaf(&self, directory: &Path) -> bool {
        self.deaf.contains(directory)
    }

    pub fn any_deaf(&self) -> bool {
        !self.deaf.is_empty()
    }

    /// Waits until there is a change, and adds what changed to `changes`.
    ///
    /// # Errors
    /// When the kernel does not tell any more.
    pub async fn wait(&mut self, changes: &mut Vec<Change>) -> io::Result<()> {
        loop {
            match &self.inotify {
                Some(inotify) => {
                    let mut ready = inotify.readable().await?;
                    let told = read(inotify.get_ref(), &mut self.buffer, &self.directories, changes)?;
                    if !told.any {
                        ready.clear_ready();
                        continue;
                    }
                    self.forget(&told.gone);
                    return Ok(());
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Adds what changed until now to `changes`.
    ///
    /// # Errors
    /// When the kernel does not tell any more.
    pub fn drain(&mut self, changes: &mut Vec<Change>) -> io::Result<()> {
        if let Some(inotify) = &self.inotify {
            let told = read(inotify.get_ref(), &mut self.buffer, &self.directories, changes)?;
            self.forget(&told.gone);
        }
        Ok(())
    }

    fn forget(&mut self, gone: &[i32]) {
        for watch in gone {
            if let Some(path) = self.directories.remove(watch) {
                self.watched.remove(&path);
                self.deaf.remove(&path);
            }
        }
    }
}

impl Default for Watcher {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Default)]
struct Told {
    any: bool,
    /// Watches of directories that are no more, or not where they were
    gone: Vec<i32>,
}

fn read(
    inotify: &OwnedFd,
    buffer: &mut Vec<u8>,
    directories: &HashMap<i32, Arc<Path>>,
    changes: &mut Vec<Change>,
) -> io::Result<Told> {
    let mut told = Told::default();
    buffer.clear();
    let mut events = inotify::Reader::new(inotify, buffer.spare_capacity_mut());
    loop {
        let event = match events.next() {
            Ok(event) => event,
            Err(Errno::AGAIN) => return Ok(told),
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        told.any = true;
        let what = event.events();
        if what.contains(ReadFlags::QUEUE_OVERFLOW) {
            changes.push(Change::Anything);
            continue;
        }
        if what.intersects(ReadFlags::IGNORED | ReadFlags::MOVE_SELF | ReadFlags::DELETE_SELF) {
            told.gone.push(event.wd());
            changes.push(Change::Directories);
            continue;
        }
        let Some(directory) = directories.get(&event.wd()) else { continue };
        let Some(name) = event.file_name() else { continue };
        if what.contains(ReadFlags::ISDIR) {
            if changes.last() != Some(&Change::Directories) {
                changes.push(Change::Directories);
            }
            continue;
        }
        let path = directory.join(OsStr::from_bytes(name.to_bytes()));
        let change = if what.contains(ReadFlags::MODIFY) { Change::Written(path) } else { Change::Named(path) };
        if changes.last() != Some(&change) {
            changes.push(change);
        }
    }
}

/// Whether others may write to it of whom this kernel does not know.
fn is_remote(directory: &Path) -> bool {
    const REMOTE: [u32; 14] = [
        0x6969,      // NFS
        0x517b,      // SMB
        0xff53_4d42, // CIFS
        0xfe53_4d42, // SMB2
        0x0102_1997, // 9P
        0x6573_5546, // FUSE, and virtiofs
        0x00c3_6400, // Ceph
        0x4750_4653, // GPFS
        0x0bd0_0bd0, // Lustre
        0x5346_414f, // AFS
        0x7461_636f, // OCFS2
        0x0116_1970, // GFS2
        0x786f_4256, // VirtualBox
        0xbacb_acbc, // VMware
    ];
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "a magic number is 32 bits of something"
    )]
    statfs(directory).is_ok_and(|volume| REMOTE.contains(&(volume.f_type as u32)))
}
