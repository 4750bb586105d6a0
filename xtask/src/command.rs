//! Commands of the system, with errors that tell what they said.

use anyhow::{Context, Result, ensure};
use std::process::Command;

/// What `command` prints on stdout, without the last line end.
pub fn output(command: &mut Command) -> Result<String> {
    let line = format!("{command:?}").replace('"', "");
    let output = command.output().with_context(|| format!("cannot run `{line}`"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{line}` failed: {}: {}", output.status, complaint.trim_end());
    Ok(String::from_utf8(output.stdout)?.trim_end().into())
}
