//! Finding logs, and finding out what became of them.

use crate::config::From;
use crate::input::generation::Generation;
use crate::input::identity::Seen;
use crate::input::log::{Log, SETTLED};
use crate::input::numbers;
use crate::input::patterns::Visitor;
use crate::input::reconcile::{Surroundings, reconcile};
use crate::input::tailer::Tailer;
use crate::input::tailer::changes::{POLL, RESCAN};
use crate::input::tailer::readers::Readers;
use crate::input::tailer::stranded::Stranded;
use crate::input::watch::Watcher;
use anyhow::{Context, Error, Result};
use chassis::message;
use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::fs::{Metadata, metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

impl Tailer {
    /// Looks for files, and for directories where they may appear.
    pub(super) fn scan(&mut self) {
        self.watcher.trim();
        // As many as there may be, with some links on the way to each.
        if self.watcher.forget_links(4 * self.targets.len()) {
            for log in self.logs.iter().filter(|log| log.target.is_some() && !log.left) {
                self.watcher.follow(&log.path);
            }
        }
        let mut scan = Scan { watcher: &mut self.watcher, known: &self.by_path, input: 0, found: vec![] };
        for (input, (patterns, _)) in self.inputs.iter().enumerate() {
            scan.input = input;
            patterns.walk(&mut scan);
        }
        let found = scan.found;
        self.doubt_misled();
        for (path, input) in found {
            self.found(path, input);
        }
        self.rescan = None;
        self.next_look = Instant::now() + if self.watcher.any_deaf() { POLL } else { RESCAN };
    }

    /// A path that an input is about, and that has not been one before.
    pub(super) fn found(&mut self, path: PathBuf, input: usize) {
        let found = metadata(&path).ok().filter(Metadata::is_file);
        let Some(seen) = found.map(|found| Seen::new(&found)) else { return };
        // Its number may have been another one's.
        if let Some(reader) = self.readers.of(&seen) {
            self.settle_one(reader);
        }
        // By the name of a link that leads to it, as soon as it can be.
        let waits = self.targets.of(&path).iter().any(|id| self.logs[*id].unread);
        // Another name of a file that is being read, or the new one that it got when it was rotated.
        if !waits && self.readers.of(&seen).is_none() {
            let id = self.log(&path.into(), input);
            self.settle_one(id);
        }
    }

    /// Compares the doubtful logs with their directories.
    pub(super) fn settle(&mut self) {
        self.settle_doubtful();
        // Where files have no time of birth, a number that was given away is free when the other log has been compared.
        for id in std::mem::take(&mut self.disputed) {
            self.doubt(id);
        }
        self.settle_doubtful();
        self.disputed.clear();
        self.let_go_of_most();
    }

    fn settle_doubtful(&mut self) {
        while let Some(id) = self.doubtful.pop() {
            self.settle_one(id);
        }
    }

    fn settle_one(&mut self, id: usize) {
        if self.logs[id].doubtful && self.may_open(id) {
            self.settle_at_once(id);
        }
    }

    pub(super) fn settle_at_once(&mut self, id: usize) {
        let log = &mut self.logs[id];
        if !std::mem::take(&mut log.doubtful) || log.left || &*log.path == Path::new("-") {
            return;
        }
        for generation in &self.logs[id].generations {
            self.by_generation.remove(&generation.number);
            self.readers.remove(generation);
        }
        let result = self.reconciled(id);
        let log = &mut self.logs[id];
        log.unsettled = false;
        match result {
            Ok(()) => (log.told, log.unread) = (None, false),
            Err(error) => {
                // Of new permissions it is told; of a descriptor that is free again nobody tells.
                let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
                log.unsettled = kind.is_some_and(|kind| kind != ErrorKind::PermissionDenied);
                log.unread = !error.is::<Outside>();
                let text = format!("cannot read {}: {error:#}", log.path.display()).replace("\nhint: ", "; ");
                if log.told.as_ref() != Some(&text) {
                    message::warning(format_args!("{text}; it is tried again"));
                    log.told = Some(text);
                }
            }
        }
        for generation in &log.generations {
            self.by_generation.insert(generation.number, id);
            self.readers.insert(generation, id);
        }
        log.note_lag(false);
        self.enqueue(id);
        let log = &self.logs[id];
        if log.unsettled || log.generations.len() > 1 || !log.live {
            self.look_again(id, Instant::now() + SETTLED);
        }
    }

    fn reconciled(&mut self, id: usize) -> Result<()> {
        let log = &mut self.logs[id];
        let (patterns, input) = &self.inputs[log.input];
        let live = match log.path.symlink_metadata() {
            Ok(link) if link.is_symlink() => {
                let target = log.path.canonicalize();
                match target {
                    Ok(target) if patterns.allows(&target) => {
                        // What happens to it is told where it is, and to the links on the way where they are.
                        self.watcher.follow(&log.path);
                        if let Some(directory) = target.parent() {
                            let _ = self.watcher.watch(directory);
                        }
                        let seen = metadata(&target).ok();
                        self.targets.change(id, log.target.as_deref(), Some(&target));
                        log.target = Some(target);
                        seen
                    }
                    Ok(target) => {
                        let roots = input.confine.iter().map(|root| root.display().to_string());
                        return Err(Error::msg(Outside(format!(
                            "it leads to {}, and symbolic links may lead below {} only\nhint: add its directory with --confine",
                            target.display(),
                            roots.collect::<Vec<_>>().join(", ")
                        ))));
                    }
                    Err(error) if error.kind() == ErrorKind::NotFound => None,
                    Err(error) => return Err(error).context("cannot follow the symbolic link"),
                }
            }
            Ok(found) => {
                self.targets.change(id, log.target.take().as_deref(), None);
                if patterns.is_confined() {
                    // The directories on the way may be links, too.
                    let target = log.path.canonicalize()?;
                    if !patterns.allows(&target) {
                        let target = target.display();
                        return Err(Error::msg(Outside(format!(
                            "it is {target}, which is outside of the directories of --confine"
                        ))));
                    }
                    log.target = Some(target);
                }
                Some(found)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let leads = live.is_some_and(|found| found.is_file());
        let at_end = self.first_start && input.from == From::End;
        let mut around = Around {
            id,
            path: log.path.clone(),
            readers: &self.readers,
            disputed: &mut self.disputed,
            next: &mut self.next_generation,
            lost: &mut self.lost,
            stranded: &mut self.stranded,
            closed: Ok(()),
        };
        reconcile(log, leads, at_end, &mut around)?;
        locate(log);
        around.closed
    }
}

/// Notes where the live file is: should the links lead elsewhere later, it is looked for there.
fn locate(log: &mut Log) {
    let Some(last) = log.generations.back_mut().filter(|_| log.live) else { return };
    let identity = last.identity;
    let is_it = |place: &Path| place.symlink_metadata().is_ok_and(|found| identity == Some(Seen::new(&found).identity));
    if !last.place.as_deref().is_some_and(is_it) {
        // It may be another one by now, and then that is told.
        let place = log.path.canonicalize().ok().filter(|place| is_it(place));
        last.place = place.map(|place| if *place == *log.path { log.path.clone() } else { place.into() });
    }
}

/// It is not to be read, by `--confine`: nothing is left undone.
#[derive(Debug)]
struct Outside(String);

impl Display for Outside {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct Scan<'a> {
    watcher: &'a mut Watcher,
    known: &'a HashMap<Arc<Path>, usize>,
    input: usize,
    found: Vec<(PathBuf, usize)>,
}

impl Visitor for Scan<'_> {
    fn directory(&mut self, path: &Path) {
        // One that is gone, or that may not be read, is looked for again.
        let _ = self.watcher.watch(path);
    }

    fn file(&mut self, path: PathBuf) {
        if !self.known.contains_key(path.as_path()) {
            self.found.push((path, self.input));
        }
    }
}

struct Around<'a> {
    id: usize,
    path: Arc<Path>,
    readers: &'a Readers,
    disputed: &'a mut Vec<usize>,
    next: &'a mut u64,
    lost: &'a mut u64,
    stranded: &'a mut Vec<Stranded>,
    /// The last file that could not be opened
    closed: Result<()>,
}

impl Surroundings for Around<'_> {
    fn is_taken(&mut self, seen: &Seen) -> bool {
        let taken = self.readers.of(seen).is_some_and(|id| id != self.id);
        if taken && seen.born == 0 {
            self.disputed.push(self.id);
        }
        taken
    }

    fn number(&mut self) -> u64 {
        numbers::next(self.next)
    }

    fn lost(&mut self, generation: &Generation, bytes: u64) {
        *self.lost += bytes;
        self.stranded.extend(Stranded::of(generation, &self.path));
    }

    fn cannot_open(&mut self, path: &Path, error: io::Error) {
        self.closed = Err(error).with_context(|| format!("it was rotated to {}", path.display()));
    }
}
