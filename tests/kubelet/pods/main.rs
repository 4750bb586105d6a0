//! Pods from manifests: the examples as they are, and what the runner owes them.

mod adapter;
mod ambassador;
mod co_scheduling;
mod components;
mod debug;
mod examples;
mod image_volume;
mod lifecycle;
mod log_sidecar;
mod probes;
mod projected;
mod validity;
mod volumes;
mod war_tomcat;

use e2e::engine::image;
use kubelet::containerd::Containerd;
use kubelet::cri::Cri;
use kubelet::manifest::Manifest;
use kubelet::messages::NamespaceMode;
use kubelet::pod::Pod;
use kubelet::sandbox::{Sandbox, namespaces};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// A containerd shared with other tests, with a connection and a journal of each test's own.
struct Node {
    containerd: Arc<Containerd>,
    cri: Cri,
    /// Mounted as `/journal` in every pod
    home: TempDir,
}

impl Node {
    fn get() -> Self {
        let containerd = Containerd::shared().unwrap();
        let cri = containerd.cri().unwrap();
        Self { containerd, cri, home: tempfile::tempdir().unwrap() }
    }

    /// One that knows the image of this program.
    fn with_image(program: &str) -> Self {
        let node = Self::get();
        if node.cri.image(&image(program)).is_err() {
            let archive = e2e::workspace(&format!("dist/images/{program}.tar"));
            assert!(archive.exists(), "{} is missing: run `make images`", archive.display());
            node.containerd.load(&archive).unwrap();
        }
        node
    }

    /// An empty pod: the pods' bridge has its addresses with the first of them.
    fn bridge(&self) -> anyhow::Result<Sandbox<'_>> {
        let mut config = self.containerd.sandbox("bridge")?;
        if let Some(linux) = &mut config.linux {
            linux.security_context = Some(namespaces(NamespaceMode::Pod, NamespaceMode::Pod));
        }
        Sandbox::run(&self.cri, config)
    }

    /// Starts a pod with this `spec`; in it, JOURNAL is a directory of this test's on the node.
    fn start(&self, spec: &str) -> anyhow::Result<Pod<'_>> {
        let spec = spec.replace("JOURNAL", &self.home.path().to_string_lossy());
        let manifest = format!("apiVersion: v1\nkind: Pod\nmetadata: {{ name: test }}\nspec:\n{spec}");
        Pod::start(&self.containerd, &self.cri, Manifest::parse(&manifest)?)
    }

    /// What the pod's containers noted, in their order.
    fn journal(&self) -> Vec<String> {
        let journal = fs::read_to_string(self.journal_file()).unwrap_or_default();
        journal.lines().map(Into::into).collect()
    }

    fn journal_file(&self) -> PathBuf {
        self.home.path().join("journal")
    }
}
