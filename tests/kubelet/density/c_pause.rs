//! An image of a pause in C, as upstream's is, to measure beside.

use anyhow::Result;
use e2e::command::output;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use tar::{Builder, Header};

pub const NAME: &str = "localhost/c-pause:test";

/// Builds the program and writes its image to `directory`, as `docker save` would.
pub fn build(directory: &Path) -> Result<PathBuf> {
    let program = directory.join("pause");
    let mut gcc = Command::new("gcc");
    gcc.args(["-Os", "-Wall", "-static", "-s", "-o"]).arg(&program).arg(e2e::workspace("bench/src/pause.c"));
    output(&mut gcc)?;

    let mut layer = Builder::new(vec![]);
    append(&mut layer, "pause", 0o755, &fs::read(&program)?)?;
    let layer = layer.into_inner()?;
    let digest = Sha256::digest(&layer).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let config = json!({
        "architecture": e2e::architecture(),
        "os": "linux",
        "config": { "Entrypoint": ["/pause"], "User": "65535:65535" },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest}")] }
    });
    let manifest = json!([{ "Config": "config.json", "RepoTags": [NAME], "Layers": ["layer.tar"] }]);
    let archive = directory.join("c-pause.tar");
    let mut image = Builder::new(File::create(&archive)?);
    append(&mut image, "manifest.json", 0o644, manifest.to_string().as_bytes())?;
    append(&mut image, "config.json", 0o644, config.to_string().as_bytes())?;
    append(&mut image, "layer.tar", 0o644, &layer)?;
    image.into_inner()?;
    Ok(archive)
}

fn append(archive: &mut Builder<impl std::io::Write>, name: &str, mode: u32, content: &[u8]) -> Result<()> {
    let mut header = Header::new_ustar();
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    Ok(archive.append_data(&mut header, name, content)?)
}
