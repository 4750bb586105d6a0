//! What is renamed is on the disk before, and the rename is on the disk before it says that all is done.

use crate::run::{Place, launch, write};
use e2e::trace::{Stop, Traced};
use std::fs;
use std::path::PathBuf;

/// What it asks of the disk, in this order: `write FILE`, `sync FILE`, `sync all`, `rename FILE`.
fn orders(place: &Place, options: &[&str]) -> Vec<String> {
    let launch = options.iter().fold(launch(&[]).closed(2), |launch, option| launch.arg(*option));
    let [from, to] = [place.contents(), place.to.clone()].map(|path| path.into_os_string().into_encoded_bytes());
    let mut traced = Traced::start(launch.arg(from).arg(to));
    let mut orders = vec![];
    while let Some(stop) = traced.next_stop() {
        orders.extend(stop.returned.and_then(|_| order(&traced, place, &stop)));
    }
    orders
}

fn order(traced: &Traced, place: &Place, stop: &Stop) -> Option<String> {
    let [first, second, ..] = stop.call.arguments;
    let name = |path: PathBuf| {
        let below = path.strip_prefix(&place.to).ok()?;
        let shown = below.strip_prefix("meta-inf/.war-copy-0").unwrap_or(below).display().to_string();
        Some(if shown.is_empty() { "DEST".into() } else { shown })
    };
    match stop.call.number {
        libc::SYS_write | libc::SYS_copy_file_range | libc::SYS_ftruncate => {
            let to = if stop.call.number == libc::SYS_copy_file_range { stop.call.arguments[2] } else { first };
            name(traced.open(to)).map(|name| format!("write {name}"))
        }
        libc::SYS_fsync | libc::SYS_fdatasync => name(traced.open(first)).map(|name| format!("sync {name}")),
        libc::SYS_syncfs => Some("sync all".into()),
        libc::SYS_rename => name(traced.string(second)).map(|name| format!("rename {name}")),
        libc::SYS_renameat2 => name(traced.string(stop.call.arguments[3])).map(|name| format!("rename {name}")),
        _ => None,
    }
}

#[test]
fn a_file() {
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    assert_eq!(orders(&place, &[]), ["write 0/a.war", "sync 0/a.war", "rename a.war", "sync DEST"]);
}

#[test]
fn directories_and_many_files_are_synced_at_once() {
    let place = Place::new();
    write(place.from.join("a/x"), "new");
    write(place.to.join("a/old"), "old");
    write(place.from.join("b/x"), "new");
    let mut orders = orders(&place, &[]);
    orders[..2].sort_unstable(); // two threads
    assert_eq!(orders, ["write 0/a/x", "write 1/b/x", "sync all", "rename a", "rename b", "sync DEST"]);
}

#[test]
fn every_directory_that_is_merged_into() {
    let place = Place::new();
    write(place.from.join("a/below/x"), "new");
    fs::create_dir_all(place.to.join("a/below")).unwrap();
    let expected = ["write 0/a/below/x", "sync all", "rename a/below/x", "sync a/below"];
    assert_eq!(orders(&place, &["--merge"]), expected);
}

#[test]
fn no_sync_is_none() {
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    assert_eq!(orders(&place, &["--no-sync"]), ["write 0/a.war", "rename a.war"]);
}
