//! A file of YAML, document by document.

/// What stands between lines of three dashes. Nothing but comments is no document.
pub fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        if line.trim_end() == "---" {
            documents.push(String::new());
        }
        // In each, a line stays where it is in the file, so that errors name it right.
        let (last, before) = documents.split_last_mut().expect("one at least");
        let skipped = before.iter().map(|document| document.lines().count()).max().unwrap_or_default();
        if last.is_empty() {
            *last = "\n".repeat(skipped);
        }
        *last += if line.trim_end() == "---" { "" } else { line };
        *last += "\n";
    }
    let empty = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    documents.retain(|document| !document.lines().all(empty));
    documents
}
