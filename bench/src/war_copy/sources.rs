//! What is copied. It lies in memory, so that a disk's reading does not count.

use anyhow::{Context, Result};
use e2e::command::output;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub struct Sources {
    memory: TempDir,
    disk: TempDir,
    /// A file of 1 GiB
    pub big: PathBuf,
    /// A directory of 50,000 files of 4 KiB, 100 in each of its own
    pub many: PathBuf,
    /// As applications are: libraries that are compressed already, classes and pages that are not; 200 MB together
    pub war: PathBuf,
}

impl Sources {
    /// # Errors
    /// If there are no 4 GB of memory for it, or no bsdtar to make the archive.
    pub fn new() -> Result<Self> {
        eprintln!("war-copy: making what is copied");
        let memory = tempfile::tempdir_in("/dev/shm").context("no /dev/shm")?;
        let disk = tempfile::tempdir_in(e2e::workspace("target"))?;
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let big = memory.path().join("big");
        write(&big, 1 << 30, |piece| random.fill(piece))?;
        let many = memory.path().join("many");
        for number in 0..50_000 {
            let directory = many.join(format!("{}", number / 100));
            if number % 100 == 0 {
                fs::create_dir_all(&directory)?;
            }
            write(&directory.join(format!("{number}")), 4096, |piece| random.fill(piece))?;
        }
        let war = memory.path().join("sample.war");
        pack(&mut random, &memory.path().join("application"), &war)?;
        Ok(Self { memory, disk, big, many, war })
    }

    pub fn memory(&self) -> &Path {
        self.memory.path()
    }

    pub fn disk(&self) -> &Path {
        self.disk.path()
    }
}

fn pack(random: &mut Random, application: &Path, war: &Path) -> Result<()> {
    let (libraries, pages) = (application.join("WEB-INF/lib"), application.join("pages"));
    fs::create_dir_all(&libraries)?;
    fs::create_dir_all(&pages)?;
    for number in 0..160 {
        write(&libraries.join(format!("{number}.jar")), 1 << 20, |piece| random.fill(piece))?;
    }
    for number in 0..5_000 {
        write(&pages.join(format!("{number}.html")), 32 << 10, |piece| random.fill_with_words(piece))?;
    }
    output(Command::new("bsdtar").args(["--format=zip", "-cf"]).arg(war).arg("-C").arg(application).arg("."))?;
    fs::remove_dir_all(application)?;
    Ok(())
}

fn write(path: &Path, size: usize, mut fill: impl FnMut(&mut [u8])) -> Result<()> {
    let mut written = BufWriter::new(File::create(path).with_context(|| format!("cannot write {}", path.display()))?);
    let mut piece = vec![0; size.min(1 << 20)];
    for _ in 0..size.div_ceil(piece.len()) {
        fill(&mut piece);
        written.write_all(&piece)?;
    }
    Ok(written.flush()?)
}

/// xorshift64: the same bytes in every run, and no two files alike.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn fill(&mut self, piece: &mut [u8]) {
        for bytes in piece.chunks_mut(8) {
            bytes.copy_from_slice(&self.next().to_le_bytes()[..bytes.len()]);
        }
    }

    /// Bytes that compress to about a quarter.
    fn fill_with_words(&mut self, piece: &mut [u8]) {
        const WORDS: [&[u8; 8]; 8] =
            [b"<tr><td>", b"</table>", b" class=\"", b"orphans ", b"sandbox ", b"volumes ", b"pod.yaml", b"\n    <p>"];
        for bytes in piece.chunks_mut(8) {
            let next = self.next();
            let word = WORDS[(next >> 8) as usize % WORDS.len()];
            bytes.copy_from_slice(&word[..bytes.len()]);
            bytes[0] = if next.is_multiple_of(3) { next.to_be_bytes()[1] } else { bytes[0] };
        }
    }
}
