//! File systems that only the thread which mounts them sees, and what it starts.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use std::path::Path;
use tempfile::TempDir;

/// A file system in memory; gone when dropped.
pub struct Tmpfs(TempDir);

impl Tmpfs {
    /// With mount options of its own, such as `size=1m`. Gives this thread a mount namespace.
    ///
    /// # Panics
    /// If the kernel does not.
    pub fn new(options: &str) -> Self {
        let none = None::<&str>;
        unshare(CloneFlags::CLONE_NEWNS).expect("root may make namespaces");
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("a namespace of its own");
        let directory = tempfile::tempdir().expect("a directory to mount on");
        mount(Some("tmpfs"), directory.path(), Some("tmpfs"), MsFlags::empty(), Some(options)).expect("a tmpfs");
        Self(directory)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// # Panics
    /// If the kernel does not allow it.
    pub fn make_read_only(&self) {
        let none = None::<&str>;
        mount(none, self.path(), none, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, none).expect("nobody writes to it");
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = umount2(self.path(), MntFlags::MNT_DETACH);
    }
}
