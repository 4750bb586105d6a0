//! What changes, and what that means for which log.

use crate::input::generation::Generation;
use crate::input::identity::Seen;
use crate::input::names::bases;
use crate::input::tailer::Tailer;
use crate::input::watch::Change;
use std::ffi::OsStr;
use std::fs::{Metadata, metadata};
use std::future::pending;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often volumes are looked at of which the kernel does not tell everything.
pub(super) const POLL: Duration = Duration::from_secs(1);

/// How often everything is looked at, whatever was told.
pub(super) const RESCAN: Duration = Duration::from_mins(1);

impl Tailer {
    /// Waits until something changed, or it is time to look.
    ///
    /// # Errors
    /// When the kernel does not tell any more.
    pub async fn wait(&mut self) -> io::Result<()> {
        let again = self.again.first().map(|(when, _)| *when);
        let turn = (!self.waiting.is_empty()).then(|| Instant::now() + POLL);
        let until =
            [again, turn, self.rescan, Some(self.next_look)].into_iter().flatten().min().unwrap_or(self.next_look);
        if !self.doubtful.is_empty() || self.can_take_turns() {
            return Ok(());
        }
        // When it is time is seen by `update`.
        let wants_more = |id: usize| self.logs[id].wants_more(self.most_piped(id));
        let stdin = self.stdin.as_ref().filter(|(_, id)| wants_more(*id)).map(|(stdin, _)| stdin);
        let piped = async {
            match stdin {
                Some(stdin) => stdin.wait().await,
                None => pending().await,
            }
        };
        tokio::select! {
            result = self.watcher.wait(&mut self.changes) => result,
            result = piped => result,
            () = tokio::time::sleep_until(until.into()) => Ok(()),
        }
    }

    /// Takes in what changed until now.
    ///
    /// # Errors
    /// When the kernel does not tell any more.
    pub fn update(&mut self) -> io::Result<()> {
        let mut changes = std::mem::take(&mut self.changes);
        self.watcher.drain(&mut changes)?;
        self.take_in()?;
        for change in changes.drain(..) {
            match change {
                Change::Written(path) => self.written(&path),
                Change::Named(path) => self.named(path),
                Change::Directories => self.rescan = Some(self.rescan.unwrap_or_else(Instant::now)),
                Change::Anything => {
                    self.rescan = Some(Instant::now());
                    self.doubt_all();
                }
            }
        }
        self.changes = changes;
        let now = Instant::now();
        if now >= self.next_look {
            self.doubt_deaf();
            self.rescan = Some(now);
        }
        if self.rescan.is_some_and(|when| when <= now) {
            self.scan();
        }
        while let Some((when, id)) = self.again.first().copied().filter(|(when, _)| *when <= now) {
            self.again.remove(&(when, id));
            self.logs[id].again = None;
            self.look_after(id);
        }
        self.settle();
        self.take_turns();
        Ok(())
    }

    fn written(&mut self, path: &Path) {
        let own = self.by_path.get(path).copied();
        if let Some(id) = own.filter(|id| self.logs[*id].live) {
            let generations = &self.logs[id].generations;
            // One that was closed is opened again.
            if generations.back().is_none_or(|last| last.source.is_none()) {
                self.doubt(id);
            } else if generations.len() > 1 {
                // The path may lead elsewhere now, and what was written to is where it led before.
                self.look_after(id);
            } else {
                self.grew(id);
            }
            return self.enqueue(id);
        }
        // By another of its names, or where its link leads.
        if let Some((seen, id)) = self.reader(path) {
            let closed = |one: &Generation| one.identity == Some(seen.identity) && one.source.is_none();
            if self.logs[id].generations.iter().any(closed) {
                self.doubt(id);
            }
            self.look_after(id);
            return self.enqueue(id);
        }
        if self.doubt_at(path) {
            return;
        }
        // Somebody may still write to a log that was renamed.
        if let Some(id) = self.base_of(path) {
            self.look_after(id);
        } else if let Some(input) = self.inputs.iter().position(|(patterns, _)| patterns.matches(path)) {
            self.found(path.to_owned(), input);
        }
    }

    /// It may be long until the sink has room for it.
    fn grew(&mut self, id: usize) {
        let log = &mut self.logs[id];
        log.generations.iter_mut().for_each(Generation::refresh);
        log.note_lag(false);
    }

    fn named(&mut self, path: PathBuf) {
        self.doubt_at(&path);
        if self.by_path.contains_key(path.as_path()) {
            return;
        }
        // What has the number of a file that is closed may be another one.
        let reader = self.reader(&path).map(|(_, id)| id);
        for id in self.base_of(&path).into_iter().chain(reader) {
            self.doubt(id);
        }
        if path.is_dir() {
            // A link to one: other directories are told as such.
            self.rescan = Some(self.rescan.unwrap_or_else(Instant::now));
            return;
        }
        if let Some(input) = self.inputs.iter().position(|(patterns, _)| patterns.matches(&path)) {
            self.settle();
            self.found(path, input);
        }
    }

    /// What is at `path` now, if it is the file of a log.
    fn reader(&self, path: &Path) -> Option<(Seen, usize)> {
        let seen = Seen::new(&metadata(path).ok()?);
        Some((seen, self.readers.of(&seen)?))
    }

    /// The logs whose file is at `path`, or whose links lead there, are to be compared. Returns whether there are any.
    fn doubt_at(&mut self, path: &Path) -> bool {
        let own = self.by_path.get(path).copied();
        let all: Vec<usize> = own.into_iter().chain(self.targets.of(path).iter().copied()).collect();
        for id in &all {
            self.doubt(*id);
        }
        !all.is_empty()
    }

    /// The log that a file with this name may have been before it was rotated.
    fn base_of(&self, path: &Path) -> Option<usize> {
        let (directory, name) = (path.parent()?, path.file_name()?);
        bases(name.as_bytes()).map(|base| directory.join(OsStr::from_bytes(base))).find_map(|base| {
            let own = self.by_path.get(base.as_path());
            own.or_else(|| self.targets.of(&base).first()).copied()
        })
    }

    fn doubt_all(&mut self) {
        for id in 0..self.logs.len() {
            self.doubt(id);
        }
    }

    /// Those whose path leads to another file: of a directory on the way that is another one, they are told nothing.
    pub(super) fn doubt_misled(&mut self) {
        for id in 0..self.logs.len() {
            let log = &self.logs[id];
            if log.left || &*log.path == Path::new("-") {
                continue;
            }
            let there = metadata(&log.path).ok().filter(Metadata::is_file).map(|found| Seen::new(&found).identity);
            let live = log.generations.back().filter(|_| log.live).and_then(|generation| generation.identity);
            if there != live {
                self.doubt(id);
            }
        }
    }

    /// Looks at volumes of which the kernel does not tell everything, before it is time to. Returns whether there are any.
    pub fn look_where_nobody_tells(&mut self) -> bool {
        let any = self.watcher.any_deaf();
        if any {
            self.doubt_deaf();
            self.scan();
            self.settle();
        }
        any
    }

    fn doubt_deaf(&mut self) {
        for id in 0..self.logs.len() {
            let path = self.logs[id].target.as_deref().unwrap_or(&self.logs[id].path);
            if path.parent().is_some_and(|directory| self.watcher.is_deaf(directory)) {
                self.doubt(id);
            }
        }
    }
}
