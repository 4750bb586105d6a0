//! The file that every engine loads: an OCI layout and, for Docker before 25, a docker-archive (`manifest.json`), both
//! pointing at the same blobs.

use crate::image::{self, Descriptor, Image};
use crate::platform::Platform;
use crate::program::Program;
use anyhow::{Context, Result};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Writes `dist/images/PROGRAM.tar`, uncompressed as `ctr` wants it.
pub fn write(dist: &Path, registry: &str, program: &Program, platform: &Platform, image: &Image) -> Result<()> {
    let name = format!("{registry}/{}:{VERSION}", program.name);
    let mut files: BTreeMap<String, Vec<u8>> =
        image.blobs().map(|blob| (path(&blob.descriptor), blob.bytes.clone())).collect();
    files.insert("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.into());
    files.insert("index.json".into(), index(&name, program, platform, image)?);
    files.insert("manifest.json".into(), docker_manifest(&name, image)?);

    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        archive.append_data(&mut image::header(bytes.len(), 0o644)?, name, bytes.as_slice())?;
    }
    let directory = dist.join("images");
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let file = directory.join(format!("{}.tar", program.name));
    fs::write(&file, archive.into_inner()?).with_context(|| format!("cannot write {}", file.display()))
}

fn path(descriptor: &Descriptor) -> String {
    format!("blobs/{}", descriptor.digest.replace(':', "/"))
}

/// <https://github.com/opencontainers/image-spec/blob/main/image-index.md>. What describes the image stands here and
/// not in its manifest: every node fetches the manifest.
fn index(name: &str, program: &Program, platform: &Platform, image: &Image) -> Result<Vec<u8>> {
    let mut manifest = serde_json::to_value(&image.manifest.descriptor)?;
    manifest["platform"] = json!({ "architecture": platform.architecture, "os": "linux" });
    manifest["annotations"] = json!({
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": VERSION,
    });
    Ok(serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [manifest],
        "annotations": {
            "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
            "org.opencontainers.image.title": program.name,
            "org.opencontainers.image.version": VERSION,
        },
    }))?)
}

fn docker_manifest(name: &str, image: &Image) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(&json!([{
        "Config": path(&image.config.descriptor),
        "RepoTags": [name],
        "Layers": [path(&image.layer.descriptor)],
    }]))?)
}
