//! Notices that a file has another content: a `ConfigMap` or a `Secret` was updated, an editor has saved, somebody has
//! put what was missing.

mod inotify;
pub mod route;
pub mod volume;

use crate::stamp::Stamp;
use inotify::Inotify;
use std::future::pending;
use std::io;
use std::path::{self, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Who saves a file makes more than one change, and reading between them finds half of it.
const QUIET: Duration = Duration::from_millis(100);
/// Who never stops making changes is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often to look where the kernel does not tell.
const LOOK: Duration = Duration::from_secs(10);

/// Some paths, to files or directories that may be there or not.
pub struct Watch {
    paths: Vec<PathBuf>,
    /// `None` when it cannot be had: a user has 128 instances on most nodes.
    told: Option<Inotify>,
    /// Whether not all that happens is told.
    looks: bool,
    stamps: Vec<Option<Stamp>>,
    /// When to look again
    look: Instant,
    /// Something has changed, and nobody knows of it yet.
    change: Option<Change>,
}

#[derive(Clone, Copy)]
struct Change {
    first: Instant,
    last: Instant,
}

impl Watch {
    /// Changes count from now on: read the files after that. Within a runtime.
    ///
    /// # Errors
    /// When a path is empty, or is relative to a directory that is gone.
    pub fn new(paths: Vec<PathBuf>) -> io::Result<Self> {
        let paths = paths.into_iter().map(path::absolute).collect::<io::Result<_>>()?;
        let mut watch = Self { paths, told: None, looks: false, stamps: vec![], look: Instant::now(), change: None };
        watch.arm();
        Ok(watch)
    }

    /// Resolves when what one of the paths leads to may have changed, a tenth of a second after it did: read it now. It
    /// can be dropped at any time, as a branch of `select!` for one: the next call goes on where this one was.
    pub async fn changed(&mut self) {
        while self.change.is_none() {
            tokio::select! {
                () = self.event() => self.note(),
                () = sleep_until(self.look), if self.looks => {
                    let before = self.stamps.clone();
                    self.arm();
                    if self.stamps != before {
                        self.note();
                    }
                }
            }
        }
        while let Some(Change { first, last }) = self.change {
            let end = (last + QUIET).min(first + PATIENCE);
            if Instant::now() < end && timeout_at(end, self.event()).await.is_ok() {
                self.note();
                continue;
            }
            // The paths may lead elsewhere now.
            self.arm();
            self.change = None;
        }
    }

    fn note(&mut self) {
        let last = Instant::now();
        let first = self.change.map_or(last, |change| change.first);
        self.change = Some(Change { first, last });
    }

    async fn event(&self) {
        match &self.told {
            Some(inotify) => inotify.event().await,
            None => pending().await,
        }
    }

    /// First it asks to be told, and then it looks, so that nothing comes between.
    fn arm(&mut self) {
        self.told = Inotify::new(&self.paths).ok();
        self.looks = self.told.as_ref().is_none_or(Inotify::misses_some);
        self.stamps = self.paths.iter().map(|path| Stamp::at(path).ok()).collect();
        self.look = Instant::now() + LOOK;
    }
}
