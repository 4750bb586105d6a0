//! Which directories a path leads through. kubelet puts `config.yaml -> ..data/config.yaml` and
//! `..data -> ..2026_11_21_18_03_02.123`, and an update is a new `..data`.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel follows
const MAX_LINKS: usize = 40;

/// What there is to watch.
pub enum Spot<'a> {
    /// A directory on the way, which may be moved or removed
    Way(&'a Path),
    /// What has this name in a directory: a link, the end of the way, or nothing yet
    Entry(&'a Path, &'a OsStr),
    /// The file at the end, which may have other names elsewhere: a bind mount is a file without its directory
    File(&'a Path),
    /// The directory at the end, with all there is in it
    Directory(&'a Path),
}

/// Calls `watch` with every spot on the way along `path`, and looks at each after it is watched. Returns the directory
/// in which the way ends.
///
/// # Errors
/// Those of `watch`.
pub fn follow(path: &Path, mut watch: impl FnMut(Spot) -> io::Result<()>) -> io::Result<PathBuf> {
    let mut at = PathBuf::from("/");
    let mut left = names(path);
    let mut steps = 0;
    while let Some(name) = left.pop_front() {
        if name == ".." {
            at.pop();
            continue;
        }
        let here = at.join(&name);
        if !left.is_empty() && is_directory(&here) && watch(Spot::Way(&here)).is_ok() {
            at = here;
            continue;
        }
        watch(Spot::Entry(&at, &name))?;
        steps += 1;
        if steps > MAX_LINKS {
            break;
        }
        if let Ok(target) = fs::read_link(&here) {
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            let mut further = names(&target);
            further.append(&mut left);
            left = further;
        } else if is_directory(&here) {
            if left.is_empty() {
                watch(Spot::Directory(&here))?;
            } else {
                left.push_front(name); // it has come just now
            }
        } else {
            if left.is_empty() && here.is_file() {
                watch(Spot::File(&here))?;
            }
            break;
        }
    }
    Ok(at)
}

fn names(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str().to_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().filter_map(name).collect()
}

fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.is_dir())
}
