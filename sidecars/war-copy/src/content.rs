//! The bytes of one file, by the shortest way: blocks that both share, a copy in the kernel, large reads and writes.

use crate::work::{Tools, Work};
use anyhow::{Context, Result};
use rustix::fs::{SeekFrom, copy_file_range, ftruncate, ioctl_ficlone, seek};
use rustix::io::{Errno, pread, read, write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::atomic::Ordering;
use war_copy::digest::Digest;

/// Between two looks at whether to stop
const PIECE: usize = 8 << 20;

/// Two open files, of which one becomes what the other is. The errors say which of them is at fault.
pub struct Pair<'a> {
    pub from: BorrowedFd<'a>,
    pub to: BorrowedFd<'a>,
    pub source: &'a Path,
    pub target: &'a Path,
}

/// Copies a file of `size` bytes, of which `allocated` are no holes, and returns how many they were and, if it is asked
/// for, their digest.
///
/// # Errors
/// If the kernel says one, or it is time to stop.
pub fn copy(work: &Work, tools: &mut Tools, pair: &Pair, size: u64, allocated: u64) -> Result<(u64, Option<Digest>)> {
    let large = size > tools.buffer.len() as u64;
    if large && reflink(work, pair) {
        work.progress.add_bytes(size);
        return Ok((size, work.config.verify.then(|| digest(work, tools, pair.to)).transpose()?));
    }
    let copied = if large && allocated < size {
        sparse(work, tools, pair, size)?
    } else if large && !work.config.verify {
        in_kernel(work, tools, pair, size)?
    } else {
        // That it has grown is seen by its size; a pseudo file has none, and is read to its end.
        through_here(work, tools, pair, if size > 0 { size } else { u64::MAX })?
    };
    Ok((copied, work.config.verify.then(|| tools.hasher.finish())))
}

/// Lets both share their blocks, where the file system can; whether that was done.
fn reflink(work: &Work, pair: &Pair) -> bool {
    if work.no_reflink.load(Ordering::Relaxed) {
        return false;
    }
    let shared = ioctl_ficlone(pair.to, pair.from).is_ok();
    work.no_reflink.store(!shared, Ordering::Relaxed);
    shared
}

/// The digest of a file that has been written.
fn digest(work: &Work, tools: &mut Tools, file: BorrowedFd) -> Result<Digest> {
    let mut offset = 0;
    loop {
        work.stop.check()?;
        let got = pread(file, &mut tools.buffer[..], offset).context("cannot read what was written")?;
        if got == 0 {
            return Ok(tools.hasher.finish());
        }
        tools.hasher.update(&tools.buffer[..got]);
        offset += got as u64;
    }
}

/// Copies to the end, without the bytes ever being here.
fn in_kernel(work: &Work, tools: &mut Tools, pair: &Pair, size: u64) -> Result<u64> {
    let mut copied = 0;
    while copied <= size {
        work.stop.check()?;
        match copy_file_range(pair.from, None, pair.to, None, PIECE) {
            Ok(some) if some > 0 => {
                copied += some as u64;
                work.progress.add_bytes(some as u64);
            }
            Err(Errno::INTR) => {}
            // The end; or not on this kernel, or not between these file systems.
            Ok(_) | Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => break,
            Err(error) => return Err(error).with_context(|| format!("cannot copy to {}", pair.target.display())),
        }
    }
    // What is left, which is nothing if the kernel has done all of it.
    Ok(copied + through_here(work, tools, pair, size.saturating_add(1).saturating_sub(copied))?)
}

/// Copies what is no hole, and leaves the holes as they are.
fn sparse(work: &Work, tools: &mut Tools, pair: &Pair, size: u64) -> Result<u64> {
    let cannot_read = || format!("cannot read {}", pair.source.display());
    let mut offset = 0;
    while offset < size {
        let data = match seek(pair.from, SeekFrom::Data(offset)) {
            Ok(data) => data.min(size),
            Err(Errno::NXIO) => size,
            // A file system that knows of no holes.
            Err(_) if offset == 0 => 0,
            Err(error) => return Err(error).with_context(cannot_read),
        };
        zeroes(work, tools, data - offset)?;
        work.progress.add_bytes(data - offset);
        let hole = seek(pair.from, SeekFrom::Hole(data)).map_or(size, |hole| hole.min(size));
        seek(pair.from, SeekFrom::Start(data)).with_context(cannot_read)?;
        seek(pair.to, SeekFrom::Start(data)).with_context(|| format!("cannot write {}", pair.target.display()))?;
        let copied = through_here(work, tools, pair, hole.saturating_sub(data))?;
        if data + copied < hole {
            return Ok(data + copied); // it has become shorter, which is for the caller to see
        }
        offset = hole;
    }
    ftruncate(pair.to, size).with_context(|| format!("cannot write {}", pair.target.display()))?;
    Ok(size)
}

/// A hole is zeroes to whoever reads it, and so to the digest.
fn zeroes(work: &Work, tools: &mut Tools, mut count: u64) -> Result<()> {
    if work.config.verify {
        tools.buffer.fill(0);
        while count > 0 {
            work.stop.check()?;
            let piece = tools.buffer.len().min(usize::try_from(count).unwrap_or(usize::MAX));
            tools.hasher.update(&tools.buffer[..piece]);
            count -= piece as u64;
        }
    }
    Ok(())
}

/// Copies at most so many bytes, and takes their digest on the way.
fn through_here(work: &Work, tools: &mut Tools, pair: &Pair, most: u64) -> Result<u64> {
    let mut copied = 0;
    while copied < most {
        work.stop.check()?;
        let wanted = tools.buffer.len().min(usize::try_from(most - copied).unwrap_or(usize::MAX));
        let got = match read(pair.from, &mut tools.buffer[..wanted]) {
            Err(Errno::INTR) => continue,
            got => got.with_context(|| format!("cannot read {}", pair.source.display()))?,
        };
        if got == 0 {
            break;
        }
        let piece = &tools.buffer[..got];
        write_all(pair.to, piece).with_context(|| format!("cannot write {}", pair.target.display()))?;
        if work.config.verify {
            tools.hasher.update(piece);
        }
        copied += got as u64;
        work.progress.add_bytes(got as u64);
    }
    Ok(copied)
}

/// Writes all of it where the file stands.
pub fn write_all(file: impl AsFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match write(&file, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
