//! Ephemeral containers: <https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/>.

use super::Pod;
use crate::convert;
use crate::manifest::Container;
use crate::messages::{ContainerConfig, NamespaceMode};
use anyhow::{Context, Result, ensure};

impl Pod<'_> {
    /// Runs a container beside the pod's own, as `kubectl debug` does: it is not restarted, no one waits for it, and it
    /// stays as long as the pod. With a target it is among that container's processes. Returns the runtime's name for it.
    ///
    /// # Errors
    /// If there is one of this name, no such target, or the runtime does not start it.
    pub fn debug(&mut self, ephemeral: &Container, target: Option<&str>) -> Result<String> {
        let name = &ephemeral.name;
        ensure!(self.id(name).is_err(), "the pod has a container {name}");
        let (facts, volumes) = (&self.facts, &self.volumes);
        let mut config = convert::container(&self.manifest, ephemeral, facts, volumes, 0, self.sandbox.cri)?;
        if let Some(target) = target {
            aim(&mut config, self.id(target)?);
        }
        let id = self.sandbox.start(config).with_context(|| format!("container {name}"))?;
        self.ephemeral.insert(name.clone(), id.clone());
        Ok(id)
    }
}

/// As `generateLinuxContainerConfig` in kubelet's `kuberuntime_container_linux.go`: what the pod shares stays shared.
fn aim(config: &mut ContainerConfig, target: String) {
    let security = config.linux.as_mut().and_then(|linux| linux.security_context.as_mut());
    let Some(namespaces) = security.and_then(|security| security.namespace_options.as_mut()) else { return };
    if namespaces.pid() == NamespaceMode::Container {
        namespaces.set_pid(NamespaceMode::Target);
        namespaces.target_id = target;
    }
}
