//! Files that come to a volume together, as `atomic_writer.go` of kubelet's writes them.

use anyhow::{Context, Result};
use nix::unistd::{Gid, Uid, chown};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

pub struct File {
    pub content: String,
    pub mode: u32,
    /// root, if none
    pub owner: Option<u32>,
}

/// A path in the volume to what is there.
pub type Payload = BTreeMap<String, File>;

/// Each name in the volume is a link through `..data`, which is a link to the directory with the files, so that one rename
/// changes all. Nothing is written if all is there already. With a `group` it may read all, and owns it.
///
/// # Errors
/// If the disk is full.
pub fn write(payload: &Payload, volume: &Path, group: Option<u32>) -> Result<()> {
    let (data, new) = (volume.join("..data"), volume.join("..data_tmp"));
    let before = fs::read_link(&data).ok().map(|directory| volume.join(directory));
    if before.as_ref().is_some_and(|before| has(before, payload)) {
        return Ok(());
    }
    // A name that never was: who reads below it while it is taken away finds nothing rather than others' files.
    let directory = tempfile::Builder::new().prefix("..").tempdir_in(volume)?.keep();
    fs::set_permissions(&directory, Permissions::from_mode(0o755))?;
    for (path, file) in payload {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().context("a path in the volume")?)?;
        fs::write(&path, &file.content)?;
        fs::set_permissions(&path, Permissions::from_mode(file.mode))?;
        chown(&path, file.owner.map(Uid::from_raw), None)?;
    }
    let links: Vec<_> = payload.keys().filter_map(|path| path.split('/').next()).collect();
    for link in &links {
        if !volume.join(link).is_symlink() {
            symlink(Path::new("..data").join(link), volume.join(link))?;
        }
    }
    if let Some(group) = group {
        give(volume, group)?;
    }
    symlink(directory.file_name().context("it has a name")?, &new)?;
    fs::rename(new, data)?;
    for entry in fs::read_dir(volume)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("..") && !links.contains(&&*name) {
            fs::remove_file(volume.join(&*name))?;
        }
    }
    before.map_or(Ok(()), |before| Ok(fs::remove_dir_all(before)?))
}

/// Whether these files are there, and no others.
fn has(directory: &Path, payload: &Payload) -> bool {
    let mut files = vec![];
    walk(directory, &mut |path| files.extend(path.is_file().then(|| path.to_path_buf()))).is_ok()
        && files.len() == payload.len()
        && payload
            .iter()
            .all(|(path, file)| fs::read_to_string(directory.join(path)).is_ok_and(|it| it == file.content))
}

/// As `volume_linux.go` does it for volumes that are read-only.
fn give(volume: &Path, group: u32) -> Result<()> {
    let mut paths: Vec<PathBuf> = vec![];
    walk(volume, &mut |path| paths.push(path.into()))?;
    for path in paths {
        lchown(&path, None, Some(Gid::from_raw(group).as_raw()))?;
        let metadata = fs::symlink_metadata(&path)?;
        let more = if metadata.is_dir() { 0o2550 } else { 0o440 };
        if !metadata.is_symlink() {
            fs::set_permissions(&path, Permissions::from_mode(metadata.permissions().mode() | more))?;
        }
    }
    Ok(())
}

/// Visits a directory and all below it, without following links.
fn walk(path: &Path, visit: &mut impl FnMut(&Path)) -> Result<()> {
    visit(path);
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            walk(&entry?.path(), visit)?;
        }
    }
    Ok(())
}
