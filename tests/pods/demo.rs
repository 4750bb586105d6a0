use crate::contract::stage;
use e2e::engine::Engine;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// One at a time: each removes the images that it was the first to load.
static ALONE: Mutex<()> = Mutex::new(());

fn demo() -> Command {
    Command::new(env!("CARGO_BIN_EXE_demo"))
}

/// What a demo made, and has not removed.
fn left(engine: &Engine, demo: u32) -> BTreeSet<String> {
    let names = [
        &["ps", "--all", "--format", "{{.Names}}"][..],
        &["volume", "ls", "--format", "{{.Name}}"],
        &["images", "--format", "{{.Repository}}"],
    ];
    let names = names.map(|list| engine.run(list).unwrap()).join("\n");
    let ours = format!("pod-{demo}-");
    names.lines().filter(|name| name.trim_start_matches("localhost/").starts_with(&ours)).map(Into::into).collect()
}

/// The numbers in a line, in its order.
fn numbers(line: &str) -> Vec<u64> {
    let line = line.replace(',', "");
    line.split(|other: char| !other.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

#[test]
fn the_demo_shows_a_whole_pod() {
    let Some(stage) = stage() else { return }; // whoever loads the images removes them, so not the demo
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let demo = demo().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = demo.id();
    let demo = demo.wait_with_output().unwrap();
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    assert_eq!(left(&stage.engine, id), BTreeSet::new());
    let shown = String::from_utf8(demo.stdout).unwrap();
    // The steps have such names, too: the table is the end.
    let row = |name: &str| {
        let row = shown.lines().rev().find_map(|line| line.strip_prefix(&format!("{name:<16}")));
        row.unwrap_or_else(|| panic!("no `{name}` in: {shown}"))
    };
    assert!(row("one IP").ends_with(" of 5 containers"), "{shown}");
    let [zombies, orphans] = numbers(row("zombies"))[..] else { panic!("{shown}") };
    let [failed, orders] = numbers(row("orders failed"))[..] else { panic!("{shown}") };
    assert!(zombies == 0 && failed == 0 && orphans == orders && orders > 1000, "{shown}");
    // Each order is a line, and so is each beginning and end of the app, of which there were two.
    assert_eq!(numbers(row("lines shipped")), [orders + 4; 2], "{shown}");
    assert_eq!(numbers(row("lines lost")), [0, 0], "{shown}");
    assert_eq!(numbers(row("metrics scraped")), [6], "{shown}");
    for (container, image, ends) in [
        ("pause", "pause", false),
        ("war-copy", "war-copy", true),
        ("log-shipper", "log-shipper", false),
        ("adapter", "adapter-proxy", false),
        ("ambassador", "adapter-proxy", false),
        ("shop", "app", false),
    ] {
        let row = row(container);
        assert!(row.starts_with(image), "{shown}");
        let figures = numbers(row);
        assert!(figures.iter().all(|&figure| figure > 0), "{shown}");
        assert_eq!((figures.len(), row.ends_with("ended")), (if ends { 2 } else { 3 }, ends), "{shown}");
    }
}

/// Ctrl-C in the middle of its work: it fails, and nothing of it is left.
#[test]
fn an_interrupted_demo_cleans_up() {
    let Some(stage) = stage() else { return };
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut demo = demo().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let first = lines.find(|line| line.as_ref().unwrap().starts_with("one pod")).unwrap().unwrap();
    let names = left(&stage.engine, demo.id());
    for part in ["-shop", "-logs", "-shop-war"] {
        assert!(names.iter().any(|name| name.ends_with(part)), "no `{part}` after `{first}` in {names:?}");
    }
    kill(Pid::from_raw(demo.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let id = demo.id();
    let end = demo.wait_with_output().unwrap();
    assert!(!end.status.success());
    assert!(String::from_utf8_lossy(&end.stderr).contains("interrupted"), "{}", String::from_utf8_lossy(&end.stderr));
    assert_eq!(left(&stage.engine, id), BTreeSet::new());
}
