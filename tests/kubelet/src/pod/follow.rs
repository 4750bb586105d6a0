//! What changes in the cluster while a pod runs, and comes to its volumes: at once, without kubelet's minute in between.

use super::Pod;
use crate::manifest::{Files, Manifest};
use crate::volumes;
use anyhow::Result;
use std::time::Duration;

impl Pod<'_> {
    /// Changes objects of the cluster, the pod's labels and annotations among them.
    ///
    /// # Errors
    /// If the disk is full, or they are not what the volumes want.
    pub fn edit(&mut self, change: impl FnOnce(&mut Manifest)) -> Result<()> {
        change(&mut self.manifest);
        self.facts.metadata = self.manifest.pod.metadata.clone();
        volumes::sync(&self.manifest, &self.facts, &mut self.tokens, self.home.path())
    }

    /// Gives a `ConfigMap` other files.
    ///
    /// # Errors
    /// As [`Pod::edit`].
    pub fn configure(&mut self, config_map: &str, files: Files) -> Result<()> {
        self.edit(|manifest| drop(manifest.config_maps.insert(config_map.into(), files)))
    }

    /// Has time pass for its tokens.
    ///
    /// # Errors
    /// As [`Pod::edit`].
    pub fn pass(&mut self, time: Duration) -> Result<()> {
        self.tokens.pass(time);
        self.edit(|_| {})
    }
}
