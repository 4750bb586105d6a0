use e2e::matrix::{Behaviour, Column, Engine};
use e2e::registry::Registry;
use kubelet::containerd::Containerd;
use kubelet::messages::NamespaceMode;
use kubelet::sandbox::{self, Sandbox};
use std::fs;

/// As on a node that is set up with a digest and loads nothing: the first pod has containerd pull its sandbox image.
#[test]
fn the_sandbox_image_is_pulled_by_digest() {
    let registry = Registry::start(&e2e::workspace("target/registry")).unwrap();
    let archive = e2e::workspace("dist/images/pause.tar");
    let pushed = registry.push(&archive, concat!("infra/pause:", env!("CARGO_PKG_VERSION"))).unwrap();
    let containerd = Containerd::start(&pushed, None).unwrap();
    let cri = containerd.cri().unwrap();
    cri.image(&pushed).map(drop).unwrap_err();

    let mut config = containerd.sandbox("by-digest").unwrap();
    let security = sandbox::namespaces(NamespaceMode::Pod, NamespaceMode::Pod);
    config.linux.as_mut().unwrap().security_context = Some(security);
    let sandbox = Sandbox::run(&cri, config).unwrap();
    cri.image(&pushed).unwrap();
    let runs = fs::read(format!("/proc/{}/exe", sandbox.pid)).unwrap();
    assert!(runs == fs::read(e2e::program("pause")).unwrap(), "of all architectures, this machine's");
    Column::new(Engine::Containerd, &containerd.version).saw(Behaviour::ByDigest);
}
