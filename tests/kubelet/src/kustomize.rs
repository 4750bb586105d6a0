//! Builds manifests from kustomizations, with Debian's kustomize.

use anyhow::{Result, ensure};
use e2e::command::output;
use std::path::Path;
use std::process::Command;

/// What `kubectl apply -k DIRECTORY` would apply.
///
/// # Errors
/// If it is no kustomization, or a wrong one.
pub fn build(directory: &Path) -> Result<String> {
    let kustomize = e2e::workspace("target/kustomize/usr/bin/kustomize");
    ensure!(kustomize.exists(), "{} is missing: run `make kustomize`", kustomize.display());
    output(Command::new(kustomize).arg("build").arg(directory)).map(|built| built + "\n")
}
