//! Where things are until they are whole: on the volume of DEST, where a rename makes them visible, and under a name
//! that nobody takes for something finished. Tomcat deploys any directory of its webapps but META-INF and WEB-INF, in
//! whatever case (`HostConfig.deployDirectories`), so it is `DEST/meta-inf/.war-copy-0`.

use crate::config::Config;
use crate::plan::Plan;
use anyhow::{Context, Result, bail};
use chassis::message;
use rustix::fs::{FlockOperation, Mode, RawMode, flock};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// In lower case, so that it is not the META-INF of an application that is unpacked into DEST itself.
const PARENT: &str = "meta-inf";
const PREFIX: &str = ".war-copy-";
const LOCK: &str = "lock";
/// How a parent that is nobody else's can be told, also after a kill: the sticky bit has no other use on a directory
/// which nobody else may enter.
const OURS: u32 = 0o1700;

/// The directory, locked against other runs that would take it for a leftover. Removed when dropped.
pub struct Staging {
    pub path: PathBuf,
    parent: PathBuf,
    _lock: File,
}

impl Staging {
    /// # Errors
    /// If DEST cannot be written.
    pub fn new(config: &Config, plan: &Plan) -> Result<Self> {
        let base = &plan.base;
        let dest = fs::metadata(base).with_context(|| format!("cannot look at {}", base.display()))?;
        let parent = parent(config, plan);
        if config.staging.is_none() {
            create_parent(&parent).with_context(|| cannot_write(base))?;
        }
        let metadata = fs::metadata(&parent).with_context(|| format!("cannot stage in {}", parent.display()))?;
        if metadata.dev() != dest.dev() {
            bail!(
                "{} is not on the volume of {}, so nothing can be renamed from there",
                parent.display(),
                base.display()
            );
        }
        // In a directory of a group (a volume with fsGroup) all that is made belongs to that group, and so must this.
        let group = (dest.mode() & Mode::SGID.bits() as RawMode != 0).then_some(dest.gid());
        for number in 0_u32.. {
            let path = parent.join(format!("{PREFIX}{number}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                // Another run has found the parent empty, and removed it.
                Err(error) if error.kind() == ErrorKind::NotFound && config.staging.is_none() => {
                    create_parent(&parent).with_context(|| cannot_write(base))?;
                    continue;
                }
                made => made.with_context(|| cannot_write(&parent))?,
            }
            // Another run may have taken it for a leftover before it was locked; then it is left to it.
            if let Some(lock) = lock(&path).with_context(|| cannot_write(&path))? {
                if let Some(group) = group {
                    let inherit = || -> io::Result<()> {
                        chown(&path, None, Some(group))?;
                        fs::set_permissions(&path, Permissions::from_mode(0o2700))
                    };
                    inherit().with_context(|| format!("cannot give {} to the group {group}", path.display()))?;
                }
                return Ok(Self { path, parent, _lock: lock });
            }
        }
        bail!("cannot find a name in {} that is free", parent.display())
    }
}

impl Staging {
    /// The directories that the entries wait in, one for each. They have to be made.
    pub fn holders(&self) -> impl Iterator<Item = PathBuf> {
        (0..).map(|number: u32| self.path.join(number.to_string()))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        remove_or_warn(&self.path);
        remove_parent(&self.parent);
    }
}

fn cannot_write(directory: &Path) -> String {
    format!("cannot write in {}", directory.display())
}

fn create_parent(parent: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(OURS).create(parent) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && is_directory(parent) => Ok(()),
        made => made,
    }
}

fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

fn parent(config: &Config, plan: &Plan) -> PathBuf {
    config.staging.clone().unwrap_or_else(|| plan.base.join(PARENT))
}

/// Removes what earlier runs have left, if they are not alive.
///
/// # Errors
/// If it cannot be looked at; what cannot be removed is only warned of.
pub fn clean(config: &Config, plan: &Plan) -> Result<()> {
    let parent = &parent(config, plan);
    let found = match fs::read_dir(parent) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
        found => found.with_context(|| format!("cannot read {}", parent.display()))?,
    };
    for entry in found {
        let entry = entry.with_context(|| format!("cannot read {}", parent.display()))?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) || !is_directory(&entry.path()) {
            continue;
        }
        // Locked: its run is alive. Not to be locked at all: another user's, or a volume that cannot be written,
        // about which more will be heard.
        if let Ok(Some(_lock)) = lock(&entry.path()) {
            remove_or_warn(&entry.path());
        }
    }
    remove_parent(parent);
    Ok(())
}

/// Removes the parent if it is empty and was made here.
fn remove_parent(parent: &Path) {
    let ours = |found: Metadata| found.is_dir() && found.mode() & 0o1777 == OURS;
    if parent.ends_with(PARENT) && fs::symlink_metadata(parent).is_ok_and(ours) {
        let _ = fs::remove_dir(parent); // where others are in it, it stays
    }
}

/// A lock on a staging directory, or none if another run has it.
fn lock(directory: &Path) -> io::Result<Option<File>> {
    let path = directory.join(LOCK);
    let file = match OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return Ok(None),
        locked => locked?,
    }
    // Whoever had it may have removed the file that is now locked.
    let there =
        fs::symlink_metadata(&path).is_ok_and(|found| file.metadata().is_ok_and(|own| own.ino() == found.ino()));
    Ok(there.then_some(file))
}

fn remove_or_warn(directory: &Path) {
    if let Err(error) = remove(directory) {
        message::warning(format_args!("cannot remove {}, which is no longer needed: {error}", directory.display()));
    }
}

/// Removes a directory and all that is in it, also where its owner may not write.
fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            open_up(directory)?;
            fs::remove_dir_all(directory)
        }
        removed => removed,
    }
}

fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
