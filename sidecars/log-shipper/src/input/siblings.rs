//! The files beside a log that may have been it before they were rotated.

use crate::input::identity::Seen;
use crate::input::names::{is_compressed, is_rotated, rotations};
use crate::input::source::Source;
use rustix::io::Errno;
use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How often a directory is looked at again that changes meanwhile.
pub const PATIENCE: usize = 20;

/// A file that may have to do with a log.
pub struct Candidate {
    pub path: PathBuf,
    pub seen: Seen,
    pub claimed: bool,
}

impl Candidate {
    /// The file at `path`, unless there is none.
    pub fn at(path: &Path) -> Option<Self> {
        let metadata = path.symlink_metadata().ok().filter(Metadata::is_file)?;
        Some(Self { path: path.to_owned(), seen: Seen::new(&metadata), claimed: false })
    }

    /// # Errors
    /// When it cannot be opened; [`is_stale`] when it is not at its path any more.
    pub fn open(&self, follow: bool) -> io::Result<Source> {
        let source = Source::open(&self.path, follow).map_err(|error| match error.kind() {
            ErrorKind::NotFound => stale(),
            _ => error,
        })?;
        let now = source.file().map(File::metadata).transpose()?;
        match now {
            Some(now) if Seen::new(&now).identity != self.seen.identity => Err(stale()),
            _ => Ok(source),
        }
    }

    /// By this they are in the order in which they were written, as far as one can tell.
    pub fn age(&self, base: &OsStr) -> (u64, Reverse<u32>, PathBuf) {
        let name = self.path.file_name().unwrap_or_default();
        let rotations = rotations(base.as_bytes(), name.as_bytes()).unwrap_or_default();
        (self.seen.modified, Reverse(rotations), self.path.clone())
    }
}

/// What was seen in the directory is not so any more.
pub fn stale() -> io::Error {
    ErrorKind::StaleNetworkFileHandle.into()
}

/// Whether it is said of this process, and not of the file: it has no descriptor left, for one.
pub fn is_ours(error: &io::Error) -> bool {
    let ours = [Errno::MFILE, Errno::NFILE, Errno::NOMEM].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|number| ours.contains(&number))
}

pub fn is_stale(error: &io::Error) -> bool {
    error.kind() == ErrorKind::StaleNetworkFileHandle
}

/// Files with a name that says they may have been `path`, and compressed ones of which no other form is there, all as
/// they were at one time.
///
/// # Errors
/// When they change all the time, and when the directory cannot be read.
pub fn siblings(path: &Path) -> io::Result<Vec<Candidate>> {
    // A file that is renamed while the directory is read may be seen under no name at all.
    let mut before = listed(path)?;
    for _ in 0..PATIENCE {
        let now = listed(path)?;
        let same =
            |(one, other): (&Candidate, &Candidate)| one.path == other.path && one.seen.identity == other.seen.identity;
        if before.len() == now.len() && before.iter().zip(&now).all(same) {
            return Ok(now);
        }
        before = now;
    }
    Err(stale())
}

fn listed(path: &Path) -> io::Result<Vec<Candidate>> {
    let (Some(directory), Some(base)) = (path.parent(), path.file_name()) else { return Ok(vec![]) };
    let entries = match directory.read_dir() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
        entries => entries?,
    };
    let mut names = vec![];
    for entry in entries {
        let name = entry?.file_name();
        if is_rotated(base.as_bytes(), name.as_bytes()) {
            names.push(name);
        }
    }
    names.sort_unstable();
    let is_whole = |path: &PathBuf| {
        // gzip removes the one when the other is whole; other compressors are not read.
        !is_compressed(path)
            || path.extension().is_some_and(|extension| extension == "gz") && !path.with_extension("").exists()
    };
    let paths = names.iter().map(|name| directory.join(name)).filter(is_whole);
    Ok(paths.filter_map(|path| Candidate::at(&path)).collect())
}
