//! Where an image's sources are: the repository and the commit. Its index tells.

use crate::command::output;
use anyhow::{Context, Result, ensure};
use std::env;
use std::path::Path;
use std::process::Command;

pub struct Origin {
    /// A URL
    pub source: Option<String>,
    /// A commit, if the files are what it has
    pub revision: Option<String>,
}

impl Origin {
    /// The repository is `source`, or the one that Cargo.toml names. Says on stderr why there is no revision.
    pub fn new(source: Option<String>) -> Result<Self> {
        let named = option_env!("CARGO_PKG_REPOSITORY").filter(|url| !url.is_empty()).map(Into::into);
        let revision = revision(&env::current_dir()?);
        if let Err(why) = &revision {
            eprintln!("the index names no revision: {why:#}");
        }
        Ok(Self { source: source.or(named), revision: revision.ok() })
    }
}

/// The commit that the working tree in `directory` is, to the last file.
fn revision(directory: &Path) -> Result<String> {
    let git = |arguments: &[&str]| output(Command::new("git").current_dir(directory).args(arguments));
    let tree = git(&["rev-parse", "--show-toplevel"])?;
    ensure!(Path::new(&tree) == directory.canonicalize()?, "the git repository is that of {tree}");
    let changes = git(&["--no-optional-locks", "status", "--porcelain"])?;
    ensure!(changes.is_empty(), "not committed: {}", changes.lines().next().unwrap_or_default());
    git(&["rev-parse", "HEAD"]).context("nothing is committed")
}

#[cfg(test)]
mod tests {
    use super::revision;
    use crate::command::output;
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    fn git(directory: &Path, arguments: &[&str]) -> String {
        let author = ["-c", "user.name=A", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false"];
        output(Command::new("git").current_dir(directory).args(author).args(arguments)).unwrap()
    }

    fn why_none(directory: &Path) -> String {
        format!("{:#}", revision(directory).unwrap_err())
    }

    #[test]
    fn the_commit_of_a_clean_tree_and_none_of_any_other() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        assert!(why_none(directory).contains("not a git repository"), "{}", why_none(directory));

        git(directory, &["init", "--quiet"]);
        assert!(why_none(directory).starts_with("nothing is committed"), "{}", why_none(directory));

        fs::write(directory.join("file"), "one").unwrap();
        assert_eq!(why_none(directory), "not committed: ?? file");

        git(directory, &["add", "file"]);
        git(directory, &["commit", "--quiet", "--message", "one"]);
        let commit = revision(directory).unwrap();
        assert_eq!(git(directory, &["log", "-1", "--format=%H %s"]), format!("{commit} one"));

        fs::write(directory.join("file"), "another").unwrap();
        assert_eq!(why_none(directory), "not committed:  M file");
    }

    /// Sources that somebody unpacked in a repository of something else.
    #[test]
    fn none_of_a_directory_in_a_repository() {
        let repository = tempfile::tempdir().unwrap();
        let directory = repository.path().join("directory");
        fs::create_dir(&directory).unwrap();
        git(repository.path(), &["init", "--quiet"]);
        git(repository.path(), &["commit", "--quiet", "--allow-empty", "--message", "none"]);
        assert!(why_none(&directory).starts_with("the git repository is that of /"), "{}", why_none(&directory));
    }
}
