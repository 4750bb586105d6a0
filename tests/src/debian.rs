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
    let mut xtask = Command::new(env!("CARGO"));
    xtask.current_dir(crate::workspace("")).args(["xtask", "unpack"]).args(packages).arg(root);
    output(&mut xtask)
}
