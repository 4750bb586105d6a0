//! Whether a configuration is right, and what it means.

use crate::args::Settings;
use anyhow::Result;
use std::io::{Write, stdout};

/// # Errors
/// When stdout is closed.
pub fn check(settings: &Settings) -> Result<()> {
    let mut out = stdout().lock();
    for listener in &settings.config.listeners {
        writeln!(out, "{} → {}", listener.listen, listener.cluster)?;
    }
    Ok(())
}
