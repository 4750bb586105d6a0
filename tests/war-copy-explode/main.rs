//! `war-copy --explode` from outside: archives as tools make them and as nobody should, unpacked or refused.

mod craft;
mod good;
mod memory;
mod refused;
mod replaced;
mod tree;

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use tree::Tree;

/// A directory with an archive to be, and one to unpack it into.
struct Place {
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("webapps")).unwrap();
        Self { root }
    }

    /// With these bytes as its archive.
    fn with(archive: &[u8]) -> Self {
        let place = Self::new();
        place.write(archive);
        place
    }

    fn write(&self, archive: &[u8]) {
        fs::write(self.archive(), archive).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn archive(&self) -> PathBuf {
        self.path("sample.war")
    }

    fn webapps(&self) -> PathBuf {
        self.path("webapps")
    }

    /// What the archive becomes.
    fn sample(&self) -> PathBuf {
        self.path("webapps/sample")
    }

    fn explode(&self, arguments: &[&str]) -> Answer {
        let command = &mut Command::new(e2e::program("war-copy"));
        // What the disk does after a power failure is not to be seen here.
        command.args(["--explode", "--no-sync"]).args(arguments).arg(self.archive()).arg(self.webapps());
        run(command)
    }

    /// What it unpacks to.
    fn unpacked(&self) -> Tree {
        let answer = self.explode(&[]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        Tree::of(&self.sample())
    }
}

/// How a run ended.
struct Answer {
    code: i32,
    stderr: String,
}

fn run(command: &mut Command) -> Answer {
    let Output { status, stderr, .. } = command.env_clear().stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    Answer { code: status.code().unwrap_or_else(|| panic!("{status}: {stderr}")), stderr }
}

/// Has one of the machine's tools do its part.
fn tool(name: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, directory: &std::path::Path) {
    let output = Command::new(name).args(arguments).current_dir(directory).env("LANG", "C.UTF-8").output();
    let output = output.unwrap_or_else(|error| {
        panic!("cannot run {name}: {error}; `make test` installs it from the machine's packages")
    });
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}
