use crate::Node;
use e2e::follow;
use kubelet::manifest::{Files, Manifest};
use kubelet::pod::Pod;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

const APP: &str = "image: localhost/app:0.1.0, args: [wait]";

fn read(pod: &Pod, path: &str) -> anyhow::Result<String> {
    pod.exec("app", &["/app", "read", path].map(Into::into))
}

#[test]
fn config_maps_secrets_and_both_projected() {
    let node = Node::get();
    let manifest = format!(
        "apiVersion: v1
kind: ConfigMap
metadata: {{ name: settings }}
data: {{ a.yaml: 'a: 1', b.yaml: 'b: 2' }}
---
apiVersion: v1
kind: Secret
metadata: {{ name: key }}
stringData: {{ token: secret }}
---
apiVersion: v1
kind: Pod
metadata: {{ name: volumes }}
spec:
  containers:
    - {{ name: app, {APP}, volumeMounts: [{{ name: all, mountPath: /all }}, {{ name: map, mountPath: /map }}] }}
  volumes:
    - name: map
      configMap: {{ name: settings }}
    - name: all
      projected:
        sources:
          - configMap: {{ name: settings, items: [{{ key: a.yaml, path: deep/a.yaml }}] }}
          - secret: {{ name: key }}
"
    );
    let manifest = Manifest::parse(&manifest).unwrap();
    let pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    for (path, content) in [
        ("/map/a.yaml", "a: 1"),
        ("/map/..data/b.yaml", "b: 2"),
        ("/all/deep/a.yaml", "a: 1"),
        ("/all/token", "secret"),
    ] {
        assert_eq!(read(&pod, path).unwrap(), content);
    }
    assert!(read(&pod, "/all/b.yaml").is_err(), "only the items are there");
}

/// By files; the example `log-sidecar` has what variables tell.
#[test]
fn what_a_pod_is_told_about_itself() {
    let node = Node::get();
    let manifest = format!(
        "apiVersion: v1
kind: Pod
metadata: {{ name: told, labels: {{ tier: web, app: shop }}, annotations: {{ note: 'say \"hello\"' }} }}
spec:
  hostAliases: [{{ ip: 192.0.2.1, hostnames: [one, two] }}]
  containers: [{{ name: app, {APP}, volumeMounts: [{{ name: info, mountPath: /info }}] }}]
  volumes:
    - name: info
      downwardAPI:
        items:
          - {{ path: name, fieldRef: {{ fieldPath: metadata.name }} }}
          - {{ path: labels, fieldRef: {{ fieldPath: metadata.labels }} }}
          - {{ path: deep/annotations, fieldRef: {{ fieldPath: metadata.annotations }} }}
"
    );
    let manifest = Manifest::parse(&manifest).unwrap();
    let pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    for (path, content) in [
        ("/info/name", "told"),
        ("/info/labels", "app=\"shop\"\ntier=\"web\""),
        ("/info/deep/annotations", r#"note="say \"hello\"""#),
    ] {
        assert_eq!(read(&pod, path).unwrap(), content);
    }
    let hosts = read(&pod, "/etc/hosts").unwrap();
    assert!(
        hosts.contains("192.0.2.1\tone\ttwo") && hosts.contains(&format!("{}\ttold", pod.ip().unwrap())),
        "{hosts}"
    );
}

/// `fsGroup` lets a user of any number write, and read-only is read-only.
#[test]
fn an_empty_dir_is_for_all_containers() {
    let node = Node::get();
    let mounts = |read_only| format!("volumeMounts: [{{ name: data, mountPath: /data, readOnly: {read_only} }}]");
    let spec = format!(
        "  securityContext: {{ runAsUser: 4711, runAsGroup: 4711, fsGroup: 4712 }}
  volumes: [{{ name: data, emptyDir: {{}} }}]
  containers:
    - {{ name: writer, {APP}, {} }}
    - {{ name: app, {APP}, {} }}
",
        mounts(false),
        mounts(true)
    );
    let pod = node.start(&spec).unwrap();
    let write = ["/app", "note", "/data/file", "text"].map(Into::into);
    pod.exec("writer", &write).unwrap();
    assert_eq!(read(&pod, "/data/file").unwrap(), "text");
    let error = format!("{:#}", pod.exec("app", &write).unwrap_err());
    assert!(error.contains("Read-only file system"), "{error}");
}

/// A pod with a volume of these sources at `/all`, and others of the cluster's objects.
fn projected(sources: &str, objects: &str) -> String {
    format!(
        "{objects}---
apiVersion: v1
kind: Pod
metadata: {{ name: projected, labels: {{ set: '0' }} }}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{{ name: app, {APP}, volumeMounts: [{{ name: all, mountPath: /all }}] }}]
  volumes:
    - name: all
      projected: {{ sources: [{sources}] }}
"
    )
}

const OBJECTS: &str = "apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { config: '0' }
---
apiVersion: v1
kind: Secret
metadata: { name: key }
stringData: { secret: '0', more: '0' }
";

/// All sources of a volume change together, and who reads what `..data` leads to has all of one set.
#[test]
fn a_projected_volume_changes_at_once() {
    let node = Node::get();
    let sources = "configMap: { name: settings } }, { secret: { name: key } }, \
                   { downwardAPI: { items: [{ path: labels, fieldRef: { fieldPath: metadata.labels } }] }";
    let manifest = Manifest::parse(&projected(&format!("{{ {sources} }}"), OBJECTS)).unwrap();
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    let (volume, ended) = (pod.volume("all").unwrap().to_path_buf(), AtomicBool::new(false));
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !ended.load(Ordering::Relaxed) {
                let set = follow::set(&volume).unwrap();
                let texts: BTreeSet<_> = set.values().map(|text| String::from_utf8_lossy(text)).collect();
                let numbers: BTreeSet<_> = texts.iter().map(|text| text.replace("set=", "").replace('"', "")).collect();
                assert_eq!((set.len(), numbers.len()), (4, 1), "of one set: {texts:?}");
                seen.extend(numbers);
            }
            seen
        });
        for number in 1..=300 {
            let text = number.to_string();
            let changed = pod.edit(|manifest| {
                let files = |names: &[&str]| names.iter().map(|name| ((*name).into(), text.clone())).collect::<Files>();
                manifest.config_maps.insert("settings".into(), files(&["config"]));
                manifest.secrets.insert("key".into(), files(&["secret", "more"]));
                manifest.pod.metadata.labels.insert("set".into(), text.clone());
            });
            changed.unwrap();
            if reader.is_finished() {
                break;
            }
        }
        ended.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(seen.len() > 10, "it was looked at while it changed: {seen:?}");
    assert_eq!(read(&pod, "/all/secret").unwrap(), "300", "the container sees the last");
    let error = format!("{:#}", pod.exec("app", &["/app", "note", "/all/secret", "mine"].map(Into::into)).unwrap_err());
    assert!(error.contains("Read-only file system"), "whatever the mount says: {error}");
}

/// An optional source comes when it is there, and goes when it is not; others must be there.
#[test]
fn optional_sources_may_be_missing() {
    let node = Node::get();
    let sources = |optional: bool| {
        format!(
            "{{ configMap: {{ name: settings }} }}, {{ secret: {{ name: none, optional: {optional} }} }}, \
             {{ secret: {{ name: key, optional: {optional}, items: [{{ key: none, path: deep/none }}] }} }}"
        )
    };
    let error = |sources: &str| {
        let manifest = Manifest::parse(&projected(sources, OBJECTS)).unwrap();
        format!("{:#}", Pod::start(&node.containerd, &node.cri, manifest).err().unwrap())
    };
    assert!(error(&sources(false)).contains("no Secret none"));
    assert!(error("{ secret: { name: key, items: [{ key: none, path: none }] } }").contains("no key none"));
    let manifest = Manifest::parse(&projected(&sources(true), OBJECTS)).unwrap();
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    assert!(read(&pod, "/all/late").is_err() && read(&pod, "/all/deep/none").is_err());
    pod.edit(|manifest| {
        manifest.secrets.insert("none".into(), Files::from([("late".into(), "there".into())]));
        manifest.secrets.insert("key".into(), Files::from([("none".into(), "there".into())]));
    })
    .unwrap();
    assert_eq!([read(&pod, "/all/late").unwrap(), read(&pod, "/all/deep/none").unwrap()], ["there", "there"]);
    pod.edit(|manifest| drop(manifest.secrets.remove("none"))).unwrap();
    assert!(!pod.volume("all").unwrap().join("late").is_symlink(), "its name is gone, too");
    assert_eq!(read(&pod, "/all/config").unwrap(), "0");
}

#[test]
fn a_token_says_whom_it_is_for() {
    let node = Node::get();
    let source = "{ serviceAccountToken: { path: token, audience: vault, expirationSeconds: 600 } }";
    let manifest = Manifest::parse(&projected(source, OBJECTS)).unwrap();
    let pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    let claims = kubelet::token::read(&read(&pod, "/all/token").unwrap()).unwrap();
    assert_eq!((&claims["aud"][0], &claims["sub"]), (&"vault".into(), &"system:serviceaccount:default:default".into()));
    assert_eq!(claims["kubernetes.io"]["pod"]["name"], "projected");
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 600);
    let wrong = Manifest::parse(&projected(&source.replace("600", "599"), OBJECTS)).unwrap();
    let error = format!("{:#}", Pod::start(&node.containerd, &node.cri, wrong).err().unwrap());
    assert!(error.contains("10 minutes at least"), "{error}");
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let node = Node::get();
    for (spec, expected) in [
        ("  nodeName: here\n".into(), "unknown field `nodeName`"),
        ("  containers: [{ name: app, image: none, args: [$(NAME)] }]\n".into(), "expands no $(VARIABLE)"),
        (
            format!(
                "  containers: [{{ name: app, {APP}, \
                 env: [{{ name: A, valueFrom: {{ fieldRef: {{ fieldPath: status.none }} }} }}] }}]\n"
            ),
            "knows no field `status.none`",
        ),
        (
            format!("  volumes: [{{ name: data }}]\n  containers: [{{ name: app, {APP} }}]\n"),
            "volume data: it wants one",
        ),
        (
            format!("  containers: [{{ name: app, {APP}, securityContext: {{ runAsNonRoot: true }} }}]\n"),
            "would run as root",
        ),
    ] {
        let error = format!("{:#}", node.start(&spec).err().unwrap());
        assert!(error.contains(expected), "no `{expected}` in: {error}");
    }
}
