//! Files that somebody else writes.

use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// To read a file, without waiting for anybody: who opens a pipe by its name waits for one who writes into it, and whoever
/// may write to a volume can put one there. Below `/dev` there are those that a shell makes: `--config <(…)`.
///
/// # Errors
/// When it cannot be read, or is such a pipe.
pub fn open(path: &Path) -> io::Result<File> {
    if path.starts_with("/dev") {
        return File::open(path);
    }
    // For what is a file it changes nothing.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe, and no file"));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::open;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn nobody_writes_into_a_pipe() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert_eq!(open(&path).unwrap_err().to_string(), "it is a pipe, and no file");
        std::fs::write(place.path().join("file"), "text").unwrap();
        assert!(open(&place.path().join("file")).is_ok());
        assert!(open("/dev/null".as_ref()).is_ok());
    }
}
