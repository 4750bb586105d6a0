use crate::contract::stage;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

fn demo() -> Command {
    Command::new(env!("CARGO_BIN_EXE_demo"))
}

#[test]
fn the_demo_shows_a_whole_pod() {
    let Some(_stage) = stage() else { return }; // whoever loads the images removes them, so not the demo
    let demo = demo().output().unwrap();
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    let shown = String::from_utf8(demo.stdout).unwrap();
    for seen in ["IP ", "0 zombies", "version 2", "pause exited with 0"] {
        assert!(shown.contains(seen), "no `{seen}` in: {shown}");
    }
}

/// Ctrl-C in the middle of its work: it fails, and nothing of it is left.
#[test]
fn an_interrupted_demo_cleans_up() {
    let Some(stage) = stage() else { return };
    let of_the_demo = |demo: u32| {
        let names = stage.engine.run(&["ps", "--all", "--format", "{{.Names}}"]).unwrap()
            + "\n"
            + &stage.engine.run(&["volume", "ls", "--format", "{{.Name}}"]).unwrap();
        let ours = format!("pod-{demo}-");
        names.lines().filter(|name| name.starts_with(&ours)).map(Into::into).collect::<BTreeSet<String>>()
    };
    let mut demo = demo().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let first = lines.find(|line| line.as_ref().unwrap().starts_with("one network")).unwrap().unwrap();
    assert!(!of_the_demo(demo.id()).is_empty(), "after `{first}` its containers run");
    kill(Pid::from_raw(demo.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let id = demo.id();
    let end = demo.wait_with_output().unwrap();
    assert!(!end.status.success());
    assert!(String::from_utf8_lossy(&end.stderr).contains("interrupted"), "{}", String::from_utf8_lossy(&end.stderr));
    assert_eq!(of_the_demo(id), BTreeSet::new());
}
