//! Debian's packages, unpacked below `target/` and not installed.

use crate::command::output;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// Has `root` contain these packages, and returns a line for each: its name and its version. What an earlier run has
/// fetched is used again.
///
/// # Errors
/// If they cannot be fetched.
pub fn unpack(packages: &[&str], root: &Path) -> Result<String> {
    run(&[], packages, root)
}

/// The same, of another suite of Debian's than this machine's, and without what they need.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_of(suite: &str, packages: &[&str], root: &Path) -> Result<String> {
    run(&["--suite", suite], packages, root)
}

fn run(options: &[&str], packages: &[&str], root: &Path) -> Result<String> {
    let mut xtask = Command::new(env!("CARGO"));
    xtask.current_dir(crate::workspace("")).args(["xtask", "unpack"]).args(options).args(packages).arg(root);
    output(&mut xtask)
}
