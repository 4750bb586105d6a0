//! What figures depend on.

use anyhow::Result;
use e2e::command::output;
use std::process::Command;

/// Of a package.
///
/// # Errors
/// If it is not installed.
pub fn version(package: &str) -> Result<String> {
    output(Command::new("dpkg-query").args(["--show", "--showformat", "${Version}", package]))
}

/// # Errors
/// If `/proc` cannot be read.
pub fn load() -> Result<String> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    Ok(load.split(' ').take(3).collect::<Vec<_>>().join(" "))
}
