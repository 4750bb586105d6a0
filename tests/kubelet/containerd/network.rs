use crate::Node;
use e2e::command::output;
use e2e::matrix::Behaviour;
use e2e::process::until;
use e2e::view::namespaces;
use kubelet::messages::{NamespaceMode, PortMapping, SandboxState};
use kubelet::sandbox::{self, Sandbox};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The CNI makes eth0 before pause runs; pause is in that network namespace and keeps it.
#[test]
fn the_pods_network_is_pauses() {
    let node = Node::get();
    let sandbox = node.sandbox("network", NamespaceMode::Pod);
    let devices = fs::read_to_string(format!("/proc/{}/net/dev", sandbox.pid)).unwrap();
    let devices: BTreeSet<_> = devices.lines().skip(2).filter_map(|line| line.split_once(':')).collect();
    let devices: BTreeSet<_> = devices.into_iter().map(|(name, _)| name.trim()).collect();
    assert!(devices.contains("eth0"), "pause's devices are {devices:?}");

    let network = node.cri.sandbox_status(&sandbox.id).unwrap().network.unwrap();
    assert_eq!(network.additional_ips, [], "the pod has one IP");
    let subnet = node.containerd.network.subnet.to_string();
    assert_eq!(network.ip.rsplit_once('.').unwrap().0, subnet.rsplit_once('.').unwrap().0, "of the CNI's subnet");

    let view = sandbox.view(&sandbox.app("app", &["serve", "/", "8080"]).unwrap()).unwrap();
    assert_eq!(view.addresses, BTreeSet::from([network.ip.clone()]));
    assert_eq!(view.namespaces["net"], namespaces(&sandbox.pid.to_string()).unwrap()["net"]);
    until("the app listens on the pod's IP", || TcpStream::connect((network.ip.as_str(), 8080)).is_ok());
}

#[test]
fn containers_share_localhost_ip_mac_and_devices() {
    let node = Node::get();
    let sandbox = node.sandbox("peers", NamespaceMode::Container);
    let serve = |port: &'static str, page| ["serve", "/", port, "--write", "/page", page];
    let one = sandbox.app("one", &serve("8080", "of one")).unwrap();
    let two = sandbox.app("two", &serve("8081", "of two")).unwrap();
    for (reader, port, page) in [(&one, "8081", "of two"), (&two, "8080", "of one")] {
        let get = || sandbox.exec(reader, &["get", port, "page"]).ok();
        until(&format!("port {port} answers"), || get().as_deref() == Some(page));
    }
    node.saw(Behaviour::ServeEachOther);
    let (one, two) = (sandbox.view(&one).unwrap(), sandbox.view(&two).unwrap());
    assert_eq!(one.addresses.len(), 1, "{:?}", one.addresses);
    assert_eq!((one.addresses, one.hardware, one.devices), (two.addresses, two.hardware, two.devices));
    node.saw(Behaviour::ShareNetwork);
}

#[test]
fn a_host_port_is_the_pods() {
    let node = Node::get();
    let mut config = node.config("host-port", sandbox::namespaces(NamespaceMode::Pod, NamespaceMode::Container));
    let host_port = kubelet::free_port();
    config.port_mappings =
        vec![PortMapping { container_port: 8080, host_port: host_port.into(), ..Default::default() }];
    let sandbox = Sandbox::run(&node.cri, config).unwrap();
    sandbox.app("app", &["serve", "/", "8080"]).unwrap();
    until("the app answers on the node's port", || TcpStream::connect(("127.0.0.1", host_port)).is_ok());
    drop(sandbox);
    assert!(TcpStream::connect(("127.0.0.1", host_port)).is_err(), "the port is free again");
    node.saw(Behaviour::HostPort);
}

#[test]
fn the_host_network_is_the_nodes() {
    let node = Node::get();
    let security = sandbox::namespaces(NamespaceMode::Node, NamespaceMode::Container);
    let mut config = node.config("host-network", security);
    config.hostname.clear(); // it is the node's, too
    let sandbox = Sandbox::run(&node.cri, config).unwrap();
    let here = namespaces("self").unwrap();
    let pause = namespaces(&sandbox.pid.to_string()).unwrap();
    assert_eq!(pause["net"], here["net"]);
    assert_ne!(pause["pid"], here["pid"]);
    let view = sandbox.view(&sandbox.app("app", &["serve", "/", &kubelet::free_port().to_string()]).unwrap()).unwrap();
    assert_eq!(view.namespaces["net"], here["net"]);
    node.saw(Behaviour::HostNetwork);
}

/// Processes, network namespace, bridge port, mounts and control group are gone with the sandbox.
#[test]
fn nothing_of_a_removed_sandbox_is_left() {
    let node = Node::get();
    let sandbox = node.sandbox("removed", NamespaceMode::Pod);
    let (id, pid) = (sandbox.id.clone(), sandbox.pid);
    let app = node.cri.container_pid(&sandbox.app("app", &["serve", "/", "8080"]).unwrap()).unwrap();
    let port = peer_of_eth0(pid);
    assert!(port.exists(), "{}", port.display());
    let cgroup = sandbox.config.linux.as_ref().unwrap().cgroup_parent.clone();

    sandbox.end().unwrap();
    assert_eq!(node.cri.sandbox_status(&id).unwrap().state(), SandboxState::NotReady);
    drop(sandbox);
    let error = node.cri.sandbox_status(&id).unwrap_err().to_string();
    assert!(error.contains("not found"), "{error}");
    for pid in [pid, app] {
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "process {pid} is there");
    }
    assert!(!port.exists(), "{} is still plugged in", port.display());
    let mounts = node.containerd.mounts();
    let left: Vec<_> = mounts.iter().filter(|mount| mount.to_string_lossy().contains(&id)).collect();
    assert!(left.is_empty(), "{left:?}");
    for hierarchy in fs::read_dir("/sys/fs/cgroup").unwrap() {
        let group = hierarchy.unwrap().path().join(cgroup.trim_start_matches('/'));
        let containers = fs::read_dir(group).into_iter().flatten().flatten();
        let left: Vec<_> = containers.filter(|entry| entry.path().is_dir()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
    node.saw(Behaviour::NothingLeft);
}

/// The other end of the pod's cable, as a file of the node's.
fn peer_of_eth0(pid: Pid) -> PathBuf {
    let namespace = format!("/proc/{pid}/ns/net");
    // sysfs shows the network namespace in which it was mounted, so `ip` is asked.
    let shown = output(
        Command::new("nsenter").arg(format!("--net={namespace}")).args(["ip", "-oneline", "link", "show", "eth0"]),
    )
    .unwrap();
    let index: u32 = shown.split_once("@if").unwrap().1.split_once(':').unwrap().0.parse().unwrap();
    let devices = fs::read_dir("/sys/class/net").unwrap().map(|device| device.unwrap().path());
    let has_index = |device: &PathBuf| {
        fs::read_to_string(device.join("ifindex")).is_ok_and(|text| text.trim() == index.to_string())
    };
    devices.into_iter().find(has_index).unwrap()
}
