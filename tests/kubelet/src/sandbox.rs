//! A sandbox and its containers, removed when dropped.

use crate::cri::Cri;
use crate::messages::{
    ContainerConfig, ContainerLinux, ContainerMetadata, ContainerSecurity, ImageSpec, NamespaceMode, NamespaceOption,
    ProfileType, RemoveContainerRequest, RemovePodSandboxRequest, SandboxConfig, SandboxSecurity, SecurityProfile,
    StartContainerRequest, StopContainerRequest, StopPodSandboxRequest,
};
use anyhow::Result;
use e2e::engine::image;
use e2e::view::View;
use nix::unistd::Pid;

pub struct Sandbox<'a> {
    pub cri: &'a Cri,
    pub config: SandboxConfig,
    pub id: String,
    /// pause's
    pub pid: Pid,
}

impl<'a> Sandbox<'a> {
    /// # Errors
    /// If the runtime does not start it.
    pub fn run(cri: &'a Cri, config: SandboxConfig) -> Result<Self> {
        let id = cri.run_sandbox(&config)?;
        let mut sandbox = Self { cri, config, id, pid: Pid::from_raw(0) };
        sandbox.pid = cri.sandbox_pid(&sandbox.id)?;
        Ok(sandbox)
    }

    /// Starts the tests' app, in the role the arguments give it; returns the container's ID.
    ///
    /// # Errors
    /// If the runtime does not.
    pub fn app(&self, name: &str, role: &[&str]) -> Result<String> {
        self.start(ContainerConfig {
            metadata: Some(ContainerMetadata { name: name.into(), attempt: 0 }),
            image: Some(ImageSpec { image: image("app") }),
            args: role.iter().map(ToString::to_string).collect(),
            log_path: format!("{name}.log"),
            linux: Some(ContainerLinux {
                security_context: Some(ContainerSecurity {
                    namespace_options: self.security().namespace_options,
                    seccomp: Some(SecurityProfile { profile_type: ProfileType::RuntimeDefault.into() }),
                    no_new_privs: true,
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        })
    }

    /// Creates and starts a container, returns its ID.
    ///
    /// # Errors
    /// If the runtime does not.
    pub fn start(&self, config: ContainerConfig) -> Result<String> {
        let id = self.cri.create_container(&self.id, config, &self.config)?;
        self.cri.call(StartContainerRequest { id: id.clone() })?;
        Ok(id)
    }

    /// Stops a container, with so many seconds between SIGTERM and SIGKILL.
    ///
    /// # Errors
    /// If the runtime does not.
    pub fn stop(&self, container: &str, grace: i64) -> Result<()> {
        self.cri.call(StopContainerRequest { id: container.into(), timeout: grace }).map(drop)
    }

    /// # Errors
    /// If the runtime does not.
    pub fn remove(&self, container: &str) -> Result<()> {
        self.cri.call(RemoveContainerRequest { id: container.into() }).map(drop)
    }

    /// What the app prints when it runs once more, in this container and the role the arguments give it.
    ///
    /// # Errors
    /// If it fails.
    pub fn exec(&self, container: &str, role: &[&str]) -> Result<String> {
        let command: Vec<_> = std::iter::once(&"/app").chain(role).map(ToString::to_string).collect();
        self.cri.exec(container, &command)
    }

    /// What a container sees of its pod.
    ///
    /// # Errors
    /// If it does not run.
    pub fn view(&self, container: &str) -> Result<View> {
        Ok(serde_json::from_str(&self.exec(container, &["look"])?)?)
    }

    /// Stops pause and whatever runs with it, and takes the network away.
    ///
    /// # Errors
    /// If the runtime does not.
    pub fn end(&self) -> Result<()> {
        self.cri.call(StopPodSandboxRequest { id: self.id.clone() }).map(drop)
    }

    fn security(&self) -> SandboxSecurity {
        self.config.linux.clone().and_then(|linux| linux.security_context).unwrap_or_default()
    }
}

impl Drop for Sandbox<'_> {
    fn drop(&mut self) {
        let _ = self.end();
        let _ = self.cri.call(RemovePodSandboxRequest { id: self.id.clone() });
    }
}

/// The namespaces of a pod: its network, and whose processes its containers see.
pub fn namespaces(network: NamespaceMode, pid: NamespaceMode) -> SandboxSecurity {
    SandboxSecurity {
        namespace_options: Some(NamespaceOption { network: network.into(), pid: pid.into(), ..Default::default() }),
        seccomp: Some(SecurityProfile { profile_type: ProfileType::RuntimeDefault.into() }),
        readonly_rootfs: true,
        ..Default::default()
    }
}
