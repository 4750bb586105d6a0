//! A log that is written to, and rotated meanwhile.

use anyhow::Result;
use e2e::shipper::lines;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Rotated files that are kept: all. What is removed while a killed shipper is not there, nobody could ship.
const KEPT: u32 = 400;

pub struct Log {
    path: PathBuf,
    file: Mutex<File>,
    /// Whether the file has another name now
    renamed: AtomicBool,
    /// Numbers of lines that were truncated before the copy had them
    destroyed: Mutex<Vec<u64>>,
}

impl Log {
    pub fn create(path: PathBuf) -> Result<Self> {
        let file = Mutex::new(open(&path)?);
        Ok(Self { path, file, renamed: AtomicBool::new(false), destroyed: Mutex::default() })
    }

    /// Appends lines; then, and not before, looks whether there is a new file to write to, as an app does that was told
    /// to open its logs again.
    pub fn append(&self, numbers: impl Iterator<Item = u64>) -> Result<()> {
        let text: String = numbers.map(|number| lines(number..number + 1)).collect();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(text.as_bytes())?;
        if self.renamed.swap(false, Ordering::AcqRel) {
            *file = open(&self.path)?;
        }
        Ok(())
    }

    pub fn rename(&self) -> Result<()> {
        self.make_room()?;
        fs::rename(&self.path, rotated(&self.path, 1))?;
        open(&self.path)?;
        self.renamed.store(true, Ordering::Release);
        Ok(())
    }

    /// As logrotate does it. What the writer appended after the last look at the file, and before it was truncated, is
    /// gone for anybody who did not read it within that moment: the moment is held to know what that was.
    pub fn copy_and_truncate(&self) -> Result<()> {
        self.make_room()?;
        let (mut source, mut copy) = (File::open(&self.path)?, File::create(rotated(&self.path, 1))?);
        std::io::copy(&mut source, &mut copy)?;
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = String::new();
        source.read_to_string(&mut rest)?;
        file.set_len(0)?;
        let numbers = rest.lines().filter_map(|line| line.split_once("n=")?.1.get(..8)?.parse::<u64>().ok());
        self.destroyed.lock().unwrap_or_else(PoisonError::into_inner).extend(numbers);
        Ok(())
    }

    pub fn destroyed(&self) -> Vec<u64> {
        self.destroyed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn make_room(&self) -> Result<()> {
        for number in (1..=KEPT).rev() {
            let from = rotated(&self.path, number);
            if from.exists() && number == KEPT {
                fs::remove_file(from)?;
            } else if from.exists() {
                fs::rename(from, rotated(&self.path, number + 1))?;
            }
        }
        Ok(())
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    File::options().create(true).append(true).open(path)
}

fn rotated(path: &Path, number: u32) -> PathBuf {
    path.with_extension(format!("log.{number}"))
}
