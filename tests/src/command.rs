//! Commands of the system, with errors that tell what they said.

use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::{Command, Stdio};

/// Copies a program by a process of its own. Where a thread of this one wrote it, the children of others would have that
/// descriptor, too, until they run something else, and the program could not be run (`ETXTBSY`).
///
/// # Errors
/// If it cannot be read or written.
pub fn copy_program(from: &Path, to: &Path) -> Result<()> {
    output(Command::new("cp").args([from, to])).map(drop)
}

/// What `command` prints on stdout, without the last line end.
///
/// # Errors
/// If it cannot be run or fails, with what it wrote to stderr.
pub fn output(command: &mut Command) -> Result<String> {
    let line = format!("{command:?}").replace('"', "");
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run `{line}`"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{line}` failed: {}: {}", output.status, complaint.trim_end());
    Ok(String::from_utf8(output.stdout)?.trim_end().into())
}
