//! What the kernel tells: inotify(7).

use super::route::{self, Spot};
use super::volume::is_remote;
use rustix::fs::inotify::{self, CreateFlags, Event, ReadFlags, Reader, WatchFlags};
use std::ffi::OsStr;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tokio::net::unix::pipe::Receiver;

const ITSELF: WatchFlags = WatchFlags::DELETE_SELF.union(WatchFlags::MOVE_SELF);
const WRITTEN: WatchFlags = WatchFlags::CLOSE_WRITE.union(WatchFlags::ATTRIB); // one may have become readable
const ENTRIES: WatchFlags = WRITTEN
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO);
/// The watch is gone, or events are.
const LOST: ReadFlags = ReadFlags::QUEUE_OVERFLOW.union(ReadFlags::IGNORED).union(ReadFlags::UNMOUNT);

/// Watches on all that some paths lead through. Where they lead later takes a new one.
pub struct Inotify {
    /// tokio has no name of its own for what can be polled and read.
    events: Receiver,
    /// Which names in which directories
    entries: Vec<(i32, OsString)>,
    misses_some: bool,
}

impl Inotify {
    pub fn new(paths: &[PathBuf]) -> io::Result<Self> {
        let events = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let mut entries = vec![];
        let mut misses_some = false;
        for path in paths {
            let end = route::follow(path, |spot| {
                let watch = |path: &Path, flags| {
                    // A directory may be watched for more than one reason.
                    let flags = flags | ITSELF | WatchFlags::DONT_FOLLOW | WatchFlags::MASK_ADD;
                    inotify::add_watch(&events, path, flags).map_err(io::Error::from)
                };
                let watched = match spot {
                    Spot::Way(path) => watch(path, WatchFlags::ONLYDIR).map(drop),
                    Spot::Entry(path, name) => {
                        watch(path, ENTRIES | WatchFlags::ONLYDIR).map(|it| entries.push((it, name.to_owned())))
                    }
                    Spot::File(path) => watch(path, WRITTEN).map(drop),
                    Spot::Directory(path) => watch(path, ENTRIES).map(|it| entries.push((it, OsString::new()))),
                };
                match watched {
                    // A directory that may be passed but not listed; what is in it can be looked at all the same.
                    Err(error) if error.kind() == ErrorKind::PermissionDenied => misses_some = true,
                    // What was watched before it has told so already.
                    Err(error) if error.kind() == ErrorKind::NotFound && !matches!(spot, Spot::Way(_)) => {}
                    watched => watched?,
                }
                Ok(())
            })?;
            misses_some |= is_remote(&end);
        }
        Ok(Self { events: Receiver::from_owned_fd_unchecked(events)?, entries, misses_some })
    }

    /// Whether changes can come about that are not told.
    pub fn misses_some(&self) -> bool {
        self.misses_some
    }

    /// Resolves when something happens on the way along one of the paths.
    pub async fn event(&self) {
        loop {
            match self.events.readable().await.and_then(|()| self.events.try_io(|| self.read())) {
                Ok(false) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // What cannot be read is as good as lost.
                Ok(true) | Err(_) => return,
            }
        }
    }

    /// Whether there was something to tell in the next few events.
    fn read(&self) -> io::Result<bool> {
        let mut buffer = [MaybeUninit::uninit(); 1024];
        let mut reader = Reader::new(self.events.as_fd(), &mut buffer);
        loop {
            let event = reader.next()?;
            if self.is_ours(&event) {
                return Ok(true);
            }
            if reader.is_buffer_empty() {
                return Ok(false);
            }
        }
    }

    fn is_ours(&self, event: &Event) -> bool {
        let Some(name) = event.file_name() else { return true }; // of a file, or of a directory itself
        let name = OsStr::from_bytes(name.to_bytes());
        let ours = |(it, entry): &(i32, OsString)| *it == event.wd() && (entry.is_empty() || entry == name);
        event.events().intersects(LOST) || self.entries.iter().any(ours)
    }
}
