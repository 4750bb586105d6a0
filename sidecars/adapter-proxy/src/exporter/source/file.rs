//! A file, which the app writes now and then.

use super::too_long;
use rustix::fs::OFlags;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub fn read(path: &Path, most: usize) -> Result<Vec<u8>, String> {
    let wrong = |error| format!("{}: {error}", path.display());
    // A pipe that nobody writes to would hold up everything.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(wrong)?;
    if !file.metadata().map_err(wrong)?.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    let mut body = vec![];
    file.take(most as u64 + 1).read_to_end(&mut body).map_err(wrong)?;
    if body.len() > most { Err(format!("{}: {}", path.display(), too_long(most))) } else { Ok(body) }
}
