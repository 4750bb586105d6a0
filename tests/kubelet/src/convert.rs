//! From a manifest to what the runtime is asked for, as kubelet's `kuberuntime` does it.

use crate::cri::Cri;
use crate::facts::Facts;
use crate::manifest::{self, Manifest, SeccompKind, SeccompProfile};
use crate::messages::{
    Capabilities, ContainerConfig, ContainerLinux, ContainerMetadata, ContainerSecurity, DnsConfig, ImageSpec, Int64,
    KeyValue, Mount, NamespaceMode, NamespaceOption, PortMapping, ProfileType, SandboxConfig, SandboxSecurity,
    SecurityProfile,
};
use crate::resources;
use crate::volumes::Source;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;

/// What a container does not see of `/proc`, and what it may not write there; kubelet's defaults.
const MASKED: [&str; 9] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
];
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Fills in what the manifest says of the sandbox.
pub fn sandbox(manifest: &Manifest, config: &mut SandboxConfig) {
    let spec = &manifest.pod.spec;
    if spec.host_network {
        config.hostname.clear(); // it is the node's
    }
    let ports = spec.init_containers.iter().chain(&spec.containers).flat_map(|container| &container.ports);
    let mapping = |port: &manifest::Port| {
        let (container_port, host_port) = (port.container_port.into(), port.host_port?.into());
        Some(PortMapping { container_port, host_port, ..Default::default() })
    };
    config.port_mappings = ports.filter_map(mapping).collect();
    // As kubelet has it with `dnsPolicy: ClusterFirst`
    config.dns_config = manifest.dns.map(|server| DnsConfig {
        servers: vec![server.to_string()],
        searches: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"].map(Into::into).to_vec(),
        options: vec!["ndots:5".into()],
    });
    if let Some(linux) = &mut config.linux {
        linux.security_context = Some(SandboxSecurity {
            namespace_options: Some(namespaces(spec)),
            run_as_user: spec.security_context.run_as_user.map(int),
            run_as_group: spec.security_context.run_as_group.map(int),
            supplemental_groups: groups(spec),
            seccomp: Some(SecurityProfile { profile_type: ProfileType::RuntimeDefault.into() }),
            readonly_rootfs: true,
        });
    }
}

/// # Errors
/// If the container mounts a volume that the pod has not, would run as root and must not, or is to be told what the
/// runner does not know.
pub fn container(
    manifest: &Manifest,
    container: &manifest::Container,
    facts: &Facts,
    volumes: &BTreeMap<String, Source>,
    attempt: u32,
    cri: &Cri,
) -> Result<ContainerConfig> {
    let spec = &manifest.pod.spec;
    let (pod, own) = (&spec.security_context, &container.security_context);
    let user = own.run_as_user.or(pod.run_as_user);
    if own.run_as_non_root.or(pod.run_as_non_root) == Some(true) {
        let image = || Ok::<_, anyhow::Error>(cri.image(&container.image)?.uid.map_or(0, |uid| uid.value));
        let user = user.map_or_else(image, Ok)?;
        ensure!(user != 0, "container {} has runAsNonRoot and would run as root", container.name);
    }
    let capabilities = Capabilities { add: own.capabilities.add.clone(), drop: own.capabilities.drop.clone() };
    let mounts = container.volume_mounts.iter().map(|mount| {
        let volume = volumes.get(&mount.name);
        let volume = volume.with_context(|| format!("{} mounts {}: no such volume", container.name, mount.name))?;
        let projected = spec.volumes.iter().any(|volume| volume.name == mount.name && volume.is_projected());
        let (container_path, readonly) = (mount.mount_path.clone(), mount.read_only || projected);
        Ok(match volume {
            Source::Path(path) => {
                let host_path = path.join(&mount.sub_path).to_string_lossy().into();
                Mount { container_path, host_path, readonly, ..Default::default() }
            }
            Source::Image(image) => {
                let (image, image_sub_path) = (Some(ImageSpec { image: image.clone() }), mount.sub_path.clone());
                Mount { container_path, readonly: true, image, image_sub_path, ..Default::default() }
            }
        })
    });
    let hosts = facts.hosts.iter().map(|path| {
        let (container_path, host_path) = ("/etc/hosts".into(), path.to_string_lossy().into());
        Ok(Mount { container_path, host_path, ..Default::default() })
    });
    let variable = |variable: &manifest::Variable| {
        let value = match &variable.value_from {
            Some(from) => facts.variable(&from.field_ref.field_path),
            None => Ok(variable.value.clone()),
        };
        Ok(KeyValue { key: variable.name.clone(), value: value.with_context(|| variable.name.clone())? })
    };
    Ok(ContainerConfig {
        metadata: Some(ContainerMetadata { name: container.name.clone(), attempt }),
        image: Some(ImageSpec { image: container.image.clone() }),
        command: container.command.clone(),
        args: container.args.clone(),
        working_dir: container.working_dir.clone(),
        envs: container.env.iter().map(variable).collect::<Result<_>>()?,
        mounts: mounts.chain(hosts).collect::<Result<_>>()?,
        log_path: format!("{}-{attempt}.log", container.name),
        linux: Some(ContainerLinux {
            resources: Some(resources::convert(&container.resources)?),
            security_context: Some(ContainerSecurity {
                capabilities: Some(capabilities),
                namespace_options: Some(namespaces(spec)),
                run_as_user: user.map(int),
                run_as_group: own.run_as_group.or(pod.run_as_group).map(int),
                readonly_rootfs: own.read_only_root_filesystem,
                supplemental_groups: groups(spec),
                no_new_privs: own.allow_privilege_escalation == Some(false),
                masked_paths: MASKED.map(Into::into).to_vec(),
                readonly_paths: READ_ONLY.map(Into::into).to_vec(),
                seccomp: Some(seccomp(own.seccomp_profile.as_ref().or(pod.seccomp_profile.as_ref()))),
            }),
        }),
    })
}

fn namespaces(spec: &manifest::PodSpec) -> NamespaceOption {
    let network = if spec.host_network { NamespaceMode::Node } else { NamespaceMode::Pod };
    let pid = match (spec.host_pid, spec.share_process_namespace) {
        (true, _) => NamespaceMode::Node,
        (false, true) => NamespaceMode::Pod,
        (false, false) => NamespaceMode::Container,
    };
    NamespaceOption {
        network: network.into(),
        pid: pid.into(),
        ipc: NamespaceMode::Pod.into(),
        target_id: String::new(),
    }
}

fn groups(spec: &manifest::PodSpec) -> Vec<i64> {
    let security = &spec.security_context;
    security.fs_group.map(Into::into).into_iter().chain(security.supplemental_groups.iter().copied()).collect()
}

fn seccomp(profile: Option<&SeccompProfile>) -> SecurityProfile {
    let profile_type = match profile.map(|profile| profile.kind) {
        Some(SeccompKind::RuntimeDefault) => ProfileType::RuntimeDefault,
        Some(SeccompKind::Unconfined) | None => ProfileType::Unconfined,
    };
    SecurityProfile { profile_type: profile_type.into() }
}

fn int(value: i64) -> Int64 {
    Int64 { value }
}
