//! An image of a pause in C, as upstream's is, to measure beside.

use anyhow::Result;
use e2e::command::output;
use kubelet::image::Image;
use serde_json::json;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const NAME: &str = "localhost/c-pause:test";

/// Builds the program and writes its image to `directory`.
pub fn build(directory: &Path) -> Result<PathBuf> {
    let program = directory.join("pause");
    let mut gcc = Command::new("gcc");
    gcc.args(["-Os", "-Wall", "-static", "-s", "-o"]).arg(&program).arg(e2e::workspace("bench/src/pause.c"));
    output(&mut gcc)?;

    let layer = directory.join("layer.tar");
    let mut tar = tar::Builder::new(File::create(&layer)?);
    tar.append_path_with_name(&program, "pause")?;
    tar.into_inner()?;
    let archive = directory.join("c-pause.tar");
    let config = json!({ "Entrypoint": ["/pause"], "User": "65535:65535" });
    Image::from_scratch(&config).layer(&layer).write(NAME, &archive)?;
    Ok(archive)
}
