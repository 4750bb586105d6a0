//! Each flag that a program's `--help` shows is explained in its page.

use crate::pages::Page;
use anyhow::Result;
use e2e::command::output;
use std::collections::BTreeSet;
use std::process::Command;

const PAGES: [(&str, &[&str]); 3] = [
    ("war-copy", &["docs/war-copy.md"]),
    ("log-shipper", &["docs/log-shipper.md"]),
    ("adapter-proxy", &["docs/adapter-proxy.md", "docs/adapter.md"]),
];

#[test]
fn every_flag_is_in_its_page() {
    let pages = Page::all();
    let mut missing = vec![];
    for (program, names) in PAGES {
        let text: String = pages.iter().filter(|page| names.contains(&&*page.name)).map(|page| &*page.text).collect();
        let told = flags(&text);
        let shown = shown(program).unwrap();
        assert!(shown.len() > 5, "{program} --help shows {shown:?}");
        missing.extend(shown.difference(&told).map(|flag| format!("{program} {flag}: not in {}", names.join(", "))));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// What `--help` of the program and of its subcommands shows, but for itself and what every program has.
fn shown(program: &str) -> Result<BTreeSet<String>> {
    let help = |arguments: &[&str]| output(Command::new(e2e::program(program)).args(arguments).arg("--help"));
    let mut all = help(&[])?;
    let commands = all.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    let commands: Vec<String> =
        commands.lines().filter_map(|line| line.split_whitespace().next()).map(Into::into).collect();
    for command in commands.iter().filter(|command| *command != "help") {
        all += &help(&[command])?;
    }
    // At the beginning of a line: what a text mentions may be another program's.
    let lines = all.lines().filter(|line| line.trim_start().starts_with('-'));
    let mut flags = flags(&lines.collect::<Vec<_>>().join("\n"));
    for common in ["--help", "--version"] {
        flags.remove(common);
    }
    Ok(flags)
}

/// All `--flag` in a text.
fn flags(text: &str) -> BTreeSet<String> {
    let name = |rest: &str| {
        let end = rest.find(|letter: char| !letter.is_ascii_lowercase() && !letter.is_ascii_digit() && letter != '-');
        format!("--{}", &rest[..end.unwrap_or(rest.len())])
    };
    text.split("--").skip(1).map(name).collect()
}
