//! What lets a stranger check `dist/`: the checksum of every file, and the compilers that give the same bytes.

use crate::cross::Compiler;
use crate::image::digest;
use crate::platform::Platform;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes `dist/TOOLCHAINS` and `dist/SHA256SUMS`; `sha256sum --check` reads the latter.
pub fn write(dist: &Path, platforms: &[&Platform]) -> Result<()> {
    let mut toolchains = BTreeMap::<String, Vec<&str>>::new();
    for platform in platforms {
        toolchains.entry(Compiler::of(platform)?.version()?).or_default().push(platform.architecture);
    }
    let mut text = String::new();
    for (version, architectures) in toolchains {
        writeln!(text, "{}:\n{version}\n", architectures.join(" "))?;
    }
    write_file(&dist.join("TOOLCHAINS"), &text)?;

    let mut sums = String::new();
    for (name, bytes) in files(dist)? {
        if name != Path::new("SHA256SUMS") {
            writeln!(sums, "{}  {}", digest(&bytes).trim_start_matches("sha256:"), name.display())?;
        }
    }
    write_file(&dist.join("SHA256SUMS"), &sums)
}

fn write_file(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Every file below `directory`, by its path from there.
pub fn files(directory: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut left = vec![directory.to_path_buf()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("cannot read {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                left.push(path);
            } else {
                files.insert(path.strip_prefix(directory)?.to_path_buf(), fs::read(&path)?);
            }
        }
    }
    Ok(files)
}
