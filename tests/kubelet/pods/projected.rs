//! The example `projected`: what a pod is told comes in one volume, and is followed.

use crate::Node;
use crate::examples::directory;
use crate::log_sidecar::elasticsearch::{Elasticsearch, PORT, SERVICE};
use e2e::cgroup::oom_kills;
use e2e::elasticsearch::{Document, Server};
use e2e::process::status;
use kubelet::manifest::{HostAlias, Manifest};
use kubelet::pod::Pod;
use kubelet::session::{self, Services};
use serde_json::Value;
use std::fs;
use std::time::Duration;

const SHIPPER: &str = "log-shipper";
const STREAM: &str = "logs-shop-default";

/// The example's, with or without its Secret.
fn manifest(elasticsearch: &Elasticsearch, files: &[&str]) -> Manifest {
    let files = files.iter().map(|file| fs::read_to_string(directory("projected").join(file)).unwrap());
    let port = format!("{SERVICE}:{}", elasticsearch.server.address().port());
    let text = files.collect::<Vec<_>>().join("---\n").replace(&format!("{SERVICE}:{PORT}"), &port);
    let mut manifest = Manifest::parse(&text).unwrap();
    let alias = HostAlias { ip: elasticsearch.ip.to_string(), hostnames: vec![SERVICE.into()] };
    manifest.pod.spec.host_aliases.push(alias);
    manifest
}

/// Takes nothing any more but what shows this.
fn require(server: &Server, authorization: &str) {
    server.with(|state| state.authorization = Some(authorization.into()));
}

/// What was shown, each once, in its order.
fn shown(server: &Server) -> Vec<String> {
    let mut shown: Vec<_> = server.with(|state| {
        let headers = state.requests.iter().filter_map(|request| request.head.header("authorization"));
        headers.map(Into::into).collect()
    });
    shown.dedup();
    shown
}

/// Waits until a document that comes from now on has this.
fn until_stored(pod: &mut Pod, server: &Server, what: &str, has: impl Fn(&Value) -> bool) {
    let known = server.with(|state| state.store.indices.get(STREAM).map_or(0, |index| index.documents.len()));
    pod.until(what, Duration::ZERO, |_| {
        Ok(server.with(|state| {
            let documents = state.store.indices.get(STREAM).map(|index| &index.documents[known..]);
            documents.unwrap_or_default().iter().any(|document| has(&document.value()))
        }))
    })
    .unwrap_or_else(|error| panic!("{error:#}: {}", pod.log(SHIPPER).unwrap()));
}

fn token(pod: &Pod) -> String {
    fs::read_to_string(pod.volume("pod").unwrap().join("token")).unwrap()
}

#[test]
fn the_session() {
    let node = Node::with_image(SHIPPER);
    let elasticsearch = Elasticsearch::start(&node, PORT).unwrap();
    let services = Services { addresses: [(SERVICE.into(), elasticsearch.ip)].into(), dns: None };
    session::play(&node.containerd, &node.cri, &directory("projected"), &services).unwrap();
    let shown = shown(&elasticsearch.server);
    assert_eq!(shown[..2], ["ApiKey Zmlyc3Q6a2V5", "ApiKey c2Vjb25kOmtleQ=="]);
    let tokens = shown[2..].iter().filter(|shown| shown.starts_with("Bearer eyJ")).count();
    assert!(tokens > 1 && tokens == shown.len() - 2, "{shown:?}");
}

/// By the one that has a use for it, and not by a restart.
#[test]
fn each_of_four_changes_is_followed() {
    let node = Node::with_image(SHIPPER);
    let elasticsearch = Elasticsearch::start(&node, 0).unwrap();
    let server = &elasticsearch.server;
    require(server, "ApiKey Zmlyc3Q6a2V5");
    let manifest = manifest(&elasticsearch, &["config.yaml", "secret.yaml", "pod.yaml"]);
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    until_stored(&mut pod, server, "a line", |_| true);

    // The Secret: the old key is good for nothing any more.
    require(server, "ApiKey bmV3");
    let key = |manifest: &mut Manifest| {
        manifest.secrets.get_mut("projected").unwrap().insert("api-key".into(), "bmV3".into());
    };
    pod.edit(key).unwrap();
    until_stored(&mut pod, server, "a line by the new key", |_| true);

    // The Downward API.
    pod.edit(|manifest| {
        manifest.pod.metadata.labels.insert("version".into(), "2".into());
        manifest.pod.metadata.annotations.insert("team".into(), "billing".into());
    })
    .unwrap();
    until_stored(&mut pod, server, "the new label and annotation", |document| {
        let told = &document["kubernetes"];
        told["labels"]["version"] == "2" && told["annotations"]["team"] == "billing"
    });

    // The ConfigMap, which leads to the token.
    let first = token(&pod);
    require(server, &format!("Bearer {first}"));
    pod.edit(|manifest| {
        let config = manifest.config_maps.get_mut("projected").unwrap().get_mut("log-shipper.yaml").unwrap();
        *config = config.replace("api-key: {file: /etc/pod/api-key}", "bearer: {file: /etc/pod/token}");
        *config = config.replace("inputs:\n", "inputs:\n  - {files: [/none], fields: {team: none}}\n");
    })
    .unwrap();
    until_stored(&mut pod, server, "a line by the token", |_| true);

    // The token.
    pod.pass(Duration::from_mins(5)).unwrap();
    assert_eq!(token(&pod), first, "it is good for a while");
    pod.pass(Duration::from_mins(3)).unwrap();
    let second = token(&pod);
    assert_ne!(second, first);
    require(server, &format!("Bearer {second}"));
    until_stored(&mut pod, server, "a line by the new token", |_| true);
    assert_eq!(shown(server).last().unwrap(), &format!("Bearer {second}"));

    for (name, limit) in [(SHIPPER, 10 << 10), ("app", 4 << 10)] {
        let process = node.cri.container_pid(&pod.id(name).unwrap()).unwrap();
        let peak = status(process, "VmHWM").unwrap();
        assert!(peak <= limit, "{name} has at most {limit} kB: {peak}");
        assert_eq!((oom_kills(process).unwrap(), pod.restarts(name).unwrap()), (0, 0), "{name}");
    }
    pod.delete().unwrap();
    assert_eq!(pod.status(SHIPPER).unwrap().exit_code, 0, "{}", pod.log(SHIPPER).unwrap());
    // The app has logged each of them, and all of it is delivered.
    server.with(|state| {
        let messages: Vec<_> = state.store.in_index(STREAM).documents.iter().map(Document::value).collect();
        let changes: Vec<_> = messages
            .iter()
            .filter_map(|document| document["message"].as_str())
            .filter(|message| message.starts_with("changed"))
            .collect();
        let [key, pod, config, token] =
            [&["api-key"][..], &["annotations", "labels"], &["log-shipper.yaml"], &["token"]]
                .map(|files| files.iter().map(|file| format!("changed: {file}")).collect::<Vec<_>>());
        assert_eq!(changes, [key, pod, config, token].concat());
        assert_eq!(state.store.numbers.extra(), 0);
    });
}

/// 65532 reads all of it, and nobody else but root; nothing can be written.
#[test]
fn files_are_for_the_pods_group() {
    use std::os::unix::fs::MetadataExt;
    let node = Node::with_image(SHIPPER);
    let elasticsearch = Elasticsearch::start(&node, 0).unwrap();
    let manifest = manifest(&elasticsearch, &["config.yaml", "secret.yaml", "pod.yaml"]);
    let pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    let volume = pod.volume("pod").unwrap();
    for (file, mode, owner) in
        [("api-key", 0o440, 0), ("log-shipper.yaml", 0o440, 0), ("labels", 0o440, 0), ("token", 0o640, 65532)]
    {
        let file = fs::metadata(volume.join(file)).unwrap();
        assert_eq!((file.mode() & 0o7777, file.uid(), file.gid()), (mode, owner, 65532));
    }
    let app = |words: &[&str]| {
        let words: Vec<_> = std::iter::once(&"/app").chain(words).map(ToString::to_string).collect();
        pod.exec("app", &words)
    };
    assert_eq!(app(&["read", "/etc/pod/api-key"]).unwrap(), "Zmlyc3Q6a2V5");
    let error = format!("{:#}", app(&["note", "/etc/pod/token", "mine"]).unwrap_err());
    assert!(error.contains("Read-only file system"), "{error}");
}

#[test]
fn without_its_group_nobody_reads_them() {
    let node = Node::with_image(SHIPPER);
    let elasticsearch = Elasticsearch::start(&node, 0).unwrap();
    let mut manifest = manifest(&elasticsearch, &["config.yaml", "secret.yaml", "pod.yaml"]);
    let spec = &mut manifest.pod.spec;
    spec.security_context.fs_group = None;
    spec.init_containers.clear();
    spec.containers[0].args = ["wait".into()].into();
    let pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    let read = |file: &str| pod.exec("app", &["/app", "read", &format!("/etc/pod/{file}")].map(Into::into));
    let error = format!("{:#}", read("api-key").unwrap_err());
    assert!(error.contains("Permission denied"), "{error}");
    assert!(read("token").unwrap().starts_with("eyJ"), "it is the user's own");
}
