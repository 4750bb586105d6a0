//! What a document shows as typed and printed is typed, and is printed.

use crate::pages::Page;
use crate::shell::Shell;
use e2e::session::{Part, blocks, parts};
use std::thread;

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
