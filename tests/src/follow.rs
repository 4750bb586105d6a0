//! What an app does that follows a projected volume: kubelet swaps the link `..data`, and with it all files at once.
//! <https://kubernetes.io/docs/concepts/storage/projected-volumes/>

use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

/// Name to content: all that were there at one moment.
pub type Set = BTreeMap<String, Vec<u8>>;

/// Says which files of `directory` are new, changed or gone whenever there is another set of them, and each second that
/// it runs. It does not return.
///
/// # Errors
/// If the directory is no projected volume, may not be read, or `say` fails.
pub fn note_changes(directory: &Path, mut say: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    inotify.add_watch(directory, AddWatchFlags::IN_MOVED_TO)?;
    let mut before = Set::new();
    loop {
        let now = set(directory)?;
        changes(&before, &now).iter().try_for_each(|change| say(change))?;
        before = now;
        say("runs")?;
        poll(&mut [PollFd::new(inotify.as_fd(), PollFlags::POLLIN)], PollTimeout::from(1000u16))?;
        // What has happened is seen in the set, which is read after that.
        while inotify.read_events().is_ok() {}
    }
}

/// The files that `directory` has, all of one set: those that `..data` leads to, if it does so before and after they are
/// read. While a set is taken away some of it may be gone already.
///
/// # Errors
/// If it is no projected volume, or may not be read.
pub fn set(directory: &Path) -> Result<Set> {
    let link = directory.join("..data");
    let target = || fs::read_link(&link).with_context(|| format!("no {}", link.display()));
    loop {
        let before = target()?;
        let set = read(&directory.join(&before));
        if target()? == before {
            return set;
        }
    }
}

fn read(directory: &Path) -> Result<Set> {
    let mut set = Set::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let entry = entry?;
        let path = entry.path();
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        set.insert(entry.file_name().to_string_lossy().into(), content);
    }
    Ok(set)
}

fn changes(before: &Set, now: &Set) -> Vec<String> {
    let change = |(name, content): (&String, &Vec<u8>)| match before.get(name) {
        None => Some(format!("new: {name}")),
        Some(old) if old != content => Some(format!("changed: {name}")),
        Some(_) => None,
    };
    let gone = before.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("gone: {name}"));
    now.iter().filter_map(change).chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::{Set, changes};

    #[test]
    fn changes_have_names() {
        let set = |files: &[(&str, &str)]| -> Set {
            files.iter().map(|(name, content)| ((*name).into(), content.as_bytes().into())).collect()
        };
        let (before, now) = (set(&[("a", "1"), ("b", "1"), ("c", "1")]), set(&[("a", "1"), ("b", "2"), ("d", "1")]));
        assert_eq!(changes(&before, &now), ["changed: b", "new: d", "gone: c"]);
        assert!(changes(&now, &now).is_empty());
    }
}
