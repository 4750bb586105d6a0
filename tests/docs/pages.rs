//! All documents of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// A document.
pub struct Page {
    /// From the repository's root
    pub name: String,
    pub text: String,
}

impl Page {
    pub fn all() -> Vec<Self> {
        let root = e2e::workspace(".").canonicalize().unwrap();
        let mut paths = vec![];
        files(&root, "md", false, &mut paths);
        for directory in ["docs", "examples"] {
            files(&root.join(directory), "md", true, &mut paths);
        }
        paths.sort();
        let page = |path: PathBuf| Self {
            name: path.strip_prefix(&root).unwrap().to_str().unwrap().into(),
            text: fs::read_to_string(&path).unwrap(),
        };
        paths.into_iter().map(page).collect()
    }
}

/// The files with this extension in `directory`, or also below it.
pub fn files(directory: &Path, extension: &str, below: bool, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && below {
            files(&path, extension, below, paths);
        } else if path.extension().is_some_and(|its| its == extension) {
            paths.push(path);
        }
    }
}
