//! What lets a stranger check `dist/`: the checksum of every file, and the compilers that give the same bytes.

use crate::cross::Compiler;
use crate::glibc::Glibc;
use crate::image::digest;
use crate::platform::Platform;
use crate::program::Program;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes `dist/TOOLCHAINS` and `dist/SHA256SUMS`; `sha256sum --check` reads the latter.
pub fn write(dist: &Path, built: &[(Program, &'static Platform)]) -> Result<()> {
    let mut toolchains = BTreeMap::<String, BTreeSet<&str>>::new();
    for (program, platform) in built {
        let mut tools = vec![Compiler::of(platform)?.version()?];
        if !program.no_std {
            tools.push(Glibc::of(platform)?.toolchain()?);
        }
        for tool in tools {
            toolchains.entry(tool).or_default().insert(platform.architecture);
        }
    }
    let mut text = String::new();
    for (tool, architectures) in toolchains {
        writeln!(text, "{}:\n{tool}\n", Vec::from_iter(architectures).join(" "))?;
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
