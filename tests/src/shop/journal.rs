//! A log that its writer rotates, by renaming it.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

/// How many lines a file has.
const LINES: u64 = 500;

pub struct Journal {
    path: PathBuf,
    file: File,
    lines: u64,
}

impl Journal {
    pub fn open(path: PathBuf) -> Result<Self> {
        let file = File::options().append(true).create(true).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path, file, lines: 0 })
    }

    /// Adds a line, to a new file if the old one has enough of them.
    pub fn write(&mut self, line: &str) -> Result<()> {
        if self.lines == LINES {
            let old = |number| PathBuf::from(format!("{}.{number}", self.path.display()));
            let free = (1..=u32::MAX).map(old).find(|old| !old.exists()).context("no number is left")?;
            fs::rename(&self.path, free)?;
            *self = Self::open(self.path.clone())?;
        }
        self.lines += 1;
        self.file
            .write_all(format!("{line}\n").as_bytes())
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Journal, LINES};
    use std::fs;

    #[test]
    fn a_full_file_is_renamed() {
        let home = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(home.path().join("a.log")).unwrap();
        for line in 0..=2 * LINES {
            journal.write(&line.to_string()).unwrap();
        }
        let lines = |name: &str| fs::read_to_string(home.path().join(name)).unwrap().lines().count();
        assert_eq!((lines("a.log.1"), lines("a.log.2"), lines("a.log")), (500, 500, 1));
    }
}
