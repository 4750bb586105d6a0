//! The directories that `--parents` makes. Those that nothing comes into are gone again when the run has failed.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Those that were missing, each after the one it is in. Removed when dropped, where they are empty.
#[derive(Default)]
pub struct Parents(Vec<PathBuf>);

impl Parents {
    /// Makes a directory, and those it is in.
    ///
    /// # Errors
    /// If one cannot be made; then none is left.
    pub fn make(directory: &Path) -> Result<Self> {
        let missing = directory.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists());
        let mut parents = Self::default();
        for path in missing.collect::<Vec<_>>().into_iter().rev() {
            match fs::create_dir(path) {
                Ok(()) => parents.0.push(path.into()),
                Err(_) if path.is_dir() => {} // another run was quicker
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot create {}", directory.display()));
                }
            }
        }
        Ok(parents)
    }

    /// Leaves them, also where there was nothing to be put in them.
    pub fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Parents {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            let _ = fs::remove_dir(path); // where something is in it, it stays
        }
    }
}
