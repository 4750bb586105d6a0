//! What a document shows as typed and printed is typed, and is printed.

use crate::pages::{Page, files};
use crate::shell::Shell;
use e2e::session::{Part, blocks, parts, steps};
use std::path::Path;
use std::{fs, thread};

/// Their sessions are with a cluster or an engine: `make test-pods` and `make test-engines` play them.
const OTHERS: &str = "examples/";

#[test]
fn every_session_prints_what_it_says() {
    if !e2e::is_root() {
        return;
    }
    let pages: Vec<Page> = Page::all().into_iter().filter(|page| !page.name.starts_with(OTHERS)).collect();
    let played = pages.into_iter().filter_map(|page| {
        let parts = parts(&page.text);
        let has_session = parts.iter().any(|part| matches!(part, Part::Step(_)));
        has_session.then(|| (page.name, thread::spawn(move || play(&parts))))
    });
    let played: Vec<_> = played.collect(); // all at once
    assert!(!played.is_empty());
    let wrong = played.into_iter().filter_map(|(name, played)| {
        let result = played.join().expect("it does not panic");
        result.err().map(|error| format!("{name}: {error:#}"))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A page's sessions, in one shell.
fn play(parts: &[Part]) -> anyhow::Result<()> {
    let mut shell = Shell::start()?;
    parts.iter().try_for_each(|part| match part {
        Part::File { name, text } => shell.save(name, text),
        Part::Step(step) => shell.run(step),
    })
}

/// Or nobody would play it. A block of Markdown shows how a document is written.
#[test]
fn every_session_is_marked() {
    let mut unmarked = vec![];
    for Page { name, text } in Page::all() {
        let others = blocks(&text).into_iter().filter(|block| !["console", "markdown"].contains(&block.info));
        let like_one = others.filter(|block| block.lines.iter().any(|line| line.starts_with("$ ")));
        unmarked.extend(like_one.map(|block| format!("{name}:{}", block.line)));
    }
    assert!(
        unmarked.is_empty(),
        "these blocks are sessions, and are not marked as `console`:\n{}",
        unmarked.join("\n")
    );
}

/// As far as its directory is named there.
#[test]
fn every_session_of_an_example_has_a_test() {
    let mut paths = vec![];
    files(&e2e::workspace("tests"), "rs", true, &mut paths);
    let tests: String = paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let examples =
        Page::all().into_iter().filter(|page| page.name.starts_with(OTHERS) && !steps(&page.text).is_empty());
    let mut directories = examples.map(|page| Path::new(&page.name).parent().unwrap().to_path_buf()).peekable();
    assert!(directories.peek().is_some(), "examples have sessions");
    let untested = directories.filter(|directory| {
        let name = directory.file_name().unwrap().to_str().unwrap();
        !tests.contains(&format!("(\"{name}\")")) && !tests.contains(&format!("\"{}\"", directory.display()))
    });
    let untested: Vec<_> = untested.collect();
    assert!(untested.is_empty(), "nobody plays the sessions of {untested:?}");
}
