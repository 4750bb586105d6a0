use crate::Node;
use e2e::engine::image;
use e2e::matrix::Behaviour;
use e2e::process::{SECCOMP_FILTER, status};
use e2e::view::namespaces;
use kubelet::messages::{Int64, NamespaceMode};
use kubelet::sandbox::{self, Sandbox};
use nix::unistd::Pid;

/// `shareProcessNamespace: true`: pause is PID 1 of all containers.
#[test]
fn in_pid_mode_pod_pause_is_pid_1() {
    let node = Node::get();
    let sandbox = node.sandbox("pid-pod", NamespaceMode::Pod);
    let pause = namespaces(&sandbox.pid.to_string()).unwrap();
    for name in ["one", "two"] {
        let view = sandbox.view(&sandbox.app(name, &["wait"]).unwrap()).unwrap();
        assert_eq!(view.init.name, "pause");
        assert_eq!(view.namespaces, pause, "{name}'s namespaces are pause's");
    }
    node.saw(Behaviour::PausesNamespaces);
}

/// Kubernetes' default: every container is PID 1 of its own, and only network and IPC are pause's.
#[test]
fn in_pid_mode_container_each_is_its_own_pid_1() {
    let node = Node::get();
    let sandbox = node.sandbox("pid-container", NamespaceMode::Container);
    let pause = namespaces(&sandbox.pid.to_string()).unwrap();
    for name in ["one", "two"] {
        let view = sandbox.view(&sandbox.app(name, &["wait"]).unwrap()).unwrap();
        assert_eq!(view.init.name, "app");
        assert_ne!(view.namespaces["pid"], pause["pid"]);
        assert_eq!(view.namespaces["net"], pause["net"]);
        assert_eq!(view.namespaces["ipc"], pause["ipc"]);
    }
    node.saw(Behaviour::PidContainer);
}

/// `hostPID: true`: the node's init is PID 1, and pause, which is not, stays all the same.
#[test]
fn in_pid_mode_node_pause_is_a_process_of_the_nodes() {
    let node = Node::get();
    let sandbox = node.sandbox("pid-node", NamespaceMode::Node);
    let here = namespaces("self").unwrap();
    assert_eq!(namespaces(&sandbox.pid.to_string()).unwrap()["pid"], here["pid"]);
    let view = sandbox.view(&sandbox.app("app", &["wait"]).unwrap()).unwrap();
    assert_eq!(view.namespaces["pid"], here["pid"]);
    assert_ne!(view.init.name, "pause");
    node.saw(Behaviour::HostPid);
}

#[test]
fn pause_runs_as_the_pods_user_else_as_the_images() {
    let node = Node::get();
    let sandbox = node.sandbox("user-of-the-image", NamespaceMode::Pod);
    assert_eq!(user(sandbox.pid), [65535, 65535]);
    node.saw(Behaviour::ImagesUser);
    let mut security = sandbox::namespaces(NamespaceMode::Pod, NamespaceMode::Pod);
    security.run_as_user = Some(Int64 { value: 4711 });
    security.run_as_group = Some(Int64 { value: 4712 });
    let sandbox = Sandbox::run(&node.cri, node.config("user-of-the-pod", security)).unwrap();
    assert_eq!(user(sandbox.pid), [4711, 4712]);
    node.saw(Behaviour::PodsUser);
}

fn user(pid: Pid) -> [u64; 2] {
    ["Uid", "Gid"].map(|field| status(pid, field).unwrap())
}

/// `RuntimeDefault`, which kubelet asks for every sandbox.
#[test]
fn pause_runs_under_the_runtimes_seccomp_profile() {
    let node = Node::get();
    let sandbox = node.sandbox("seccomp", NamespaceMode::Container);
    assert_eq!(status(sandbox.pid, "Seccomp"), Some(SECCOMP_FILTER));
    node.saw(Behaviour::Seccomp);
}

/// What is pinned, kubelet's garbage collection spares. containerd knows of it from 1.6.22 and 1.7.3 on.
#[test]
fn the_image_is_pinned_where_containerd_knows_pinning() {
    let node = Node::get();
    let numbers = node.containerd.version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let version: Vec<u32> = numbers.take(3).map(Result::unwrap).collect();
    let knows = version >= vec![1, 7, 3] || version[..2] == [1, 6] && version[2] >= 22;
    assert_eq!(node.cri.image(&image("pause")).unwrap().pinned, knows, "containerd {}", node.containerd.version);
    assert!(!node.cri.image(&image("app")).unwrap().pinned);
}
