//! The file of dead letters. What is in it is on the disk.

use anyhow::{Context, Result};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

pub struct LetterFile {
    path: Arc<Path>,
    /// One at a time, so that each can take back what it could not write whole
    turn: Arc<Mutex<()>>,
}

impl LetterFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path: path.into(), turn: Arc::default() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds whole lines, and returns when they would survive a power failure.
    ///
    /// # Errors
    /// When none of them is in the file. A disk may be full for a while.
    pub async fn append(&self, lines: Arc<Vec<u8>>) -> Result<()> {
        let turn = self.turn.clone().lock_owned().await;
        let path = self.path.clone();
        let written = spawn_blocking(move || {
            let result = append(&path, &lines);
            drop((turn, lines)); // not before it is done, although nobody may wait for it any more
            result
        });
        written.await.unwrap_or_else(|error| Err(error.into()))
    }
}

fn append(path: &Path, lines: &[u8]) -> Result<()> {
    let cannot = || format!("cannot write dead letters to {}", path.display());
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).with_context(cannot)?;
    let length = file.metadata().with_context(cannot)?.len();
    if length == 0 {
        // Before there is a letter in it: what fails is tried again, and a letter is to be there once.
        keep_name(path, &file).with_context(cannot)?;
    }
    let result = torn(&mut file, length).and_then(|torn| {
        if torn {
            file.write_all(b"\n")?;
        }
        file.write_all(lines)?;
        file.sync_data()
    });
    if result.is_err() {
        // What remains if this fails, too, is found torn next time.
        let _ = file.set_len(length);
    }
    result.with_context(cannot)
}

/// Returns when the file would be found after a power failure.
fn keep_name(path: &Path, file: &File) -> std::io::Result<()> {
    // Of a name alone the directory is the one where one is.
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(directory) {
        Ok(directory) => directory.sync_all(),
        // Who may write there need not be allowed to read: then it is the whole volume.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(rustix::fs::syncfs(file)?),
        Err(error) => Err(error),
    }
}

/// Whether the last line has no end, since whoever wrote it was killed. A letter that begins there would not be read.
fn torn(file: &mut File, length: u64) -> std::io::Result<bool> {
    if length == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::LetterFile;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    #[tokio::test]
    async fn lines_are_added_also_after_a_torn_one_and_after_the_file_was_taken_away() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("letters");
        let file = LetterFile::new(path.clone());
        let append = async |lines: &str| file.append(Arc::new(lines.as_bytes().to_vec())).await.unwrap();
        append("one\ntwo\n").await;
        append("three\n").await;
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "to").unwrap();
        append("four\n").await;
        assert_eq!(fs::read_to_string(&path).unwrap(), "to\nfour\n");
        fs::remove_file(&path).unwrap();
        append("five\n").await;
        assert_eq!(fs::read_to_string(&path).unwrap(), "five\n");
    }

    /// The directory of a name alone is the one where this runs, which is the package's.
    #[tokio::test]
    async fn a_name_alone_is_a_path() {
        let name = format!("letters-{}", std::process::id());
        let written = LetterFile::new(name.clone().into()).append(Arc::new(b"one\n".to_vec())).await;
        let text = fs::read_to_string(&name);
        fs::remove_file(&name).unwrap();
        written.unwrap();
        assert_eq!(text.unwrap(), "one\n");
    }

    #[tokio::test]
    async fn what_cannot_be_written_whole_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let file = LetterFile::new(directory.path().join("no/letters"));
        let error = format!("{:#}", file.append(Arc::new(b"one\n".to_vec())).await.unwrap_err());
        assert!(error.contains("no/letters"), "{error}");
    }
}
