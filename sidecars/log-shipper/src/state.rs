//! The state directory: positions, the one before them, and a lock, so that two shippers do not share it.

use crate::positions::Positions;
use anyhow::{Context, Result, bail};
use chassis::message;
use rustix::fs::{CWD, FallocateFlags, FlockOperation, RenameFlags, fallocate, flock, renameat_with};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The last of them is there only while the other two change places one after the other, where they cannot at once.
const FILES: [&str; 3] = ["positions", "positions.previous", "positions.new"];

/// They are made so large at least, and then written in place: that takes no room when the disk is full.
const ROOM: u64 = 16 << 10;

/// A file of positions is some hundred bytes for each file.
const LARGEST: u64 = 256 << 20;

/// The directory, as long as this process holds it.
#[derive(Clone)]
pub struct State {
    directory: Arc<Path>,
    _lock: Arc<File>,
}

impl State {
    /// Takes the directory, which is made if need be.
    ///
    /// # Errors
    /// When it cannot be written to, and when another process has it.
    pub fn open(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make the state directory {}", directory.display()))?;
        let path = directory.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.with_context(|| format!("cannot write {}", path.display()))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { directory: directory.into(), _lock: Arc::new(lock) }),
            Err(Errno::WOULDBLOCK) => bail!(InUse(directory.to_owned())),
            Err(error) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The newest positions that are whole; what is damaged is told. Nothing, if there are none.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn load(&self) -> Result<Option<Positions>> {
        let mut damaged = vec![];
        let mut newest: Option<Positions> = None;
        for name in FILES {
            let path = self.path(name);
            let bytes = match read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
            };
            match Positions::parse(&bytes) {
                Ok(positions) if newest.as_ref().is_none_or(|newest| newest.saved < positions.saved) => {
                    newest = Some(positions);
                }
                Ok(_) => {}
                // One that was being written when the end came is no damage.
                Err(_) if newest.is_some() => {}
                Err(why) => damaged.push(format!("{}: {why}", path.display())),
            }
        }
        match (&newest, damaged.is_empty()) {
            (_, true) => {}
            (Some(positions), false) => message::warning(format_args!(
                "{}; going on from the ones saved before it (number {}), so lines may be sent again, which are not stored again",
                damaged.join("; "),
                positions.saved
            )),
            // Logs that are not read are lost in the end; that is worse than to have some twice.
            (None, false) => message::warning(format_args!(
                "{}; beginning anew: everything is shipped from its start, and what was stored before is stored again",
                damaged.join("; ")
            )),
        }
        Ok(newest)
    }

    /// Keeps `positions`, on the disk, and the ones before them. They are read again whenever the end comes.
    ///
    /// # Errors
    /// When they cannot be written; those that were there still are.
    pub fn save(&self, positions: &str) -> io::Result<()> {
        let [current, previous, new] = FILES.map(|name| self.path(name));
        // In the place of those before the last.
        let mut file = File::options().create(true).truncate(false).write(true).open(&previous)?;
        let size = positions.len() as u64;
        if file.metadata()?.len() < size.max(ROOM) {
            make_room(&file, (2 * size).max(ROOM))?;
        }
        file.write_all(positions.as_bytes())?;
        file.sync_all()?;
        match renameat_with(CWD, &previous, CWD, &current, RenameFlags::EXCHANGE) {
            Ok(()) => {}
            Err(Errno::NOENT) => {
                fs::rename(&previous, &current)?;
                // For the next time.
                make_room(&File::create(&previous)?, ROOM)?;
            }
            // Network volumes cannot do that.
            Err(_) => {
                fs::rename(&previous, &new)?;
                fs::rename(&current, &previous)?;
                fs::rename(&new, &current)?;
            }
        }
        File::open(&self.directory)?.sync_all()
    }
}

fn make_room(file: &File, size: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, size) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()), // it grows as it is written, then
        result => Ok(result?),
    }
}

/// Another process has the state directory.
#[derive(Debug)]
pub struct InUse(PathBuf);

impl std::fmt::Display for InUse {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(
            f,
            "the state directory {} is in use by another log-shipper\nhint: give each its own --state, or wait for the other one's end",
            self.0.display()
        )
    }
}

impl std::error::Error for InUse {}

/// A name that no other state directory has.
pub fn owner() -> [u8; 16] {
    let mut owner = [0; 16];
    let _ = getrandom(&mut owner, GetRandomFlags::empty()); // 16 bytes are never refused, nor given in part
    owner
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    if size > LARGEST {
        return Err(io::Error::other(format!("{size} bytes are too many for positions")));
    }
    fs::read(path)
}
