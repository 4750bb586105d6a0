use crate::Node;
use kubelet::manifest::{Container, Manifest, PodSecurity, SeccompKind};
use kubelet::session::{self, Services};
use std::fs;
use std::path::PathBuf;

pub fn directory(example: &str) -> PathBuf {
    e2e::workspace("examples/kubernetes").join(example)
}

#[test]
fn two_containers() {
    let node = Node::get();
    session::play(&node.containerd, &node.cri, &directory("two-containers"), &Services::default()).unwrap();
}

#[test]
fn shared_pid() {
    let node = Node::get();
    session::play(&node.containerd, &node.cri, &directory("shared-pid"), &Services::default()).unwrap();
}

/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>, as far as a manifest that the
/// runner reads can break it.
#[test]
fn the_examples_are_restricted() {
    for example in [
        "two-containers/pod.yaml",
        "shared-pid/pod.yaml",
        "war-tomcat/pod.yaml",
        "log-sidecar/pod.yaml",
        "log-sidecar/sidecar.yaml",
        "log-sidecar/job.yaml",
        "co-scheduling/pod.yaml",
        "debug/pod.yaml",
        "debug/shared.yaml",
        "image-volume/pod.yaml",
        "probes/pod.yaml",
        "projected/pod.yaml",
        "adapter/pod.yaml",
        "ambassador/pod.yaml",
        "ambassador/classic.yaml",
        "ambassador/job.yaml",
    ] {
        let manifest = Manifest::parse(&fs::read_to_string(directory(example)).unwrap()).unwrap();
        assert_restricted(example, &manifest);
    }
}

/// What `kubectl debug` adds to them, too.
#[test]
fn ephemeral_containers_are_restricted() {
    for example in ["debug/pages.yaml", "war-tomcat/update.yaml"] {
        let custom = fs::read_to_string(directory(example)).unwrap();
        let container = Container::ephemeral("ephemeral", "none", &custom).unwrap();
        assert_container_restricted(example, &container, &PodSecurity::default());
    }
}

pub fn assert_restricted(example: &str, manifest: &Manifest) {
    let spec = &manifest.pod.spec;
    assert!(!spec.host_network && !spec.host_pid, "{example}: no namespace is the node's");
    assert!(spec.volumes.iter().all(|volume| volume.host_path.is_none()), "{example}: no volume is the node's");
    for container in spec.init_containers.iter().chain(&spec.containers) {
        assert_container_restricted(example, container, &spec.security_context);
    }
}

pub fn assert_container_restricted(example: &str, container: &Container, pod: &PodSecurity) {
    let (own, name) = (&container.security_context, &container.name);
    assert_eq!(own.run_as_non_root.or(pod.run_as_non_root), Some(true), "{example}: {name}");
    assert_ne!(own.run_as_user.or(pod.run_as_user), Some(0), "{example}: {name}");
    let seccomp = own.seccomp_profile.as_ref().or(pod.seccomp_profile.as_ref());
    assert_eq!(seccomp.map(|profile| profile.kind), Some(SeccompKind::RuntimeDefault), "{example}: {name}");
    assert_eq!(own.allow_privilege_escalation, Some(false), "{example}: {name}");
    assert_eq!(own.capabilities.drop, ["ALL"], "{example}: {name}");
    assert!(own.capabilities.add.is_empty(), "{example}: {name}");
    assert!(container.ports.iter().all(|port| port.host_port.is_none()), "{example}: {name}");
}
