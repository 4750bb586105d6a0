//! What one file held between two times that it was begun anew, and how much of that has been read and shipped.

use crate::input::identity::{Fingerprint, Identity, Seen, Tail};
use crate::input::source::{Pipe, Source};
use crate::positions::Record;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

pub struct Generation {
    /// Never given twice by the owner of a state directory
    pub number: u64,
    /// The file it is in; while it has none, it is looked for
    pub identity: Option<Identity>,
    /// Where that is without links, once it has been at its log's path
    pub place: Option<Arc<Path>>,
    /// The file it was in, and is not any more
    pub left: Option<Identity>,
    /// When that file was born, as [`Seen`] has it
    pub born: u64,
    pub modified: u64,
    /// Whether it has a name still
    pub linked: bool,
    pub fingerprint: Fingerprint,
    /// Everything before it has been decoded, and is in a batch or left out
    pub offset: u64,
    /// The last bytes before `offset`
    pub tail: Tail,
    /// Everything before it has been shipped, and those are the last bytes before it
    pub shipped: (u64, Tail),
    /// A place up to which it has been seen, and the last bytes before it, which need not have been read
    pub end: (u64, Tail),
    /// How large it was when last seen
    pub size: u64,
    /// Open, unless it has been read and rests
    pub source: Option<Source>,
    /// It has been read and shipped, and its file, which has so many bytes, was closed
    pub rests: Option<u64>,
    /// When it was last seen to grow
    pub grown: Instant,
    /// The number and fingerprint are on the disk, so that what is sent of it can be recognised after a crash
    pub recorded: bool,
    /// Places where batches end that have not been shipped, and the bytes before them
    ends: Vec<(u64, Tail)>,
}

impl Generation {
    /// What is in a file that nobody has read from, from `offset` on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn new(number: u64, seen: &Seen, mut source: Source, offset: u64) -> io::Result<Self> {
        let tail = Tail::at(&mut source, offset)?;
        let fingerprint = Fingerprint::of(&mut source)?;
        // As far as it goes now: what has been written since it was seen is part of what is known of it.
        let end = match source.plain() {
            Some(file) => file.metadata()?.len(),
            None => offset,
        };
        Ok(Self {
            number,
            identity: Some(seen.identity),
            place: None,
            left: None,
            born: seen.born,
            modified: seen.modified,
            linked: seen.linked,
            fingerprint,
            offset,
            tail,
            shipped: (offset, tail),
            end: (end, Tail::at(&mut source, end)?),
            size: seen.size,
            source: Some(source),
            rests: None,
            grown: Instant::now(),
            recorded: false,
            ends: vec![],
        })
    }

    /// What comes through a pipe.
    pub fn piped(number: u64) -> Self {
        let tail = Tail::none();
        Self {
            number,
            identity: None,
            place: None,
            left: None,
            born: 0,
            modified: 0,
            linked: true,
            fingerprint: Fingerprint { length: 0, digest: [0; 8] },
            offset: 0,
            tail,
            shipped: (0, tail),
            end: (0, tail),
            size: 0,
            source: Some(Source::Pipe(Pipe::default())),
            rests: None,
            grown: Instant::now(),
            recorded: true, // it cannot be read again, so it need not be recognised
            ends: vec![],
        }
    }

    /// One that was being read before this process was started; its file is yet to be found.
    pub fn recalled(
        number: u64,
        identity: Identity,
        born: u64,
        fingerprint: Fingerprint,
        offset: u64,
        tail: Tail,
    ) -> Self {
        Self {
            number,
            identity: Some(identity),
            place: None,
            left: None,
            born,
            modified: 0,
            linked: true,
            fingerprint,
            offset,
            tail,
            shipped: (offset, tail),
            end: (offset, tail),
            size: offset,
            source: None,
            rests: None,
            grown: Instant::now(),
            recorded: true,
            ends: vec![],
        }
    }

    /// Whether `source` has what has been read of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn is_in(&self, source: &mut Source) -> io::Result<bool> {
        Ok(self.fingerprint.fits(source)? && self.tail.fits(source, self.offset)? && self.ends_in(source)?)
    }

    /// Whether what has been seen of it, but not read, is there.
    fn ends_in(&self, source: &mut Source) -> io::Result<bool> {
        let (end, tail) = self.end;
        Ok(end <= self.offset || tail.fits(source, end)?)
    }

    /// Looks at what is in its file before it is known which one that is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn look(&mut self) -> io::Result<()> {
        if self.fingerprint.length > 0 {
            return Ok(());
        }
        if let Some(source) = self.source.as_mut().filter(|source| source.is_plain()) {
            self.fingerprint = Fingerprint::of(source)?;
            let size = source.file().map_or(Ok(0), |file| io::Result::Ok(file.metadata()?.len()))?;
            self.end = (size, Tail::at(source, size)?);
        }
        Ok(())
    }

    /// Whether `other`, which was `seen` so, is a copy of it, or begins to be one.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn is_copied_to(&mut self, other: &mut Source, seen: &Seen) -> io::Result<bool> {
        // One that was there before is none of it, however it begins: many logs begin with the same words.
        if seen.born != 0 && seen.born < self.born {
            return Ok(false);
        }
        let Some(mut source) = self.source.take_if(|source| source.is_plain() && other.is_plain()) else {
            // One that is removed has gone to where it is compressed. It may have been removed since it was looked at, and
            // before it was seen that there is an archive only.
            self.refresh();
            return if self.linked {
                Ok(self.fingerprint.is_telling() && self.is_in(other)?)
            } else {
                self.went_to(other, seen)
            };
        };
        let copied = self.is_copied(&mut source, other, seen);
        self.source = Some(source);
        copied
    }

    fn is_copied(&self, source: &mut Source, other: &mut Source, seen: &Seen) -> io::Result<bool> {
        let most = usize::from(Fingerprint::MOST);
        let mut same = |offset: u64| {
            let (mut here, mut there) = (vec![], vec![]);
            other.read_at(offset, &mut there, most)?;
            source.read_at(offset, &mut here, there.len())?;
            io::Result::Ok(here == there)
        };
        let alike = same(0)? && same(seen.size.saturating_sub(most as u64))?;
        // Asked after the comparing, during which it may have been truncated: then the copy is whole by now, however long
        // it was when it was seen.
        if self.is_in(source)? { Ok(alike) } else { self.went_to(other, seen) }
    }

    /// Whether `source`, which was `seen` so, is what was made of its file: a compressed one, or a copy of one that was
    /// truncated.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn went_to(&self, source: &mut Source, seen: &Seen) -> io::Result<bool> {
        // gzip keeps the time, and whoever copies and truncates does the one right after the other.
        const TOGETHER: u64 = 2_000_000_000;
        let not_before = seen.modified.saturating_add(TOGETHER) >= self.modified;
        let enough = self.fingerprint.is_telling() || self.fingerprint.length > 0 && not_before;
        Ok(enough && self.is_in(source)?)
    }

    /// It is in this file.
    pub fn attach(&mut self, seen: &Seen, source: Source) {
        self.identity = Some(seen.identity);
        self.born = seen.born;
        self.modified = seen.modified;
        self.linked = seen.linked;
        // Of a compressed file, one knows when one has read it.
        self.size = if source.is_plain() { seen.size } else { u64::MAX };
        self.source = Some(source);
        self.rests = None;
        self.grown = Instant::now();
    }

    /// All of it has been shipped: its file is closed until it is another one.
    pub fn rest(&mut self) {
        let file = self.source.take().and_then(|source| source.file()?.metadata().ok());
        self.rests = file.map(|file| file.len());
    }

    /// All of it has been shipped, and this file is what became of it.
    pub fn rest_in(&mut self, seen: &Seen) {
        self.identity = Some(seen.identity);
        self.born = seen.born;
        self.modified = seen.modified;
        self.linked = seen.linked;
        self.source = None;
        self.rests = Some(seen.size);
    }

    /// Looks at its file, if that is open.
    pub fn refresh(&mut self) {
        let Some(source) = &self.source else { return };
        let Some(seen) = source.file().and_then(|file| file.metadata().ok()).map(|found| Seen::new(&found)) else {
            return;
        };
        self.modified = seen.modified;
        self.linked = seen.linked;
        if source.is_plain() && seen.size > self.size {
            self.size = seen.size;
            self.grown = Instant::now();
        }
    }

    /// Its file was begun anew: it may be in a copy.
    pub fn detach(&mut self) {
        self.left = self.identity.take();
        self.rests = None;
        self.source = None;
    }

    /// Appends unread bytes to `into` until that has `room` more. Returns how many, or nothing if the file does not hold
    /// any more what was read from it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&mut self, into: &mut Vec<u8>, room: usize) -> io::Result<Option<usize>> {
        let Some(mut source) = self.source.take() else { return Ok(Some(0)) };
        let result = self.read_from(&mut source, into, room);
        self.source = Some(source);
        result
    }

    fn read_from(&mut self, source: &mut Source, into: &mut Vec<u8>, room: usize) -> io::Result<Option<usize>> {
        let start = into.len();
        let read = source.read_at(self.offset, into, room)?;
        // Looked at after the reading: whoever truncated and wrote before it is seen here.
        let held = match source.file().filter(|_| source.is_plain()) {
            Some(file) => {
                let now = Seen::new(&file.metadata()?);
                if now.size > self.size {
                    self.grown = Instant::now();
                }
                self.size = self.size.max(now.size);
                let held = now.size >= self.offset + read as u64
                    && self.tail.fits(source, self.offset)?
                    && self.ends_in(source)?
                    && (self.offset > 0 || self.fingerprint.fits(source)?);
                if held {
                    self.modified = now.modified;
                }
                held
            }
            None => true,
        };
        if !held {
            into.truncate(start);
            return Ok(None);
        }
        if read < room {
            self.size = self.offset + read as u64;
        }
        Ok(Some(read))
    }

    /// `read`, which was at `offset`, has been decoded.
    ///
    /// # Errors
    /// When the bytes before it cannot be read.
    pub fn advance(&mut self, read: &[u8]) -> io::Result<()> {
        let Some(source) = &mut self.source else { return Ok(()) };
        self.offset += read.len() as u64;
        self.tail = Tail::after(read, source, self.offset)?;
        source.has_read(self.offset);
        if self.fingerprint.length < Fingerprint::MOST
            && self.offset > u64::from(self.fingerprint.length)
            && source.is_plain()
        {
            self.fingerprint = Fingerprint::of(source)?;
        }
        self.ends.push((self.offset, self.tail));
        Ok(())
    }

    /// The sink has everything before `offset`.
    pub fn ship(&mut self, offset: u64) {
        let shipped = self.ends.iter().take_while(|(end, _)| *end <= offset).count();
        if let Some(last) = self.ends.drain(..shipped).next_back() {
            self.shipped = last;
            if let Some(source) = &mut self.source {
                source.has_shipped(last.0);
            }
        }
    }

    /// What has not been shipped is to be read again.
    pub fn rewind(&mut self) {
        (self.offset, self.tail) = self.shipped;
        self.ends.clear();
    }

    /// What is to be kept of it.
    pub fn record(&self, path: &Arc<Path>) -> Option<Record> {
        Some(Record {
            path: path.clone(),
            place: self.place.clone().filter(|place| place != path),
            generation: self.number,
            identity: self.identity.or(self.left)?, // until it is found in another one
            born: self.born,
            modified: self.modified,
            size: if self.size == u64::MAX { self.offset } else { self.size },
            fingerprint: self.fingerprint,
            offset: self.shipped.0,
            tail: self.shipped.1,
        })
        .filter(|record| record.fingerprint.length > 0)
    }

    pub fn all_read(&self) -> bool {
        self.offset >= self.size
    }

    pub fn all_shipped(&self) -> bool {
        self.all_read() && self.shipped.0 == self.offset
    }

    /// How many bytes the sink does not have yet, as far as one has seen.
    pub fn behind(&self) -> u64 {
        let size = if self.size == u64::MAX { self.offset } else { self.size };
        size.saturating_sub(self.shipped.0)
    }
}

#[cfg(test)]
mod tests;
