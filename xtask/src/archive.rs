//! The file that every engine loads: an OCI layout and, for Docker before 25, a docker-archive (`manifest.json`), both
//! pointing at the same blobs.

use crate::image::{self, Blob, Descriptor, Image};
use crate::origin::Origin;
use crate::platform::Platform;
use crate::program::Program;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Writes `dist/images/PROGRAM.tar`, uncompressed as `ctr` wants it, with the image of each platform.
pub fn write(
    dist: &Path,
    registry: &str,
    origin: &Origin,
    program: &Program,
    images: &[(&Platform, Image)],
) -> Result<()> {
    let name = format!("{registry}/{}:{VERSION}", program.name);
    let mut manifests = vec![];
    let mut files = BTreeMap::new();
    for (platform, image) in images {
        let mut manifest = serde_json::to_value(&image.manifest.descriptor)?;
        manifest["platform"] = serde_json::to_value(platform)?;
        manifests.push(manifest);
        files.extend(image.blobs().map(|blob| (path(&blob.descriptor), blob.bytes.clone())));
    }
    // One entry, or skopeo and Podman would ask which: several images are behind an index of their own.
    let mut entry = if let [manifest] = manifests.as_slice() {
        manifest.clone()
    } else {
        let index = Blob::json(INDEX, &index(program, origin, &manifests))?;
        let entry = serde_json::to_value(&index.descriptor)?;
        files.insert(path(&index.descriptor), index.bytes);
        entry
    };
    entry["annotations"] = json!({
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": VERSION,
    });
    files.insert("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.into());
    files.insert("index.json".into(), serde_json::to_vec(&index(program, origin, &[entry]))?);
    files.insert("manifest.json".into(), docker_manifest(&name, images)?);

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
/// not in its manifest: every node fetches the manifest, and the same program is the same image, whatever its origin.
fn index(program: &Program, origin: &Origin, manifests: &[Value]) -> Value {
    let mut annotations = json!({
        "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
        "org.opencontainers.image.title": program.name,
        "org.opencontainers.image.version": VERSION,
    });
    if let Some(source) = &origin.source {
        annotations["org.opencontainers.image.source"] = json!(source);
    }
    if let Some(revision) = &origin.revision {
        annotations["org.opencontainers.image.revision"] = json!(revision);
    }
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests, "annotations": annotations })
}

/// It knows no platforms: the image of this machine's.
fn docker_manifest(name: &str, images: &[(&Platform, Image)]) -> Result<Vec<u8>> {
    let host = Platform::host()?;
    let (_, image) = images.iter().find(|(platform, _)| *platform == host).context("no image for this machine")?;
    Ok(serde_json::to_vec(&json!([{
        "Config": path(&image.config.descriptor),
        "RepoTags": [name],
        "Layers": [path(&image.layer.descriptor)],
    }]))?)
}
