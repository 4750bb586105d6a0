//! Where the kernel tells of changes: directories by inotify. Of some volumes it hears nothing, for what happens to them
//! happens elsewhere; those have to be looked at.

use chassis::watch::route::{self, Spot};
use chassis::watch::volume::is_remote;
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::unix::AsyncFd;

/// What happens to a directory itself.
const ITSELF: WatchFlags = WatchFlags::DELETE_SELF.union(WatchFlags::MOVE_SELF);
/// What happens to the names in it.
const NAMES: WatchFlags = ITSELF
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO);
/// And to the files.
const ALL: WatchFlags = NAMES.union(WatchFlags::ATTRIB).union(WatchFlags::MODIFY);

/// So many directories are watched that are not where they were.
const MOST_FORMER: usize = 256;

pub struct Watcher {
    inotify: Option<AsyncFd<OwnedFd>>,
    told: Told,
    watched: HashMap<Arc<Path>, Option<i32>>,
    /// What was at a watched path before, oldest first: its files may still be written to.
    former: VecDeque<(Arc<Path>, i32)>,
    /// Those of which the kernel does not tell everything
    deaf: HashSet<Arc<Path>>,
    buffer: Vec<u8>,
}

/// What is told of which directory.
#[derive(Default)]
struct Told {
    /// By all paths that lead to it
    directories: HashMap<i32, Vec<Arc<Path>>>,
    /// Names on the way to watched paths that stand for links, or for nothing yet
    links: HashMap<i32, HashSet<OsString>>,
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
            told: Told::default(),
            watched: HashMap::new(),
            former: VecDeque::new(),
            deaf: HashSet::new(),
            buffer: Vec::with_capacity(16 << 10),
        }
    }

    /// Tells of what happens in a directory from now on, and when its path leads to another one. To be called again then.
    ///
    /// # Errors
    /// When there is no such directory, or it cannot be read.
    pub fn watch(&mut self, directory: &Path) -> io::Result<()> {
        self.follow(directory);
        let added = match &self.inotify {
            // The same directory has the same watch, by whatever path.
            Some(inotify) => match add(inotify.get_ref(), directory, ALL) {
                Ok(watch) => Some(watch),
                Err(error @ (Errno::NOENT | Errno::NOTDIR | Errno::ACCESS)) => return Err(error.into()),
                Err(_) => None, // there may be so many of them and no more
            },
            None => None,
        };
        let known = self.watched.get_key_value(directory).map(|(path, watch)| (path.clone(), *watch));
        let path = match known {
            Some((_, before)) if before == added => return Ok(()),
            Some((path, before)) => {
                if let Some(before) = before {
                    self.keep_former(&path, before);
                }
                path
            }
            None => directory.into(),
        };
        if let Some(watch) = added {
            let paths = self.told.directories.entry(watch).or_default();
            if !paths.contains(&path) {
                paths.push(path.clone());
            }
        }
        self.deaf.remove(&path);
        if added.is_none() || is_remote(directory) {
            self.deaf.insert(path.clone());
        }
        self.watched.insert(path, added);
        Ok(())
    }

    /// Tells of directories when `path` leads elsewhere: a link or a directory on the way is another one.
    pub fn follow(&mut self, path: &Path) {
        let Some(inotify) = &self.inotify else { return };
        let inotify = inotify.get_ref();
        // What cannot be watched on the way is looked at once in a while.
        let _ = route::follow(path, |spot| match spot {
            Spot::Way(directory) => match add(inotify, directory, ITSELF | WatchFlags::DONT_FOLLOW) {
                Err(error @ (Errno::NOENT | Errno::NOTDIR)) => Err(error.into()),
                _ => Ok(()),
            },
            Spot::Entry(directory, name) => {
                let Ok(watch) = add(inotify, directory, NAMES | WatchFlags::DONT_FOLLOW) else { return Ok(()) };
                let here = directory.join(name);
                // A directory tells of itself, and a file of what is written to it.
                let is_link = match here.symlink_metadata() {
                    Ok(found) => found.is_symlink(),
                    Err(error) => error.kind() == ErrorKind::NotFound,
                };
                if is_link {
                    self.told.links.entry(watch).or_default().insert(name.to_owned());
                }
                Ok(())
            }
            Spot::File(_) | Spot::Directory(_) => Ok(()),
        });
    }

    /// Ends the watches of directories that have not been where they were for the longest time, if they are too many. To
    /// be called before all are watched again.
    pub fn trim(&mut self) {
        while self.former.len() > MOST_FORMER {
            let Some((path, watch)) = self.former.pop_front() else { return };
            if let Some(paths) = self.told.directories.get_mut(&watch) {
                paths.retain(|known| *known != path);
                if paths.is_empty() {
                    self.unwatch(watch);
                }
            }
            if self.watched.get(&path) == Some(&Some(watch)) {
                self.watched.remove(&path);
                self.deaf.remove(&path);
                // It may have come back.
                let _ = self.watch(&path);
            }
        }
    }

    /// Forgets which names on the way are links, if these are more than `needed` and some: those that are there no more are
    /// among them. Returns whether it did so; then all are to be followed again.
    pub fn forget_links(&mut self, needed: usize) -> bool {
        let known: usize = self.told.links.values().map(HashSet::len).sum();
        let many = known > needed + MOST_FORMER;
        if many {
            self.told.links.clear();
        }
        many
    }

    fn keep_former(&mut self, path: &Arc<Path>, watch: i32) {
        let former = (path.clone(), watch);
        if !self.former.contains(&former) {
            self.former.push_back(former);
        }
    }

    fn unwatch(&mut self, watch: i32) {
        self.told.directories.remove(&watch);
        self.told.links.remove(&watch);
        if let Some(inotify) = &self.inotify {
            let _ = inotify::remove_watch(inotify.get_ref(), watch);
        }
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
                    let news = read(inotify.get_ref(), &mut self.buffer, &self.told, changes)?;
                    if !news.any {
                        ready.clear_ready();
                        continue;
                    }
                    self.forget(&news);
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
            let news = read(inotify.get_ref(), &mut self.buffer, &self.told, changes)?;
            self.forget(&news);
        }
        Ok(())
    }

    fn forget(&mut self, news: &News) {
        for watch in &news.moved {
            match self.told.directories.get(watch).cloned() {
                Some(paths) => paths.iter().for_each(|path| self.keep_former(path, *watch)),
                // Only its path was of interest, which is looked at anew.
                None => self.unwatch(*watch),
            }
        }
        for watch in &news.gone {
            self.told.links.remove(watch);
            for path in self.told.directories.remove(watch).unwrap_or_default() {
                if self.watched.get(&path) == Some(&Some(*watch)) {
                    self.watched.remove(&path);
                    self.deaf.remove(&path);
                }
            }
            self.former.retain(|(_, former)| former != watch);
        }
    }
}

impl Default for Watcher {
    fn default() -> Self {
        Self::new()
    }
}

/// What the kernel told of the watches themselves.
#[derive(Default)]
struct News {
    any: bool,
    /// Watches of directories that are not where they were
    moved: Vec<i32>,
    /// Watches that are no more
    gone: Vec<i32>,
}

/// Watches a directory for these changes, and for those that it is watched for already.
fn add(inotify: &OwnedFd, directory: &Path, flags: WatchFlags) -> rustix::io::Result<i32> {
    inotify::add_watch(inotify, directory, flags | WatchFlags::ONLYDIR | WatchFlags::MASK_ADD)
}

fn read(inotify: &OwnedFd, buffer: &mut Vec<u8>, known: &Told, changes: &mut Vec<Change>) -> io::Result<News> {
    let mut news = News::default();
    buffer.clear();
    let mut events = inotify::Reader::new(inotify, buffer.spare_capacity_mut());
    let mut push = |change: Change| {
        if changes.last() != Some(&change) {
            changes.push(change);
        }
    };
    loop {
        let event = match events.next() {
            Ok(event) => event,
            Err(Errno::AGAIN) => return Ok(news),
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        news.any = true;
        let (what, watch) = (event.events(), event.wd());
        if what.contains(ReadFlags::QUEUE_OVERFLOW) {
            push(Change::Anything);
            continue;
        }
        if what.intersects(ReadFlags::IGNORED | ReadFlags::MOVE_SELF | ReadFlags::DELETE_SELF) {
            if what.contains(ReadFlags::IGNORED) {
                news.gone.push(watch);
            } else if what.contains(ReadFlags::MOVE_SELF) {
                news.moved.push(watch);
            }
            push(Change::Directories);
            continue;
        }
        let Some(name) = event.file_name() else { continue };
        let name = OsStr::from_bytes(name.to_bytes());
        if known.links.get(&watch).is_some_and(|links| links.contains(name)) {
            push(Change::Directories);
        }
        for directory in known.directories.get(&watch).into_iter().flatten() {
            push(if what.contains(ReadFlags::ISDIR) {
                Change::Directories
            } else if what.contains(ReadFlags::MODIFY) {
                Change::Written(directory.join(name))
            } else {
                Change::Named(directory.join(name))
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, MOST_FORMER, Watcher};
    use std::collections::HashSet;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// As links come and go that have the names of pods.
    #[tokio::test]
    async fn names_of_links_that_are_gone_are_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let mut watcher = Watcher::new();
        let mut most = 0;
        for number in 0..3 * MOST_FORMER {
            let link = directory.path().join(format!("{number}.log"));
            symlink("elsewhere", &link).unwrap();
            watcher.follow(&link);
            if watcher.forget_links(1) {
                watcher.follow(&link);
            }
            most = most.max(watcher.told.links.values().map(HashSet::len).sum());
            // The last one is known for what it is.
            watcher.drain(&mut vec![]).unwrap();
            fs::remove_file(link).unwrap();
            let mut changes = vec![];
            watcher.drain(&mut changes).unwrap();
            assert!(changes.contains(&Change::Directories), "{number}: {changes:?}");
        }
        assert!(most <= MOST_FORMER + 1, "{most}");
    }
}
