//! Links within the repository lead to files and headings that are there.

use crate::pages::Page;
use e2e::session::blocks;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

#[test]
fn every_link_leads_somewhere() {
    let pages = Page::all();
    let anchors: BTreeMap<&str, Vec<String>> =
        pages.iter().map(|page| (page.name.as_str(), anchors(&page.text))).collect();
    let leads_somewhere = |page: &Page, link: &str| {
        let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
        let target = if file.is_empty() { PathBuf::from(&page.name) } else { beside(&page.name, file) };
        let has = |anchor| {
            let there = target.to_str().and_then(|target| anchors.get(target));
            there.is_some_and(|there| there.iter().any(|name| name == anchor))
        };
        e2e::workspace(".").join(&target).exists() && anchor.is_none_or(has)
    };
    let mut broken = vec![];
    for page in &pages {
        let links = links(&page.text).into_iter().filter(|link| !link.contains("://"));
        broken.extend(links.filter(|link| !leads_somewhere(page, link)).map(|link| format!("{}: {link}", page.name)));
    }
    assert!(broken.is_empty(), "these lead nowhere:\n{}", broken.join("\n"));
}

/// The path from the root of what `link` in the document `name` leads to.
fn beside(name: &str, link: &str) -> PathBuf {
    let mut path = Path::new(name).parent().unwrap().to_path_buf();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => assert!(path.pop(), "{name}: {link} leads out of the repository"),
            other => path.push(other),
        }
    }
    path
}

/// The document without its blocks.
fn prose(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    for block in blocks(text) {
        lines[block.line - 1..block.line + block.lines.len()].fill("");
    }
    lines.join("\n")
}

/// What is in `](…)`, `src="…"`, `srcset="…"` and `href="…"`.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let ends = [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"'), ("href=\"", '"')];
    let of = |(start, end)| text.split(start).skip(1).filter_map(move |rest| Some(rest.split_once(end)?.0));
    let links = ends.into_iter().flat_map(of);
    links.filter(|link| !link.contains(char::is_whitespace)).map(Into::into).collect()
}

/// What GitHub makes of headings: lower case, without punctuation, spaces as hyphens, numbered where they come again.
fn anchors(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let prose = prose(text);
    let headings = prose.lines().filter_map(|line| {
        let bare = line.trim_start_matches('#');
        (bare.len() < line.len()).then(|| bare.strip_prefix(' ')).flatten()
    });
    headings
        .map(|heading| {
            let kept = heading.trim().chars().filter(|&letter| letter.is_alphanumeric() || " -_".contains(letter));
            let name: String = kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
            let times = seen.entry(name.clone()).or_default();
            *times += 1;
            if *times == 1 { name } else { format!("{name}-{}", *times - 1) }
        })
        .collect()
}

#[test]
fn headings_have_names() {
    let text = "# One: `two`, *three*\n```sh\n# no heading\n```\n## gzip or zstd\n## gzip or zstd\n";
    assert_eq!(anchors(text), ["one-two-three", "gzip-or-zstd", "gzip-or-zstd-1"]);
}

#[test]
fn links_are_found() {
    let text = "[a](b.md#c) and ![d](e.svg)\n```sh\n[no](link)\n```\n<img src=\"f.svg\">";
    assert_eq!(links(text), ["b.md#c", "e.svg", "f.svg"]);
}
