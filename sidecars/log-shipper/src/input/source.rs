//! Where bytes of a log are read from: a file, a file that was compressed meanwhile, or a pipe.

use flate2::read::MultiGzDecoder;
use rustix::buffer::spare_capacity;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, open, openat2};
use rustix::io::{Errno, pread, retry_on_intr};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

pub enum Source {
    Plain(File),
    Gzip(Box<Gunzip>),
    Pipe(Pipe),
}

impl Source {
    /// The regular file `path`, which may have been compressed by gzip.
    ///
    /// # Errors
    /// When it cannot be opened, and when it is no file.
    pub fn open(path: &Path, follow: bool) -> io::Result<Self> {
        // A pipe would wait for its other end without NONBLOCK.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = if follow { open(path, flags, Mode::empty()) } else { open_directly(path, flags) };
        let file = File::from(file?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let gzip = path.extension().is_some_and(|extension| extension == "gz");
        Ok(if gzip { Self::Gzip(Box::new(Gunzip::new(file)?)) } else { Self::Plain(file) })
    }

    /// Appends what is at `offset` to `into`, `most` bytes of it, or less only at the end. Returns how many they are.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_at(&mut self, offset: u64, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        match self {
            Self::Plain(file) => read_file(file, offset, into, most),
            Self::Gzip(gunzip) => gunzip.read_at(offset, into, most),
            Self::Pipe(pipe) => Ok(pipe.kept.copy(offset, into, most)),
        }
    }

    /// Everything before `offset` has been read.
    pub fn has_read(&mut self, offset: u64) {
        if let Self::Gzip(gunzip) = self {
            gunzip.kept.forget(offset);
        }
    }

    /// Everything before `offset` has been shipped.
    pub fn has_shipped(&mut self, offset: u64) {
        if let Self::Pipe(pipe) = self {
            pipe.kept.forget(offset);
        }
    }

    pub fn file(&self) -> Option<&File> {
        match self {
            Self::Plain(file) => Some(file),
            Self::Gzip(gunzip) => Some(&gunzip.file),
            Self::Pipe(_) => None,
        }
    }

    /// The file, if its size is that of what is read from it.
    pub fn plain(&self) -> Option<&File> {
        match self {
            Self::Plain(file) => Some(file),
            Self::Gzip(_) | Self::Pipe(_) => None,
        }
    }

    pub fn is_plain(&self) -> bool {
        self.plain().is_some()
    }

    /// Why nothing more comes of a compressed file; told once.
    pub fn damage(&mut self) -> Option<io::Error> {
        match self {
            Self::Gzip(gunzip) => gunzip.damage.take(),
            Self::Plain(_) | Self::Pipe(_) => None,
        }
    }
}

/// A path without symbolic links in it, which nobody can smuggle in meanwhile.
fn open_directly(path: &Path, flags: OFlags) -> rustix::io::Result<rustix::fd::OwnedFd> {
    match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        // Kernels before 5.6, and the system-call filters of that time.
        Err(Errno::NOSYS | Errno::PERM) => open(path, flags | OFlags::NOFOLLOW, Mode::empty()),
        result => result,
    }
}

fn read_file(file: &File, offset: u64, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    let (start, end) = (into.len(), into.len() + most);
    into.reserve_exact(most);
    while into.len() < end {
        let at = offset + (into.len() - start) as u64;
        // What is reserved may be more than was asked for; all of it is welcome.
        if retry_on_intr(|| pread(file, spare_capacity(into), at))? == 0 {
            break;
        }
    }
    into.truncate(end);
    Ok(into.len() - start)
}

/// Bytes that came once and can be read again, until they are forgotten.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Of the first one
    offset: u64,
}

impl Kept {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    fn forget(&mut self, offset: u64) {
        // The last bytes before it are looked at once more, when a tail is taken.
        let gone = offset.saturating_sub(self.offset + 64);
        let gone = usize::try_from(gone).unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.drain(..gone);
        self.offset += gone as u64;
    }

    fn copy(&self, offset: u64, into: &mut Vec<u8>, most: usize) -> usize {
        let start = usize::try_from(offset.saturating_sub(self.offset)).unwrap_or(usize::MAX).min(self.bytes.len());
        let bytes = &self.bytes[start..][..most.min(self.bytes.len() - start)];
        into.extend_from_slice(bytes);
        bytes.len()
    }
}

/// A compressed file, which can only be read from its start.
pub struct Gunzip {
    file: File,
    decoder: MultiGzDecoder<File>,
    kept: Kept,
    ended: bool,
    /// It ended before its end
    damage: Option<io::Error>,
}

impl Gunzip {
    fn new(file: File) -> io::Result<Self> {
        // Both stand for one open file and share its offset; only the decoder reads.
        let decoder = MultiGzDecoder::new(file.try_clone()?);
        Ok(Self { file, decoder, kept: Kept::default(), ended: false, damage: None })
    }

    fn read_at(&mut self, offset: u64, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        if offset < self.kept.offset {
            self.rewind()?;
        }
        let end = offset + most as u64;
        let mut piece = [0; 16 << 10];
        while !self.ended && self.kept.end() < end {
            match self.decoder.read(&mut piece) {
                Ok(0) => self.ended = true,
                Ok(read) => self.kept.bytes.extend_from_slice(&piece[..read]),
                // What could be read of it is all that there is.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof
                    ) =>
                {
                    self.ended = true;
                    self.damage = Some(error);
                }
                Err(error) => return Err(error),
            }
            self.kept.forget(offset);
        }
        Ok(self.kept.copy(offset, into, most))
    }

    fn rewind(&mut self) -> io::Result<()> {
        rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Start(0))?;
        self.decoder = MultiGzDecoder::new(self.file.try_clone()?);
        self.kept = Kept::default();
        self.ended = false;
        Ok(())
    }
}

/// What comes through a pipe.
#[derive(Default)]
pub struct Pipe {
    kept: Kept,
}

impl Pipe {
    pub fn push(&mut self, bytes: &[u8]) {
        self.kept.bytes.extend_from_slice(bytes);
    }

    pub fn len(&self) -> usize {
        self.kept.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.kept.bytes.is_empty()
    }

    /// How many bytes have come through it
    pub fn end(&self) -> u64 {
        self.kept.end()
    }
}
