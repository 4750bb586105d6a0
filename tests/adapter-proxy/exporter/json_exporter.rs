//! The examples of the docs for those who come from `json_exporter`: each is a target, a body, and what becomes of it.

use super::{Exporter, has};
use std::fs;
use std::path::Path;

const DOCS: &str = "docs/adapter.md";

/// The blocks of the section, each with its language.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let (_, section) = text.split_once("## Coming from json_exporter").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let fenced = section.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap()).collect()
}

#[test]
fn what_the_docs_say_is_so() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(root.join(DOCS)).unwrap();
    let blocks = blocks(&text);
    let examples: Vec<_> = blocks.windows(3).filter(|three| three[0].0 == "yaml").collect();
    assert!(examples.len() >= 4, "{}", examples.len());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("body");
    for example in examples {
        let [("yaml", target), ("json", body), ("text", page)] = example else { panic!("{example:?}") };
        fs::write(&path, body).unwrap();
        let source = format!("source: {{file: {}}}", path.display());
        let lines = target.lines().map(|line| format!("\n    {line}"));
        let target: String = lines.collect();
        let exporter = Exporter::of(&format!(
            "\n    targets:\n    - name: app\n      {source}{}",
            target.replace("\n    ", "\n      ")
        ));
        let (text, _) = exporter.pages();
        has(&text, &page.lines().collect::<Vec<_>>());
        let series = text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("adapter_")).count();
        assert_eq!(series, page.lines().count(), "{text}");
        has(&text, &["adapter_up{target=\"app\"} 1", "adapter_values_unusable{target=\"app\"} 0"]);
    }
}
