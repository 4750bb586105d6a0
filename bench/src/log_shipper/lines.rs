//! What is shipped: a log in memory, so that a disk's reading does not count.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub const COUNT: u64 = 2_000_000;

/// Of a line, its end included
const LENGTH: usize = 195;

pub struct Lines {
    directory: TempDir,
    pub file: PathBuf,
}

impl Lines {
    /// Every other line is JSON, which a shipper of text has to escape.
    ///
    /// # Errors
    /// If there is no room for it in memory.
    pub fn new() -> Result<Self> {
        eprintln!("log-shipper: making what is shipped");
        let directory = tempfile::tempdir_in("/dev/shm").context("no /dev/shm")?;
        let file = directory.path().join("app.log");
        let mut written = BufWriter::new(File::create(&file)?);
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        for number in 0..COUNT {
            // xorshift64: the same lines in every run
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            written.write_all(line(number, random).as_bytes()).context("no room in /dev/shm")?;
        }
        written.flush().context("no room in /dev/shm")?;
        Ok(Self { directory, file })
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// As applications write them: most of it is always the same, ids and times are not.
pub fn line(number: u64, random: u64) -> String {
    let (seconds, milliseconds) = (number / 20_000 % 60, number / 20 % 1000);
    let (thread, took, customer) = (random % 16, random >> 8 & 1023, random >> 24 & 0xffff);
    let (before, after) = if number.is_multiple_of(2) {
        let time = format!("2026-11-21T18:03:{seconds:02}.{milliseconds:03}Z");
        let place = format!(r#""level":"info","logger":"com.example.OrderService","thread":"worker-{thread}""#);
        let ids = format!(r#""trace":"{random:016x}","customer":{customer},"ms":{took},"msg":"order {number}"#);
        (format!(r#"{{"time":"{time}",{place},{ids}"#), r#""}"#)
    } else {
        let time = format!("2026-11-21 18:03:{seconds:02},{milliseconds:03}");
        let place = format!("INFO [worker-{thread}] com.example.shop.OrderService");
        (format!("{time} {place}: trace {random:016x}, order {number} of customer {customer} took {took} ms"), "")
    };
    let filling =
        " accepted and stored, payment is under way and the customer has been told by mail, nothing else to do";
    let room = (LENGTH - 1).saturating_sub(before.len() + after.len());
    format!("{before}{}{after}\n", &filling[..room.min(filling.len())])
}

#[cfg(test)]
mod tests {
    use super::{COUNT, LENGTH, line};

    #[test]
    fn lines_are_of_one_length_and_every_other_is_json() {
        for number in [0, 1, 2, 3, COUNT - 2, COUNT - 1] {
            for random in [0, 1, u64::MAX / 3, u64::MAX] {
                let line = line(number, random);
                assert_eq!(line.len(), LENGTH, "{line}");
                assert_eq!(
                    serde_json::from_str::<serde_json::Value>(&line).is_ok(),
                    number.is_multiple_of(2),
                    "{line}"
                );
            }
        }
    }
}
