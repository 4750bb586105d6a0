//! Pods from manifests: the examples as they are, and what the runner owes them.

mod examples;
mod lifecycle;
mod log_sidecar;
mod volumes;
mod war_tomcat;

use kubelet::containerd::Containerd;
use kubelet::cri::Cri;
use kubelet::manifest::Manifest;
use kubelet::pod::Pod;
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
