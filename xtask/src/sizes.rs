//! The size table: what a program costs on the way to a node.

use crate::image::Image;
use crate::platform::Platform;
use crate::program::Program;
use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::Path;

#[derive(Default, Serialize)]
#[serde(transparent)]
pub struct Sizes {
    /// Program, architecture, bytes
    programs: BTreeMap<String, BTreeMap<String, Size>>,
    /// What is told below the table
    #[serde(skip)]
    notes: Vec<String>,
}

/// Bytes. The ELF file is what the node runs; the other three are what it pulls, `total` together.
#[derive(Serialize)]
struct Size {
    elf: usize,
    config: usize,
    manifest: usize,
    layer: usize,
    total: usize,
}

impl Sizes {
    pub fn add(&mut self, program: &Program, platform: &Platform, elf: usize, image: &Image) {
        let size = Size {
            elf,
            config: image.config.bytes.len(),
            manifest: image.manifest.bytes.len(),
            layer: image.layer.bytes.len(),
            total: image.size(),
        };
        self.programs.entry(program.name.clone()).or_default().insert(platform.architecture.into(), size);
    }

    /// What `program` would be with all of chassis, where it does not use all.
    pub fn compare(&mut self, program: &Program, platform: &Platform, elf: usize, with_all: usize) {
        self.notes.push(format!(
            "{} for {} with all of chassis would be {with_all}: it does not pay {} bytes for what it does not use",
            program.name,
            platform.architecture,
            with_all.saturating_sub(elf)
        ));
    }

    pub fn write(&self, file: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self)? + "\n";
        fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))
    }
}

impl Display for Sizes {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        writeln!(
            f,
            "{:<14} {:<8} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "bytes", "", "ELF", "config", "manifest", "layer", "image"
        )?;
        for (program, architectures) in &self.programs {
            for (architecture, size) in architectures {
                let Size { elf, config, manifest, layer, total } = size;
                writeln!(
                    f,
                    "{program:<14} {architecture:<8} {elf:>9} {config:>9} {manifest:>9} {layer:>9} {total:>9}"
                )?;
            }
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}
