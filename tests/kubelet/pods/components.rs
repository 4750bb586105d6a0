//! The Kustomize components: what they make of somebody's Deployment, and that it runs.

use crate::ambassador::Stock;
use crate::log_sidecar::elasticsearch::{Elasticsearch, PORT, SERVICE};
use crate::{Node, examples, war_tomcat};
use anyhow::Result;
use kubelet::kustomize;
use kubelet::manifest::{HostAlias, Manifest, PodSecurity, documents};
use kubelet::pod::Pod;
use kubelet::session::{self, Services};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Directory, the container that comes from there, and its `ConfigMap`'s name.
const COMPONENTS: [(&str, &str, Option<&str>); 7] = [
    ("log-shipper", "log-shipper", Some("log-shipper")),
    ("log-shipper/classic", "log-shipper", Some("log-shipper")),
    ("ambassador", "ambassador", Some("ambassador")),
    ("ambassador/classic", "ambassador", Some("ambassador")),
    ("adapter", "adapter", Some("adapter")),
    ("adapter/classic", "adapter", Some("adapter")),
    ("war-copy", "war-copy", None),
];

fn directory() -> PathBuf {
    e2e::workspace("examples/kubernetes/components")
}

/// The sample's, before anything was added.
pub fn app() -> String {
    fs::read_to_string(directory().join("sample/deployment.yaml")).unwrap()
}

/// What kustomize makes of `resources`, with the components in these directories of ours, and with what else the
/// kustomization says.
pub fn build(resources: &str, components: &[impl AsRef<Path>], rest: &str) -> Result<String> {
    // A component is found by a path from where it is used.
    let home = tempfile::tempdir_in(e2e::workspace("target"))?;
    let components = components.iter().map(|component| {
        let path = directory().join(component);
        format!("  - ../../{}\n", path.strip_prefix(e2e::workspace("")).expect("one of ours").display())
    });
    let components: String = components.collect();
    let text = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [resources.yaml]\ncomponents:\n{components}{rest}"
    );
    fs::write(home.path().join("kustomization.yaml"), text)?;
    fs::write(home.path().join("resources.yaml"), resources)?;
    fs::copy(directory().join("sample/adapter.yaml"), home.path().join("adapter.yaml"))?;
    kustomize::build(home.path())
}

#[test]
fn each_adds_a_container_and_leaves_the_rest_alone() {
    let app = app().replacen("containers:", "initContainers: [{ name: own, image: any }]\n      containers:", 1);
    let before = Manifest::parse(&app).unwrap().pod.spec;
    for (component, name, config_map) in COMPONENTS {
        let mut manifest = Manifest::parse(&build(&app, &[component], "").unwrap()).unwrap();
        let classic = component.ends_with("classic");
        let mut spec = manifest.pod.spec.clone();
        // The first, so that it serves what comes after it.
        let added = if classic { spec.containers.remove(0) } else { spec.init_containers.remove(0) };
        assert_eq!(added.name, name, "{component}");
        assert_eq!(added.is_sidecar(), !classic && component != "war-copy", "{component}");
        assert!(added.resources.requests.cpu.is_some(), "{component}");
        assert!(added.resources.requests.memory.is_some(), "{component}");
        let memory = [&added.resources.requests.memory, &added.resources.limits.memory];
        assert!(memory.iter().all(|memory| memory.is_some()), "{component}");
        let rest = [&spec.init_containers, &spec.containers].map(|containers| format!("{containers:?}"));
        let own = [&before.init_containers, &before.containers].map(|containers| format!("{containers:?}"));
        assert_eq!(rest, own, "{component}");
        for mount in &added.volume_mounts {
            assert!(spec.volumes.iter().any(|volume| volume.name == mount.name), "{component}: {}", mount.name);
        }
        for volume in &before.volumes {
            assert_eq!(spec.volumes.iter().filter(|other| other.name == volume.name).count(), 1, "{component}");
        }
        let sources = spec.volumes.iter().filter_map(|volume| volume.config_map.as_ref());
        let sources: Vec<_> = sources.map(|source| source.name.as_str()).collect();
        let expected: Vec<_> = manifest.config_maps.keys().map(String::as_str).collect();
        assert_eq!(sources, expected, "{component}: what it mounts is there");
        let hash =
            config_map.map(|name| expected[0].strip_prefix(name).and_then(|rest| rest.strip_prefix('-')).unwrap());
        assert!(hash.is_none_or(|hash| hash.len() == 10), "{component}: {expected:?}");
        // Whatever its pod says.
        (spec.init_containers, spec.containers) = (vec![], vec![added]);
        spec.security_context = PodSecurity::default();
        manifest.pod.spec = spec;
        examples::assert_restricted(component, &manifest);
    }
}

/// By each kind that has a pod, and by the annotation.
#[test]
fn whoever_wants_none_gets_none() {
    let object = |version: &str, kind: &str, name: &str, wants: &str| {
        format!(
            "---\napiVersion: {version}\nkind: {kind}\nmetadata: {{ name: {name}{wants} }}\n\
             spec: {{ template: {{ spec: {{ containers: [{{ name: any, image: any }}] }} }} }}\n"
        )
    };
    for (component, name, _) in COMPONENTS {
        let resources = [
            object("apps/v1", "Deployment", "one", ""),
            object("apps/v1", "Deployment", "two", ", annotations: { other: \"false\" }"),
            object("apps/v1", "StatefulSet", "three", ""),
            object("apps/v1", "DaemonSet", "four", ""),
            object("batch/v1", "Job", "job", ""),
            object("apps/v1", "Deployment", "none", &format!(", annotations: {{ pause-kit/{name}: \"false\" }}")),
            object("apps/v1", "StatefulSet", "neither", &format!(", annotations: {{ pause-kit/{name}: \"false\" }}")),
        ];
        let built = build(&resources.concat(), &[component], "").unwrap();
        let mut with = vec![];
        for document in documents(&built) {
            let object: Value = serde_saphyr::from_str(&document).unwrap();
            let spec = &object["spec"]["template"]["spec"];
            let lists = [&spec["initContainers"], &spec["containers"]].into_iter().filter_map(Value::as_array);
            if lists.flatten().any(|container| container["name"] == name) {
                with.push(object["metadata"]["name"].as_str().unwrap().to_owned());
            }
        }
        with.sort_unstable();
        let native = !component.ends_with("classic") && name != "war-copy";
        let expected: &[_] =
            if native { &["four", "job", "one", "three", "two"] } else { &["four", "one", "three", "two"] };
        assert_eq!(with, expected, "{component}");
    }
}

/// As `examples/kubernetes/components/README.md` says it.
#[test]
fn what_the_readme_shows_does_something() {
    let readme = fs::read_to_string(directory().join("README.md")).unwrap();
    let native = ["log-shipper", "ambassador", "adapter", "war-copy"];
    let plain = build(&app(), &native, "").unwrap();
    let mut built = vec![];
    for block in readme.split("```yaml\n").skip(1).filter_map(|block| block.split_once("```")) {
        if block.0.starts_with("patches:") || block.0.starts_with("images:") {
            built.push(build(&app(), &native, block.0).unwrap());
            assert_ne!(built.last(), Some(&plain), "{}", block.0);
        }
    }
    let [config, images, patch] = built.as_slice() else { panic!("three, not {}", built.len()) };
    assert!(config.contains("shop_queue_messages"));
    let manifest = Manifest::parse(images).unwrap();
    assert_eq!(manifest.pod.spec.init_containers.len(), native.len());
    for container in manifest.pod.spec.init_containers {
        let (name, digest) = container.image.split_once('@').expect(&container.image);
        assert!(name.starts_with("registry.example/") && digest.starts_with("sha256:"), "{}", container.image);
    }
    let containers = Manifest::parse(patch).unwrap().pod.spec.init_containers;
    let one = |name| containers.iter().find(|container| container.name == name).unwrap();
    let (adapter, shipper) = (one("adapter"), one("log-shipper"));
    assert_eq!(one("war-copy").args, ["--explode"]);
    assert_eq!(containers.len(), native.len());
    assert_eq!(adapter.resources.limits.memory.as_deref(), Some("128Mi"));
    let logs = shipper.volume_mounts.iter().find(|mount| mount.mount_path == "/var/log/app").unwrap();
    assert_eq!((logs.name.as_str(), logs.read_only, shipper.volume_mounts.len()), ("webapps", true, 4));
}

/// A name that a kustomization makes longer is followed to where it is used.
#[test]
fn a_prefix_and_a_namespace_do_no_harm() {
    let built = build(&app(), &["log-shipper", "ambassador"], "namePrefix: my-\nnamespace: shop\n").unwrap();
    let manifest = Manifest::parse(&built).unwrap();
    let sources = manifest.pod.spec.volumes.iter().filter_map(|volume| volume.config_map.as_ref());
    for source in sources {
        assert!(source.name.starts_with("my-") && manifest.config_maps.contains_key(&source.name), "{}", source.name);
    }
    assert_eq!(manifest.config_maps.len(), 2);
}

/// What the images of `sample` are made of.
fn node() -> Node {
    let node = Node::with_image("log-shipper");
    Node::with_image("adapter-proxy");
    war_tomcat::images::load_application(&node, 1).unwrap();
    node
}

#[test]
fn the_session() {
    let node = node();
    let (stock, elasticsearch) = (Stock::start(&node).unwrap(), Elasticsearch::start(&node, PORT).unwrap());
    let addresses = [(SERVICE.into(), elasticsearch.ip)].into();
    let services = Services { addresses, dns: Some(stock.dns.into()) };
    session::play(&node.containerd, &node.cri, &directory(), &services).unwrap();
}

/// The same, with the sidecars beside the app: they serve it to its end.
#[test]
fn classic_ones_end_after_the_app() {
    let node = node();
    let (stock, elasticsearch) = (Stock::start(&node).unwrap(), Elasticsearch::start(&node, PORT).unwrap());
    let classic = ["log-shipper/classic", "ambassador/classic", "adapter/classic", "war-copy"];
    let images = "images: [{ name: localhost/war, newName: localhost/sample, newTag: \"1\" }]\n";
    let mut manifest = Manifest::parse(&build(&app(), &classic, images).unwrap()).unwrap();
    manifest.dns = Some(stock.dns.into());
    let spec = &mut manifest.pod.spec;
    spec.host_aliases.push(HostAlias { ip: elasticsearch.ip.to_string(), hostnames: vec![SERVICE.into()] });
    // The archive is as it was.
    let web = spec.containers.iter_mut().find(|container| container.name == "web").unwrap();
    web.readiness_probe = None;
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    pod.until_ready().unwrap();
    assert!(pod.volume("webapps").unwrap().join("sample.war").exists());
    let answered = |pod: &mut Pod| Ok(pod.log("client")?.lines().any(|line| line == "stock-3"));
    pod.until("the client is answered", Duration::ZERO, answered).unwrap();
    let page = pod.exec("orders", &["/app", "get", "9631", "metrics"].map(Into::into)).unwrap();
    assert!(page.contains("adapter_up{target=\"app\"} 1") && page.contains("app_up 1"), "{page}");
    pod.delete().unwrap();
    let log = pod.log("client").unwrap();
    assert!(log.lines().last().is_some_and(|last| last.ends_with(" times, 0 failed")), "{log}");
    elasticsearch.server.with(|state| assert_eq!(state.store.stored(), 2, "worker runs, worker ends"));
    let ended = |name: &str| pod.status(name).unwrap();
    for sidecar in ["log-shipper", "ambassador", "adapter"] {
        assert_eq!(ended(sidecar).exit_code, 0, "{sidecar}: {}", pod.log(sidecar).unwrap());
        assert_eq!(pod.restarts(sidecar).unwrap(), 0, "{sidecar}");
    }
    assert!(ended("worker").finished_at <= ended("log-shipper").finished_at);
    assert!(ended("client").finished_at <= ended("ambassador").finished_at);
}
