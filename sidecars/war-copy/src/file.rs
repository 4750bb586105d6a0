//! One file: from where it is to where it waits to become visible.

use crate::attributes::{give, permissions};
use crate::config::Existing;
use crate::content::{self, Pair};
use crate::ledger::Fate;
use crate::same;
use crate::source::Source;
use crate::tree::Folder;
use crate::work::{Tools, Work};
use anyhow::{Context, Result};
use chassis::message;
use rustix::fs::{OFlags, fsync, openat};
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, Write, stderr, stdin};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

/// Files of one directory, for one of another.
pub struct Job {
    pub from: Arc<Folder>,
    /// Where they wait
    pub to: Arc<Folder>,
    /// Their names there, and in the source where that is another one
    pub names: Vec<(OsString, Option<OsString>)>,
    /// Whether what they go to is there already, so that there may be files of these names
    pub existing: bool,
    pub follow: bool,
}

/// How a file is created where it waits; read again to find its digest if its blocks are shared.
pub const CREATE: OFlags =
    OFlags::RDWR.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// # Errors
/// If one of them cannot be put; what is already there is left.
pub fn put_all(work: &Work, tools: &mut Tools, job: &Job) -> Result<()> {
    job.names.iter().try_for_each(|(name, source)| {
        work.stop.check()?;
        put(work, tools, job, name, source.as_ref().unwrap_or(name))
    })
}

fn put(work: &Work, tools: &mut Tools, job: &Job, name: &OsStr, source_name: &OsStr) -> Result<()> {
    let source = Source::open(&job.from.fd, source_name, job.from.path.join(source_name), job.follow)?;
    let target = job.to.path.join(name);
    let stays = job.existing
        && (same::file(work, tools, &work.ledger, &source, &target)? || kept_when_asked(work, &source, &target)?);
    if stays {
        work.progress.add_bytes(source.size());
    } else {
        stage(work, tools, job, name, &source, &target)?;
    }
    work.progress.add_file();
    Ok(())
}

fn stage(work: &Work, tools: &mut Tools, job: &Job, name: &OsStr, source: &Source, target: &Path) -> Result<()> {
    let cannot_write = || format!("cannot write {}", target.display());
    let to = openat(&job.to.fd, name, CREATE, permissions(&source.stat)).with_context(cannot_write)?;
    let pair = Pair { from: source.file.as_fd(), to: to.as_fd(), source: &source.path, target };
    let (copied, digest) = content::copy(work, tools, &pair, source.size(), source.allocated())?;
    source.unchanged(copied)?;
    if let Some(digest) = &digest {
        work.expected.check(&source.path, digest)?;
    }
    give(work.config, &to, Some(&source.stat)).with_context(cannot_write)?;
    if work.sync_each {
        fsync(&to).with_context(cannot_write)?;
    }
    if work.config.verbose {
        let digest = digest.map_or(String::new(), |digest| format!(" sha256:{digest}"));
        message::info(format_args!("'{}' -> '{}'{digest}", source.path.display(), target.display()));
    }
    work.ledger.note(Fate::Put, target, copied, digest.filter(|_| work.config.manifest.is_some()));
    Ok(())
}

/// Asks, if that is how it was called, whether a file may be replaced; notes it if not.
fn kept_when_asked(work: &Work, source: &Source, target: &Path) -> Result<bool> {
    if work.config.existing != Existing::Ask || target.symlink_metadata().is_err() {
        return Ok(false);
    }
    // One question at a time, whoever asks.
    let input = stdin().lock();
    let _ = stderr().write_all(format!("cp: replace {}? ", target.display()).as_bytes());
    let answer = input.lines().next().transpose().context("cannot read the answer")?.unwrap_or_default();
    let kept = !answer.trim_start().starts_with(['y', 'Y']);
    if kept {
        work.expected.waive(&source.path);
        work.ledger.note(Fate::Kept, target, source.size(), None);
    }
    Ok(kept)
}
