//! An image of one file: layer, config and manifest, as the OCI image specification has them. The same program gives
//! the same bytes, whoever builds it, whenever.

use crate::platform::Platform;
use crate::program::Program;
use anyhow::{Context, Result};
use libdeflater::{CompressionLvl, Compressor};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::env;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// gzip, since Docker 20.10 reads no zstd
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub struct Image {
    pub layer: Blob,
    pub config: Blob,
    pub manifest: Blob,
}

/// Bytes, and how the other parts of an image speak of them.
pub struct Blob {
    pub bytes: Vec<u8>,
    pub descriptor: Descriptor,
}

/// <https://github.com/opencontainers/image-spec/blob/main/descriptor.md>
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    media_type: &'static str,
    /// `sha256:` and 64 hexadecimal digits
    pub digest: String,
    pub size: usize,
}

impl Blob {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        let descriptor = Descriptor { media_type, digest: digest(&bytes), size: bytes.len() };
        Self { bytes, descriptor }
    }

    pub fn json(media_type: &'static str, value: &impl Serialize) -> Result<Self> {
        Ok(Self::new(media_type, serde_json::to_vec(value)?))
    }
}

impl Image {
    pub fn new(program: &Program, platform: &Platform, elf: &[u8]) -> Result<Self> {
        let tar = tar(program, elf)?;
        let layer = Blob::new(LAYER, gzip(&tar)?);
        let config = Config {
            platform,
            config: Execution {
                user: program.user,
                env: program.environment,
                entrypoint: [format!("/{}", program.path)],
            },
            rootfs: RootFs { r#type: "layers", diff_ids: [digest(&tar)] },
        };
        let config = Blob::json(CONFIG, &config)?;
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST,
            config: &config.descriptor,
            layers: [&layer.descriptor],
        };
        let manifest = Blob::json(MANIFEST, &manifest)?;
        Ok(Self { layer, config, manifest })
    }

    /// What a node pulls, in bytes.
    pub fn size(&self) -> usize {
        self.blobs().map(|blob| blob.bytes.len()).sum()
    }

    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        [&self.config, &self.layer, &self.manifest].into_iter()
    }
}

/// <https://github.com/opencontainers/image-spec/blob/main/config.md>; fields in the order they are written.
#[derive(Serialize)]
struct Config<'a> {
    #[serde(flatten)]
    platform: &'a Platform,
    config: Execution<'a>,
    rootfs: RootFs,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Execution<'a> {
    user: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    env: &'a [&'a str],
    entrypoint: [String; 1],
}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [String; 1],
}

/// <https://github.com/opencontainers/image-spec/blob/main/manifest.md>
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u32,
    media_type: &'static str,
    config: &'a Descriptor,
    layers: [&'a Descriptor; 1],
}

/// `sha256:` and 64 hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    format!("sha256:{digits}")
}

/// The file system: one executable that belongs to root and that nobody may write, and links to it.
fn tar(program: &Program, elf: &[u8]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header(elf.len(), 0o555)?, &program.path, elf)?;
    for link in program.links {
        let mut header = header(0, 0o777)?;
        header.set_entry_type(tar::EntryType::Symlink);
        archive.append_link(&mut header, link, format!("/{}", program.path))?;
    }
    Ok(archive.into_inner()?)
}

/// A ustar header without the time and place of its making.
pub fn header(size: usize, mode: u32) -> Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_size(size as u64);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    // https://reproducible-builds.org/specs/source-date-epoch/
    header.set_mtime(match env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds.parse()?,
        Err(_) => 0,
    });
    Ok(header)
}

/// By libdeflate, which makes it a fortieth smaller than zlib can, and smaller than zopfli in a tenth of its time. Its
/// header has no time in it.
fn gzip(tar: &[u8]) -> Result<Vec<u8>> {
    let mut compressor = Compressor::new(CompressionLvl::best());
    let mut bytes = vec![0; compressor.gzip_compress_bound(tar.len())];
    let length = compressor.gzip_compress(tar, &mut bytes).context("no room")?;
    bytes.truncate(length);
    Ok(bytes)
}
