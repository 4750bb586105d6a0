//! ZIP archives, which WAR and JAR files are, read with suspicion: all that is wrong is found before anything is
//! unpacked. The format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use crate::names::{Names, path};
use anyhow::{Context, Result, anyhow, bail, ensure};
use flate2::{Crc, Decompress, FlushDecompress, Status};
use rawzip::{
    CompressionMethod, CreatorSystem, ErrorKind, ReaderAt, ZipArchive, ZipArchiveEntryWayfinder, ZipFileHeaderRecord,
    ZipLocator,
};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Of what is known of each entry some tens of bytes are kept, so their number must have an end.
const MAX_ENTRIES: usize = 500_000;
/// Under this size no archive is called a bomb for its ratio: a small one may well have long runs of one byte.
const SUSPICIOUS: u64 = 16 << 20;
/// For the headers of one entry, with its name, extra fields and comment
const HEADERS: usize = 64 << 10;
/// What an archive begins with, unless it has something else in front
const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";

/// What an archive may unpack to.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Bytes
    pub max_size: u64,
    /// Times the size of the archive
    pub max_ratio: u64,
}

/// An archive that has been found sound, but for the contents of its files.
pub struct Archive<R> {
    zip: ZipArchive<R>,
    names: Names,
    /// How many files there are
    pub files: u64,
    /// How many bytes they have, unpacked
    pub bytes: u64,
}

/// A file or directory of an archive.
pub struct Item {
    /// Relative, of plain components alone
    pub path: PathBuf,
    pub kind: Kind,
}

pub enum Kind {
    /// With its permissions, `0o644` if the archive knows none
    File(File),
    /// With its permissions, `0o755` if the archive knows none
    Directory(u32),
}

/// Where to find a file, and what it must turn out to be.
pub struct File {
    pub mode: u32,
    /// Bytes
    pub size: u64,
    crc: u32,
    deflated: bool,
    place: ZipArchiveEntryWayfinder,
}

impl<R: ReaderAt> Archive<R> {
    /// Looks at everything but the contents of an archive of `size` bytes.
    ///
    /// # Errors
    /// If it is cut short, encrypted, contradicts itself, has names that lead elsewhere or collide, or would unpack to
    /// more than `limits` allow.
    pub fn new(reader: R, size: u64, limits: Limits) -> Result<Self> {
        let mut buffer = vec![0; HEADERS];
        let zip = ZipLocator::new()
            .locate_in_reader(reader, &mut buffer, size)
            .map_err(|(_, error)| once(error))
            .context("no ZIP archive, or cut short")?;
        // Of a WAR that is cut short, the end of a JAR that was in it may be the last one to be found.
        let rest = size.saturating_sub(zip.end_offset());
        ensure!(rest == 0, "cut short, or not an archive alone: {rest} bytes follow what looks like its end");
        let mut archive = Self { zip, names: Names::default(), files: 0, bytes: 0 };
        archive.check(size, limits)?;
        Ok(archive)
    }

    fn check(&mut self, size: u64, limits: Limits) -> Result<()> {
        let (mut headers, mut local) = (vec![0; HEADERS], vec![0; HEADERS]);
        let mut extents = vec![];
        let mut entries = self.zip.entries(&mut headers);
        while let Some(entry) = entries.next_entry().map_err(once).context("its directory is damaged")? {
            ensure!(extents.len().max(self.names.len()) < MAX_ENTRIES, "more than {MAX_ENTRIES} entries");
            let item = item(&entry)?;
            let shown = item.path.display();
            let found = self.zip.get_entry(entry.wayfinder()).map_err(once);
            let found = found.with_context(|| format!("`{shown}` is not there"))?;
            let header = found.local_header(&mut local).map_err(once);
            let header = header.with_context(|| format!("`{shown}` is damaged"))?;
            ensure!(
                header.file_path().as_bytes() == entry.file_path().as_bytes(),
                "`{shown}` has another name in its own header"
            );
            let end = found.compressed_data_range().1;
            ensure!(end <= self.zip.directory_offset(), "`{shown}` does not end where it should");
            extents.push((entry.local_header_offset(), end));
            self.names.add(&item.path, matches!(item.kind, Kind::Directory(_)))?;
            if let Kind::File(file) = &item.kind {
                self.files += 1;
                self.bytes = self.bytes.saturating_add(file.size);
            }
        }
        let expected = self.zip.entries_hint();
        let found = extents.len();
        ensure!(found as u64 == expected, "{found} entries where it promises {expected}");
        ensure!(
            self.bytes <= limits.max_size,
            "{} bytes when unpacked, more than the {} that are allowed\nhint: if it is as it should be, allow more by \
             --max-size",
            self.bytes,
            limits.max_size
        );
        ensure!(
            self.bytes <= SUSPICIOUS || self.bytes / limits.max_ratio.max(1) <= size,
            "{} bytes when unpacked, more than {} times its size\nhint: if it is as it should be, allow more by \
             --max-ratio",
            self.bytes,
            limits.max_ratio
        );
        extents.sort_unstable();
        if let Some(pair) = extents.windows(2).find(|pair| pair[0].1 > pair[1].0) {
            let path = self.at(pair[1].0)?.unwrap_or_default();
            bail!("`{}` shares bytes with another file, as only bombs have it", path.display());
        }
        self.check_start(extents.first().map_or(self.zip.directory_offset(), |first| first.0))
    }

    /// An archive may have something else in front: a program that unpacks it, a script that runs it. If that is an
    /// archive again, it was cut short just where one that was in it ends.
    fn check_start(&self, first: u64) -> Result<()> {
        let mut start = [0; LOCAL_HEADER.len()];
        if first >= start.len() as u64 {
            self.zip.get_ref().read_exact_at(&mut start, 0).context("cannot be read")?;
            ensure!(start != LOCAL_HEADER, "cut short: it ends with an archive that was in it");
        }
        Ok(())
    }

    /// What has its header there.
    fn at(&self, offset: u64) -> Result<Option<PathBuf>> {
        let mut headers = vec![0; HEADERS];
        let mut entries = self.zip.entries(&mut headers);
        while let Some(entry) = entries.next_entry()? {
            if entry.local_header_offset() == offset {
                return Ok(Some(item(&entry)?.path));
            }
        }
        Ok(None)
    }

    /// What it was made of.
    pub fn reader(&self) -> &R {
        self.zip.get_ref()
    }

    /// Calls `each` with what is in it, in its own order. Directories that only names imply are not there.
    ///
    /// # Errors
    /// What `each` returns, and if the archive is not any more what it was.
    pub fn each(&self, mut each: impl FnMut(Item) -> Result<()>) -> Result<()> {
        let mut headers = vec![0; HEADERS];
        let mut entries = self.zip.entries(&mut headers);
        while let Some(entry) = entries.next_entry().map_err(once).context("its directory is damaged")? {
            each(item(&entry)?)?;
        }
        Ok(())
    }

    /// Whether there is such a file or directory, also one that only names imply.
    pub fn contains(&self, path: &Path) -> bool {
        self.names.contains(path)
    }

    /// How many files and directories there are, with those that only names imply.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands the contents of a file to `sink`, piece by piece.
    ///
    /// # Errors
    /// What `sink` returns, and if the contents are not what the archive says of them: the size, which is never
    /// exceeded, and the checksum.
    pub fn read(&self, file: &File, inflater: &mut Inflater, mut sink: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut crc = Crc::new();
        let mut size = 0;
        let reader = self.zip.get_entry(file.place).map_err(once).context("is not there any more")?.reader();
        let mut sink = |piece: &[u8]| {
            size += piece.len() as u64;
            ensure!(size <= file.size, "more than the {} bytes it promises", file.size);
            crc.update(piece);
            sink(piece)
        };
        if file.deflated {
            inflater.inflate(reader, &mut sink)?;
        } else {
            inflater.pass(reader, &mut sink)?;
        }
        ensure!(size == file.size, "{size} of the {} bytes it promises", file.size);
        ensure!(crc.sum() == file.crc, "its checksum is wrong");
        Ok(())
    }
}

/// What unpacks, with its memory; to be used for many files, one after the other.
pub struct Inflater {
    state: Decompress,
    packed: Vec<u8>,
    plain: Vec<u8>,
}

impl Default for Inflater {
    fn default() -> Self {
        Self { state: Decompress::new(false), packed: vec![0; 64 << 10], plain: vec![0; 128 << 10] }
    }
}

impl Inflater {
    fn inflate(&mut self, mut packed: impl Read, sink: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.state.reset(false);
        let mut rest: &[u8] = &[];
        loop {
            let (taken, given) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(rest, &mut self.plain, FlushDecompress::None);
            let status = status.map_err(|_| anyhow!("its compressed bytes are damaged"))?;
            let taken = usize::try_from(self.state.total_in() - taken)?;
            let given = usize::try_from(self.state.total_out() - given)?;
            rest = &rest[taken..];
            sink(&self.plain[..given])?;
            if status == Status::StreamEnd {
                let left = rest.len() + packed.read(&mut [0])?;
                ensure!(left == 0, "bytes after its compressed ones");
                return Ok(());
            }
            if rest.is_empty() {
                let read = packed.read(&mut self.packed).context("cannot be read")?;
                // There may be output left that did not fit; when there is none, it was cut short.
                ensure!(read > 0 || given > 0, "its compressed bytes are cut short");
                rest = &self.packed[..read];
            } else {
                ensure!(taken > 0 || given > 0, "its compressed bytes are damaged");
            }
        }
    }

    fn pass(&mut self, mut plain: impl Read, sink: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        loop {
            let read = plain.read(&mut self.plain).context("cannot be read")?;
            if read == 0 {
                return Ok(());
            }
            sink(&self.plain[..read])?;
        }
    }
}

/// What rawzip says. An error of the disk is its own cause there, and would be told twice.
fn once(error: rawzip::Error) -> anyhow::Error {
    match error.into_kind() {
        ErrorKind::IO(error) => error.into(),
        kind => anyhow!("{kind}"),
    }
}

/// What the central directory says of an entry, if that is something one would unpack.
fn item(entry: &ZipFileHeaderRecord) -> Result<Item> {
    let name = entry.file_path();
    let path = path(name.as_bytes())?;
    let shown = path.display();
    ensure!(!entry.flags().is_encrypted(), "`{shown}` is encrypted");
    let unix = entry.external_attributes() >> 16;
    ensure!(unix & 0o170_000 != 0o120_000, "`{shown}` is a symbolic link, which could lead elsewhere");
    // What else these bits say, they say only if Unix made them.
    let unix = match entry.version_made_by().creator_system() {
        CreatorSystem::UNIX | CreatorSystem::MACOS => unix,
        _ => 0,
    };
    let permissions = |default| match unix & 0o777 {
        0 => default,
        known => known,
    };
    let size = entry.uncompressed_size_hint();
    let kind = match unix & 0o170_000 {
        kind if kind == 0o040_000 || (name.is_dir() && [0, 0o100_000].contains(&kind)) => {
            ensure!(size == 0, "`{shown}` is a directory, but has contents");
            Kind::Directory(permissions(0o755))
        }
        0 | 0o100_000 => {
            let method = entry.compression_method();
            ensure!(
                [CompressionMethod::STORE, CompressionMethod::DEFLATE].contains(&method),
                "`{shown}` is compressed by {method}; WAR files know STORE and DEFLATE"
            );
            let deflated = method == CompressionMethod::DEFLATE;
            ensure!(deflated || entry.compressed_size_hint() == size, "`{shown}` is stored, but of two sizes");
            Kind::File(File { mode: permissions(0o644), size, crc: entry.crc32(), deflated, place: entry.wayfinder() })
        }
        _ => bail!("`{shown}` is no file and no directory"),
    };
    Ok(Item { path, kind })
}

#[cfg(test)]
mod tests {
    use super::{Archive, Inflater, Kind, Limits};
    use anyhow::{Result, bail};
    use rawzip::ReaderAt;
    use std::fs;
    use std::io;

    const LIMITS: Limits = Limits { max_size: 1 << 20, max_ratio: 100 };

    /// Gives a few bytes at a time, as network file systems may.
    struct Few(Vec<u8>);

    impl ReaderAt for Few {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let few = buffer.len().min(7);
            self.0.read_at(&mut buffer[..few], offset)
        }
    }

    /// The files of an archive, with those that an inflater has not been through with before.
    fn files(archive: &Archive<Few>, inflater: &mut Inflater) -> Result<Vec<(String, Vec<u8>)>> {
        let mut files = vec![];
        archive.each(|item| {
            if let Kind::File(file) = item.kind {
                assert!(archive.read(&file, inflater, |_| bail!("enough")).is_err(), "nobody takes it");
                let mut contents = vec![];
                archive.read(&file, inflater, |piece| {
                    contents.extend(piece);
                    Ok(())
                })?;
                files.push((item.path.display().to_string(), contents));
            }
            Ok(())
        })?;
        Ok(files)
    }

    #[test]
    fn the_fuzzers_seeds_a_few_bytes_at_a_time() {
        let mut inflater = Inflater::default();
        for seed in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/archive")).unwrap() {
            let path = seed.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let size = bytes.len() as u64;
            let archive = Archive::new(Few(bytes), size, LIMITS).unwrap();
            let found = files(&archive, &mut inflater).unwrap();
            let html = found.iter().find(|(name, _)| name == "index.html");
            let jar = found.iter().any(|(name, _)| name == "jar.jar");
            assert!(jar || html.is_some_and(|(_, contents)| contents == b"hello\n"), "{}: {found:?}", path.display());
        }
    }
}
