//! Images for the tests' containers, layer upon layer, as a docker-archive that containerd imports.
//! <https://github.com/moby/docker-image-spec/blob/main/spec.md>

use anyhow::{Context, Result};
use e2e::archive::{Archive, sha256};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

pub struct Image {
    config: Value,
    layers: Vec<PathBuf>,
    /// Where a base's layers are
    _base: Option<Archive>,
}

impl Image {
    /// Without a layer; `config` says how to run it, as in <https://github.com/opencontainers/image-spec/blob/main/config.md>.
    pub fn from_scratch(config: &Value) -> Self {
        let config = json!({
            "architecture": e2e::architecture(),
            "os": "linux",
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        Self { config, layers: vec![], _base: None }
    }

    /// The image in an archive that `cargo xtask images` writes.
    ///
    /// # Errors
    /// If it is no such archive.
    pub fn from_archive(archive: &Path) -> Result<Self> {
        let base = Archive::unpack(archive).with_context(|| format!("{} is no image", archive.display()))?;
        let manifest = base.json("manifest.json")[0].take();
        let file = |name: &Value| name.as_str().map(|name| base.path(name)).context("manifest.json names no file");
        let config = serde_json::from_slice(&fs::read(file(&manifest["Config"])?)?)?;
        let layers = manifest["Layers"].as_array().context("manifest.json names no layers")?.iter().map(file);
        Ok(Self { config, layers: layers.collect::<Result<_>>()?, _base: Some(base) })
    }

    /// Puts an uncompressed tar archive on top.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn layer(mut self, tar: &Path) -> Self {
        if let Value::Array(ids) = &mut self.config["rootfs"]["diff_ids"] {
            ids.push(format!("sha256:{}", sha256(tar)).into());
        }
        self.layers.push(tar.into());
        self
    }

    /// Writes it to `file`, under the name `REGISTRY/REPOSITORY:TAG`.
    ///
    /// # Errors
    /// If a layer cannot be read or the file not be written.
    pub fn write(&self, name: &str, file: &Path) -> Result<()> {
        let mut archive = tar::Builder::new(BufWriter::new(File::create(file)?));
        let layers: Vec<_> = (0..self.layers.len()).map(|number| format!("{number}/layer.tar")).collect();
        for (layer, name) in self.layers.iter().zip(&layers) {
            archive.append_path_with_name(layer, name).with_context(|| format!("no layer {}", layer.display()))?;
        }
        let manifest = json!([{ "Config": "config.json", "RepoTags": [name], "Layers": layers }]);
        for (name, json) in [("config.json", &self.config), ("manifest.json", &manifest)] {
            let json = serde_json::to_vec(json)?;
            let mut header = tar::Header::new_ustar();
            header.set_mode(0o644);
            header.set_size(json.len() as u64);
            archive.append_data(&mut header, name, json.as_slice())?;
        }
        Ok(archive.into_inner()?.into_inner().map(drop)?)
    }
}
