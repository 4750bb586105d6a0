//! Makes what waits visible: each by one rename, so that a reader sees it old or new, and never a part.

use crate::attributes::gives_group;
use crate::plan::{Entry, Kind};
use crate::staging::Staging;
use crate::tree::{Late, Pending};
use crate::work::Work;
use anyhow::{Context, Result, bail};
use chassis::message;
use rustix::fs::{AtFlags, CWD, RenameFlags, StatxAttributes, StatxFlags, renameat_with, statx};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

/// What is not any more as it was.
#[derive(Default)]
struct Changed {
    directories: BTreeSet<PathBuf>,
    moves: usize,
}

impl Changed {
    /// Notes that something has got its place in a directory.
    fn add(&mut self, directory: &Path) {
        self.directories.insert(directory.into());
        self.moves += 1;
    }
}

/// # Errors
/// If something is in the way that the kernel will not replace, since a volume is mounted there.
pub fn check(work: &Work, pending: &[Pending]) -> Result<()> {
    for Pending { entry, .. } in pending {
        let merged = work.config.merge && entry.existing == Some(Kind::Directory);
        if !merged && is_mount_point(&entry.target) {
            return Err(refused(Errno::BUSY.into(), &entry.source, &entry.target));
        }
    }
    Ok(())
}

/// Before Linux 5.8 nobody can tell; then it is the rename that fails.
fn is_mount_point(path: &Path) -> bool {
    let found = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty());
    found.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Brings what waits in the holders to its place, and gives the directories that were there their attributes.
///
/// # Errors
/// If the kernel refuses one; those before it are in place, and the message says how many.
pub fn publish(work: &Work, staging: &Staging, pending: &[Pending], merged: &[Late]) -> Result<()> {
    let mut changed = Changed::default();
    for (number, (one_pending, holder)) in pending.iter().zip(staging.holders()).enumerate() {
        let (entry, before) = (one_pending.entry, changed.moves);
        if let Err(error) = put(work, entry, &holder, &mut changed) {
            let some = format!(", and a part of {}", entry.target.display());
            let part = if changed.moves > before { &some } else { "" };
            let count = pending.len();
            return Err(error.context(format!("{number} of {count} are in place{part}; the rest is as it was")));
        }
    }
    // From the innermost to the outermost, as those that were staged.
    for directory in merged.iter().rev() {
        directory
            .give(work)
            .context("all files are in place, but not all directories have the attributes asked for")?;
        changed.add(&directory.path);
    }
    if changed.moves > 0 {
        work.ledger.changed();
    }
    if work.config.sync {
        for directory in changed.directories {
            let sync = File::open(&directory).and_then(|opened| opened.sync_all());
            sync.with_context(|| format!("cannot sync {}", directory.display()))?;
        }
    }
    Ok(())
}

fn put(work: &Work, entry: &Entry, holder: &Path, changed: &mut Changed) -> Result<()> {
    let target = &entry.target;
    let staged = holder.join(target.file_name().unwrap_or_default());
    if staged.symlink_metadata().is_err() {
        return Ok(()); // a file that was right already
    }
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let whole = matches!(entry.kind, Kind::Directory | Kind::Archive);
    // Not what was there in the beginning: another run may have been quicker, or an entry of this one.
    let there = whole && target.symlink_metadata().is_ok_and(|found| found.is_dir());
    match there {
        true if work.config.merge => {
            let hand_down = !gives_group(work.config, entry.kind != Kind::Archive);
            return merge(&staged, target, hand_down, changed);
        }
        true => exchange(&staged, target, holder)?,
        false => rename(&staged, target).or_else(|error| {
            match error.downcast_ref::<io::Error>().and_then(Errno::from_io_error) {
                Some(Errno::NOTEMPTY | Errno::EXIST) if whole && !work.config.merge => {
                    exchange(&staged, target, holder)
                }
                _ => Err(error),
            }
        })?,
    }
    changed.add(parent);
    Ok(())
}

/// Swaps two directories; the old one waits to be removed then.
fn exchange(staged: &Path, target: &Path, holder: &Path) -> Result<()> {
    let (new, old) = (make_writable(staged), make_writable(target));
    let exchanged = renameat_with(CWD, staged, CWD, target, RenameFlags::EXCHANGE);
    restore(target, if exchanged.is_ok() { new } else { old });
    match exchanged {
        Ok(()) => Ok(()),
        // Network file systems know only plain renames.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            message::warning(format_args!(
                "the file system of {} cannot exchange directories; it is missing for a moment",
                target.display()
            ));
            let old = holder.join(".old");
            rename(target, &old)?;
            rename(staged, target).inspect_err(|_| {
                let _ = fs::rename(&old, target);
            })
        }
        Err(error) => Err(refused(error.into(), staged, target)),
    }
}

fn rename(staged: &Path, target: &Path) -> Result<()> {
    let mode = make_writable(staged);
    let renamed = fs::rename(staged, target);
    restore(if renamed.is_ok() { target } else { staged }, mode);
    renamed.map_err(|error| refused(error, staged, target))
}

/// To move a directory changes its `..`, and to move what is in it changes the rest of it, which both takes the right to
/// write it. Returns the mode of one whose owner has not got it.
fn make_writable(path: &Path) -> Option<Permissions> {
    let closed = |found: &Metadata| found.is_dir() && found.mode() & 0o700 != 0o700;
    let found = path.symlink_metadata().ok().filter(closed)?;
    // Where this is refused, the move will be, too, and that is told.
    fs::set_permissions(path, Permissions::from_mode(found.mode() | 0o700)).ok()?;
    Some(found.permissions())
}

fn restore(path: &Path, mode: Option<Permissions>) {
    if let Some(Err(error)) = mode.map(|mode| fs::set_permissions(path, mode)) {
        message::warning(format_args!("cannot make {} read-only: {error}", path.display()));
    }
}

fn refused(error: io::Error, staged: &Path, target: &Path) -> anyhow::Error {
    let hint = match Errno::from_io_error(&error) {
        Some(Errno::BUSY) => "\nhint: it is a mount point; copy to it on its own",
        Some(Errno::XDEV) => "\nhint: it is on another volume than DEST; copy to it on its own",
        Some(Errno::ACCESS | Errno::PERM) if is_anothers(staged) || is_anothers(target) => {
            "\nhint: only who may write a directory can move it; it belongs to another user, \
             whose files take the capability DAC_OVERRIDE"
        }
        Some(Errno::ACCESS | Errno::PERM) => {
            "\nhint: the directory it is in belongs to another user; \
             `securityContext: {fsGroup: 65532}` lets war-copy write in the volume"
        }
        Some(Errno::INVAL) => "\nhint: what waits is inside of it; use --staging",
        _ => "",
    };
    anyhow::Error::new(error).context(format!("cannot replace {}{hint}", target.display()))
}

/// Whether it is a directory of another user.
fn is_anothers(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir() && found.uid() != geteuid().as_raw())
}

/// Brings each file of a directory to its place in the one that is there, whose group may be one to be handed down.
/// Neither need be one that its owner may write.
fn merge(staged: &Path, target: &Path, hand_down: bool, changed: &mut Changed) -> Result<()> {
    make_writable(staged); // it is of no use any more then
    let mode = make_writable(target);
    let merged = merge_each(staged, target, hand_down, changed);
    restore(target, mode);
    merged
}

fn merge_each(staged: &Path, target: &Path, hand_down: bool, changed: &mut Changed) -> Result<()> {
    let into = fs::metadata(target).with_context(|| format!("cannot look at {}", target.display()))?;
    let group = (hand_down && into.mode() & 0o2000 != 0).then_some(into.gid());
    for found in fs::read_dir(staged).with_context(|| format!("cannot read {}", staged.display()))? {
        let found = found.with_context(|| format!("cannot read {}", staged.display()))?;
        let (from, to) = (found.path(), target.join(found.file_name()));
        let directory = found.file_type()?.is_dir();
        match to.symlink_metadata() {
            Ok(there) if there.is_dir() && directory => {
                merge(&from, &to, hand_down, changed)?;
                continue;
            }
            Ok(there) if there.is_dir() || directory => bail!("cannot replace {}: one is a directory", to.display()),
            _ => {}
        }
        if let Some(group) = group {
            regroup(&from, group)?;
        }
        rename(&from, &to)?;
        changed.add(target);
    }
    Ok(())
}

/// What is in a directory with the set-group-ID bit belongs to its group; what was made elsewhere has to be given to it.
fn regroup(path: &Path, group: u32) -> Result<()> {
    let cannot = || format!("cannot give {} to the group {group}", path.display());
    let found = path.symlink_metadata().with_context(cannot)?;
    if found.gid() == group {
        return Ok(());
    }
    lchown(path, None, Some(group)).with_context(cannot)?;
    if found.is_dir() {
        for child in fs::read_dir(path).with_context(cannot)? {
            regroup(&child.with_context(cannot)?.path(), group)?;
        }
    }
    Ok(())
}
