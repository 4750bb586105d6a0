//! Which files are logs: patterns of paths.

use crate::config::Input;
use crate::input::names::is_compressed;
use chassis::exit::Usage;
use glob::{MatchOptions, Pattern, PatternError};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// As a shell has it: `*` is within one name, and hidden files are to be named.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Deeper than any tree of logs; symbolic links to directories make others.
const DEEPEST: usize = 64;

pub struct Patterns {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
    confine: Vec<PathBuf>,
}

/// What a walk finds.
pub trait Visitor {
    /// What appears in this directory may be of interest
    fn directory(&mut self, path: &Path);
    fn file(&mut self, path: PathBuf);
}

impl Patterns {
    /// Those of an input.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn new(input: &Input) -> Result<Self, Usage> {
        let parse = |patterns: &[String]| patterns.iter().map(|pattern| parse(pattern)).collect::<Result<Vec<_>, _>>();
        let files: Vec<String> = input.files.iter().filter(|pattern| *pattern != "-").cloned().collect();
        Ok(Self { include: parse(&files)?, exclude: parse(&input.exclude)?, confine: input.confine.clone() })
    }

    pub fn matches(&self, path: &Path) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches_path_with(path, OPTIONS));
        any(&self.include) && !any(&self.exclude) && !is_compressed(path)
    }

    /// Whether symbolic links may lead there.
    pub fn allows(&self, target: &Path) -> bool {
        self.confine.is_empty() || self.confine.iter().any(|root| target.starts_with(root))
    }

    pub fn is_confined(&self) -> bool {
        !self.confine.is_empty()
    }

    /// Finds all files there are, and the directories where others may appear.
    pub fn walk(&self, visitor: &mut impl Visitor) {
        for pattern in &self.include {
            let path = Path::new(pattern.as_str());
            let parts: Vec<OsString> = path
                .components()
                .filter_map(|part| match part {
                    Component::Normal(name) => Some(name.to_owned()),
                    _ => None,
                })
                .collect();
            self.descend(Path::new("/"), &parts, 0, visitor);
        }
    }

    fn descend(&self, directory: &Path, parts: &[OsString], depth: usize, visitor: &mut impl Visitor) {
        let Some((part, rest)) = parts.split_first() else { return };
        if depth > DEEPEST {
            return;
        }
        let is_wild = part.as_bytes().iter().any(|byte| b"*?[".contains(byte));
        if !is_wild {
            let path = directory.join(part);
            if rest.is_empty() {
                visitor.directory(directory);
                self.found(path, visitor);
            } else {
                if !path.is_dir() {
                    // It may be made later, or just now, and where a link leads to.
                    visitor.directory(directory);
                    visitor.directory(&path);
                }
                if path.is_dir() {
                    self.descend(&path, rest, depth + 1, visitor);
                }
            }
            return;
        }
        visitor.directory(directory);
        let any_depth = part == "**";
        if any_depth {
            self.descend(directory, rest, depth + 1, visitor);
        }
        let Ok(entries) = directory.read_dir() else { return };
        let name = part.to_str().and_then(|part| Pattern::new(part).ok());
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let matches = name.as_ref().is_some_and(|name| {
                entry.file_name().to_str().is_some_and(|entry| name.matches_with(entry, OPTIONS))
                    || name.matches_path_with(Path::new(&entry.file_name()), OPTIONS)
            });
            if any_depth && kind.is_dir() && !entry.file_name().as_bytes().starts_with(b".") {
                self.descend(&entry.path(), parts, depth + 1, visitor);
            } else if matches && rest.is_empty() && !kind.is_dir() {
                self.found(entry.path(), visitor);
            } else if matches && !any_depth && !rest.is_empty() && entry.path().is_dir() {
                self.descend(&entry.path(), rest, depth + 1, visitor);
            }
        }
    }

    fn found(&self, path: PathBuf, visitor: &mut impl Visitor) {
        if self.matches(&path) {
            visitor.file(path);
        }
    }
}

/// One of them.
///
/// # Errors
/// When it is none.
pub fn parse(pattern: &str) -> Result<Pattern, Usage> {
    if !pattern.starts_with('/') {
        return Err(Usage(format!("`{pattern}` is no absolute path\nhint: write it from the root, as /var/log/*.log")));
    }
    Pattern::new(pattern).map_err(|error| {
        let PatternError { pos, msg } = error;
        Usage(format!(
            "`{pattern}` is no pattern of paths: {msg}, after {pos} characters\nhint: `[[]`, `[*]` and `[?]` stand for `[`, `*` and `?`"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::{Patterns, Visitor};
    use crate::config::Input;
    use std::fs;
    use std::path::{Path, PathBuf};

    #[derive(Default)]
    struct Found {
        directories: Vec<PathBuf>,
        files: Vec<PathBuf>,
    }

    impl Visitor for Found {
        fn directory(&mut self, path: &Path) {
            self.directories.push(path.to_owned());
        }
        fn file(&mut self, path: PathBuf) {
            self.files.push(path);
        }
    }

    fn walk(root: &Path, files: &[&str], exclude: &[&str]) -> (Vec<String>, Vec<String>) {
        let absolute =
            |names: &[&str]| names.iter().map(|name| format!("{}/{name}", root.display())).collect::<Vec<_>>();
        let input = Input { files: absolute(files), exclude: absolute(exclude), ..Input::default() };
        let mut found = Found::default();
        Patterns::new(&input).unwrap().walk(&mut found);
        let relative = |mut paths: Vec<PathBuf>| {
            paths.sort();
            paths.dedup();
            let names = paths.iter().map(|path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            names.collect::<Vec<_>>()
        };
        (relative(found.files), relative(found.directories))
    }

    #[test]
    fn files_and_the_directories_where_others_may_appear() {
        let root = tempfile::tempdir().unwrap();
        for file in ["a.log", "b.log", "b.log.1.gz", ".hidden.log", "x/c.log", "x/y/d.log", "x/y/e.txt"] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(walk(root.path(), &["*.log"], &["b*"]), (names(&["a.log"]), names(&[""])));
        assert_eq!(walk(root.path(), &["b.log*"], &[]).0, names(&["b.log"]));
        assert_eq!(walk(root.path(), &["*/*.log"], &[]), (names(&["x/c.log"]), names(&["", "x"])));
        assert_eq!(
            walk(root.path(), &["**/*.log"], &[]),
            (names(&["a.log", "b.log", "x/c.log", "x/y/d.log"]), names(&["", "x", "x/y"]))
        );
        assert_eq!(walk(root.path(), &["later/app.log"], &[]), (names(&[]), names(&["", "later"])));
        assert_eq!(walk(root.path(), &["a.log"], &[]), (names(&["a.log"]), names(&[""])));
    }
}
