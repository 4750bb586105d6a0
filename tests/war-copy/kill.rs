//! Killed at any moment, it leaves nothing half done under a final name, and the next run cleans up after it.

use crate::run::{Place, launch, names, put, tree, write};
use e2e::mounts::Tmpfs;
use e2e::trace::Traced;
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ENTRIES: [&str; 3] = ["a.war", "b", "c"];

/// A file to be replaced, a directory to be exchanged, one that is new, and one that stays.
fn volume(memory: &Tmpfs) -> Place {
    let place = Place::on(memory.path());
    write(place.from.join("a.war"), "new".repeat(1000));
    write(place.from.join("b/x/deep"), "new");
    write(place.from.join("b/added"), "new");
    write(place.from.join("c/y"), "new");
    write(place.to.join("a.war"), "old");
    write(place.to.join("b/x/deep"), "old");
    write(place.to.join("b/removed"), "old");
    write(place.to.join("foreign/file"), "theirs");
    place
}

/// `name` and all that is in it.
fn part(directory: &Path, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    tree(directory).into_iter().filter(|(path, _)| path.starts_with(name)).collect()
}

/// What a kill after so many system calls leaves, unless there are less: which of them are old, and which are new.
fn killed_after(place: &Place, calls: usize) -> Option<BTreeSet<&'static str>> {
    let old = ENTRIES.map(|name| part(&place.to, name));
    let mut traced = Traced::start(launch(&[&place.contents(), &place.to]).closed(2));
    traced.after_calls(calls)?;
    traced.process.signal(Signal::SIGKILL);
    traced.finish();
    let mut seen = BTreeSet::new();
    for (name, old) in ENTRIES.into_iter().zip(old) {
        let (now, new) = (part(&place.to, name), part(&place.from, name));
        assert!(now == old || now == new, "killed after {calls} calls, {name} is neither old nor new: {now:?}");
        seen.insert(if now == old { "old" } else { "new" });
    }
    assert_eq!(part(&place.to, "foreign").len(), 2, "killed after {calls} calls");
    Some(seen)
}

#[test]
fn killed_at_any_system_call() {
    if !e2e::is_root() {
        return;
    }
    let memory = Tmpfs::new("size=16m"); // where a sync takes no time
    let (mut leftovers, mut seen) = (0, BTreeSet::new());
    for calls in 1.. {
        let place = volume(&memory);
        let Some(left) = killed_after(&place, calls) else { break };
        seen.insert(left);
        leftovers += usize::from(place.to.join("meta-inf").exists());
        put(&[&place.contents(), &place.to]);
        assert_eq!(names(&place.to), ["a.war", "b", "c", "foreign"], "after {calls} calls");
        fs::remove_dir_all(place.to.join("foreign")).unwrap();
        assert_eq!(tree(&place.to), tree(&place.from), "after {calls} calls");
    }
    assert!(leftovers > 50, "only {leftovers} kills left something to clean");
    let [old, new, between] = [&["old"][..], &["new"], &["old", "new"]].map(|seen| seen.iter().copied().collect());
    assert_eq!(seen, BTreeSet::from([old, new, between]), "kills before, after and between the renames");
}
