//! Where things are until they are whole: on the volume of DEST, where a rename makes them visible, and under a name
//! that nobody takes for something finished. Tomcat deploys any directory of its webapps but META-INF and WEB-INF, in
//! whatever case (`HostConfig.deployDirectories`), so it is `DEST/meta-inf/.war-copy-0`.

use crate::config::Config;
use crate::plan::{Entry, Plan};
use anyhow::{Context, Result, bail, ensure};
use chassis::message;
use rustix::fs::{FlockOperation, Mode, RawMode, flock};
use rustix::io::Errno;
use std::ffi::OsStr;
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
        let replaced =
            |entry: &&Entry| parent.starts_with(&entry.target) && !(config.merge && entry.existing.is_some());
        if let Some(entry) = plan.entries.iter().find(replaced) {
            let (target, parent) = (entry.target.display(), parent.display());
            bail!("cannot replace {target} by what is staged in it, in {parent}\nhint: use --staging");
        }
        if config.staging.is_none() {
            create_parent(&parent)?;
        }
        for number in 0_u32.. {
            let path = parent.join(format!("{PREFIX}{number}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                // Another run has found the parent empty, and removed it.
                Err(error) if error.kind() == ErrorKind::NotFound && config.staging.is_none() => {
                    create_parent(&parent)?;
                    continue;
                }
                made => made.map_err(|error| refused(error, &parent))?,
            }
            // Another run may have taken it for a leftover before it was locked; then it is left to it.
            if let Some(lock) = lock(&path).map_err(|error| refused(error, &path))? {
                let staging = Self { path, parent, _lock: lock };
                staging.inherit(&dest)?;
                return Ok(staging);
            }
        }
        bail!("cannot find a name in {} that is free", parent.display())
    }

    /// Makes it a directory whose files are as if they were made in DEST.
    fn inherit(&self, dest: &Metadata) -> Result<()> {
        let shown = self.path.display();
        let own = fs::metadata(&self.path).with_context(|| format!("cannot look at {shown}"))?;
        if own.dev() != dest.dev() {
            bail!("{} is not on the volume of DEST, so nothing can be renamed from there", self.parent.display());
        }
        // In a directory of a group (a volume with fsGroup) all that is made belongs to that group. In DEST itself that
        // has come of itself, and who is not in the group could not set the bit again.
        let of_group = |found: &Metadata| found.mode() & Mode::SGID.bits() as RawMode != 0;
        if of_group(dest) && !(of_group(&own) && own.gid() == dest.gid()) {
            let give = || -> io::Result<()> {
                chown(&self.path, None, Some(dest.gid()))?;
                fs::set_permissions(&self.path, Permissions::from_mode(0o2700))
            };
            give().with_context(|| format!("cannot give {shown} to the group {}", dest.gid()))?;
        }
        Ok(())
    }

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

fn refused(error: io::Error, directory: &Path) -> anyhow::Error {
    let hint = match error.kind() {
        ErrorKind::ReadOnlyFilesystem => "\nhint: mount the volume without `readOnly: true`",
        ErrorKind::PermissionDenied => "\nhint: `securityContext: {fsGroup: 65532}` lets war-copy write in the volume",
        _ => "",
    };
    anyhow::Error::new(error).context(format!("cannot write in {}{hint}", directory.display()))
}

fn create_parent(parent: &Path) -> Result<()> {
    match DirBuilder::new().mode(OURS).create(parent) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // Or it is gone again, which will be seen.
            let fits = is_directory(parent) || parent.symlink_metadata().is_err();
            ensure!(fits, "cannot stage in {}, which is no directory\nhint: use --staging", parent.display());
            Ok(())
        }
        made => made.map_err(|error| refused(error, parent.parent().unwrap_or(parent))),
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
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let hint = "\nhint: another user may stage there now, or may have been killed; use --staging, or remove it";
            return Err(error).with_context(|| format!("cannot read {}{hint}", parent.display()));
        }
        found => found.with_context(|| format!("cannot read {}", parent.display()))?,
    };
    for entry in found {
        let entry = entry.with_context(|| format!("cannot read {}", parent.display()))?;
        if !is_one(&entry.file_name()) || !is_directory(&entry.path()) {
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

/// Whether that is the name of a staging directory.
fn is_one(name: &OsStr) -> bool {
    let number = name.as_encoded_bytes().strip_prefix(PREFIX.as_bytes());
    number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
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

/// Removes a staging directory whose lock is held, the lock at last: as soon as that is gone, a run that has just made
/// the directory may take it, and nothing of it may be removed any more.
fn remove(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name() != LOCK {
            remove_all(&entry.path())?;
        }
    }
    fs::remove_file(directory.join(LOCK))?;
    match fs::remove_dir(directory) {
        // Taken by another run, or removed by one.
        Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) => Ok(()),
        removed => removed,
    }
}

/// Removes a directory and all that is in it, also where its owner may not write.
fn remove_all(directory: &Path) -> io::Result<()> {
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
