//! Modes, owners and times of what is put.

use crate::config::{Chown, Config, Existing};
use anyhow::{Context, Result};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Stat, Timespec, Timestamps, Uid, chownat, fchmod, fchown, fstat, futimens, utimensat,
};
use rustix::io::Errno;
use rustix::process::geteuid;
use rustix::thread::{CapabilitySet, capabilities};
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// Read, write and execute, for owner, group and others
pub const PERMISSIONS: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);

/// What keeps a file from being given away
const CHOWN: &str = "cannot give it to another owner\nhint: --chown needs the capability CHOWN: \
    `securityContext: {runAsUser: 0, capabilities: {add: [CHOWN]}}`";

/// What a file is created with; the umask takes its part of it.
pub fn permissions(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode) & PERMISSIONS
}

/// Gives a file or directory what the kernel has not given it when it was created. `like` is the source, for
/// `--preserve`.
///
/// # Errors
/// If the kernel does not allow it.
pub fn give(config: &Config, file: impl AsFd, like: Option<&Stat>) -> Result<()> {
    if let Some(like) = like.filter(|_| config.preserve) {
        // Most have it already, and to look costs less than to give.
        let new = fstat(&file)?;
        let mut mode = Mode::from_raw_mode(like.st_mode);
        // As cp: who may not give files away keeps them, without the bits that would make others act as oneself.
        let owned = (new.st_uid, new.st_gid) == (like.st_uid, like.st_gid)
            || config.chown.is_none() && given(chown(&file, Some(like.st_uid), Some(like.st_gid)))?;
        if !owned || config.chown.is_some() {
            mode -= Mode::SUID | Mode::SGID;
        }
        if FileType::from_raw_mode(like.st_mode).is_dir() {
            // The group of a volume with fsGroup is inherited by this bit of its directories.
            mode |= Mode::from_raw_mode(new.st_mode) & Mode::SGID;
        }
        if Mode::from_raw_mode(new.st_mode) != mode {
            fchmod(&file, mode)?;
        }
        futimens(&file, &times(like))?;
    }
    // At last: what is another's is not to be changed any more.
    match config.chown {
        Some(Chown { uid, gid }) => chown(&file, uid, gid).context(CHOWN),
        None => Ok(()),
    }
}

/// The same for a symbolic link of this name.
///
/// # Errors
/// If the kernel does not allow it.
pub fn give_link(config: &Config, directory: impl AsFd, name: &OsStr, like: &Stat) -> Result<()> {
    let chown = |uid: Option<u32>, gid: Option<u32>| {
        chownat(&directory, name, uid.map(Uid::from_raw), gid.map(Gid::from_raw), AtFlags::SYMLINK_NOFOLLOW)
    };
    if config.preserve {
        utimensat(&directory, name, &times(like), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    match config.chown {
        Some(Chown { uid, gid }) => chown(uid, gid).context(CHOWN),
        None if config.preserve => Ok(given(chown(Some(like.st_uid), Some(like.st_gid))).map(drop)?),
        None => Ok(()),
    }
}

/// Whether that was allowed.
fn given(chowned: Result<(), Errno>) -> Result<bool, Errno> {
    match chowned {
        Err(Errno::PERM) => Ok(false),
        chowned => chowned.map(|()| true),
    }
}

fn chown(file: impl AsFd, uid: Option<u32>, gid: Option<u32>) -> Result<(), Errno> {
    fchown(file, uid.map(Uid::from_raw), gid.map(Gid::from_raw))
}

fn times(like: &Stat) -> Timestamps {
    #[expect(clippy::cast_possible_wrap, reason = "less than a billion")]
    let time = |tv_sec, nanoseconds: u64| Timespec { tv_sec, tv_nsec: nanoseconds as i64 };
    Timestamps {
        last_access: time(like.st_atime, like.st_atime_nsec),
        last_modification: time(like.st_mtime, like.st_mtime_nsec),
    }
}

/// Whether what is there has the attributes that were asked for.
pub fn right(config: &Config, like: Option<&Stat>, found: &Metadata) -> bool {
    let like = like.filter(|_| config.preserve);
    let owned = match (config.chown, like) {
        (Some(Chown { uid, gid }), _) => {
            uid.is_none_or(|uid| found.uid() == uid) && gid.is_none_or(|gid| found.gid() == gid)
        }
        (None, Some(like)) => (found.uid(), found.gid()) == (like.st_uid, like.st_gid) || !may_give_away(),
        (None, None) => true,
    };
    owned
        && like.is_none_or(|like| {
            #[expect(clippy::cast_sign_loss, reason = "less than a billion")]
            let same_time = found.mtime() == like.st_mtime && found.mtime_nsec() as u64 == like.st_mtime_nsec;
            same_time && permissions(like) == Mode::from_raw_mode(found.mode()) & PERMISSIONS
        })
}

/// The same of a directory, which may have been there for others.
pub fn right_directory(config: &Config, like: Option<&Stat>, found: &Metadata) -> bool {
    if config.merge {
        !gives_merged(config) || right(config, like.filter(|_| may_change(found.uid())), found)
    } else {
        right(config, like, found)
    }
}

/// Whether directories that are merged into get attributes, as real `cp -a` gives them.
pub fn gives_merged(config: &Config) -> bool {
    (config.preserve || config.chown.is_some()) && config.existing != Existing::Keep
}

/// Whether what is put, `like` its source or not, has been given a group that was asked for.
pub fn gives_group(config: &Config, like: bool) -> bool {
    match config.chown {
        Some(Chown { gid, .. }) => gid.is_some(),
        None => like && config.preserve && may_give_away(),
    }
}

/// Who may not give files away keeps them: to look for their owner then would never end.
fn may_give_away() -> bool {
    has(CapabilitySet::CHOWN)
}

/// Whether mode and time of what is this user's may be changed.
pub fn may_change(owner: u32) -> bool {
    owner == geteuid().as_raw() || has(CapabilitySet::FOWNER)
}

fn has(capability: CapabilitySet) -> bool {
    capabilities(None).is_ok_and(|own| own.effective.contains(capability))
}
