use crate::Node;
use kubelet::manifest::Manifest;

const APP: &str = "image: localhost/app:0.1.0, args: [wait]";

fn read(pod: &kubelet::pod::Pod, path: &str) -> anyhow::Result<String> {
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
    let pod = kubelet::pod::Pod::start(&node.containerd, &node.cri, manifest).unwrap();
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
    let pod = kubelet::pod::Pod::start(&node.containerd, &node.cri, manifest).unwrap();
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
