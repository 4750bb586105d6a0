//! The archive of an image, unpacked.

use crate::command::output;
use anyhow::Result;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub struct Archive(TempDir);

impl Archive {
    /// # Errors
    /// If it is no tar archive.
    pub fn unpack(archive: &Path) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        output(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(directory.path()))?;
        Ok(Self(directory))
    }

    /// Where the file with this name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// # Panics
    /// If there is no such file, or no JSON in it.
    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// The name of the blob that `descriptor` describes, after a look at its digest and size.
    ///
    /// # Panics
    /// If they are not the blob's.
    pub fn blob(&self, descriptor: &Value) -> String {
        let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let name = format!("blobs/sha256/{digest}");
        assert_eq!(sha256(&self.path(&name)), digest);
        assert_eq!(fs::metadata(self.path(&name)).unwrap().len(), descriptor["size"].as_u64().unwrap());
        name
    }

    /// What a node pulls of the image whose manifest `descriptor` describes, in bytes: manifest, configuration, layers.
    ///
    /// # Panics
    /// If the archive lacks any part of it.
    pub fn pulled(&self, descriptor: &Value) -> u64 {
        let manifest = self.json(&self.blob(descriptor));
        let layers = manifest["layers"].as_array().unwrap();
        let parts = [descriptor, &manifest["config"]].into_iter().chain(layers).map(|part| self.blob(part));
        parts.map(|blob| fs::metadata(self.path(&blob)).unwrap().len()).sum()
    }

    /// The names in the only layer of the image whose manifest `descriptor` describes.
    ///
    /// # Panics
    /// If the archive lacks any part of it, or there are more layers.
    pub fn files(&self, descriptor: &Value) -> Vec<String> {
        let manifest = self.json(&self.blob(descriptor));
        assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
        let layer = self.path(&self.blob(&manifest["layers"][0]));
        let listed = output(Command::new("tar").arg("-tzf").arg(layer)).unwrap();
        listed.lines().map(Into::into).collect()
    }

    /// The only file of the image whose manifest `descriptor` describes.
    ///
    /// # Panics
    /// If the archive lacks any part of it.
    pub fn program(&self, descriptor: &Value) -> Vec<u8> {
        let manifest = self.json(&self.blob(descriptor));
        let layer = self.path(&self.blob(&manifest["layers"][0]));
        Command::new("tar").arg("-xzOf").arg(layer).output().unwrap().stdout
    }
}

/// 64 hexadecimal digits.
///
/// # Panics
/// If the file cannot be read.
pub fn sha256(file: &Path) -> String {
    output(Command::new("sha256sum").arg(file)).unwrap()[..64].into()
}
