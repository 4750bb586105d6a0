//! containerd with pause as its sandbox image, spoken to as kubelet does. What a test sees, it notes in the
//! matrix.

mod containers;
mod digest;
mod namespaces;
mod network;

use e2e::matrix::{Behaviour, Column, Engine};
use kubelet::containerd::Containerd;
use kubelet::cri::Cri;
use kubelet::messages::{NamespaceMode, SandboxConfig, SandboxSecurity};
use kubelet::sandbox::{self, Sandbox};
use std::sync::Arc;

/// A containerd shared with other tests, with a connection of each test's own.
struct Node {
    containerd: Arc<Containerd>,
    cri: Cri,
}

impl Node {
    fn get() -> Self {
        let containerd = Containerd::shared().unwrap();
        let cri = containerd.cri().unwrap();
        Self { containerd, cri }
    }

    /// Notes in the matrix what a test has seen here.
    fn saw(&self, behaviour: Behaviour) {
        Column::new(Engine::Containerd, &self.containerd.version).saw(behaviour);
    }

    fn config(&self, name: &str, security: SandboxSecurity) -> SandboxConfig {
        let mut config = self.containerd.sandbox(name).unwrap();
        config.linux.as_mut().unwrap().security_context = Some(security);
        config
    }

    /// A sandbox whose containers have the pod's network, and see these processes.
    fn sandbox(&self, name: &str, pid: NamespaceMode) -> Sandbox<'_> {
        let security = sandbox::namespaces(NamespaceMode::Pod, pid);
        Sandbox::run(&self.cri, self.config(name, security)).unwrap()
    }
}
