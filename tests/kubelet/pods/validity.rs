//! Whatever is below `examples/` and is a manifest is one that Kubernetes takes, in each version that it says it is
//! for; and so is what kustomize makes of what is there. Nothing needs to be listed.
//!
//! A manifest says in a comment from which version on it is for: `from Kubernetes 1.29 on`, where the first number
//! counts. One that says nothing is for any version that there are schemas of. What a kustomization makes is for the
//! versions that the kustomization says.

mod schemas;

use crate::components;
use kubelet::kustomize;
use kubelet::manifest::documents;
use schemas::Schemas;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What is to be valid.
struct Manifest {
    /// Its file, from `examples/`; or what it was made of
    name: String,
    /// 29 is Kubernetes 1.29
    since: Option<u32>,
    text: String,
}

#[test]
fn all_manifests_are_what_kubernetes_takes() {
    let manifests = manifests();
    for name in ["kubernetes/two-containers/pod.yaml", "kubernetes/components/sample/kustomization.yaml"] {
        assert!(manifests.iter().any(|manifest| manifest.name == name), "{name} was looked at");
    }
    let faults = Schemas::find().faults(&manifests);
    assert!(
        faults.is_empty(),
        "{}\nhint: one that needs a newer version says `from Kubernetes 1.N on`",
        faults.join("\n")
    );
}

#[test]
fn a_fault_is_found() {
    let pod = |comment: &str, more: &str| {
        let text = format!(
            "{comment}apiVersion: v1\nkind: Pod\nmetadata: {{ name: any }}\nspec:\n  containers: [{{ name: any{more} }}]\n"
        );
        Manifest { name: "it.yaml".into(), since: since(&text), text }
    };
    let schemas = Schemas::find();
    let faults = |manifest: Manifest| schemas.faults(&[manifest]);
    assert_eq!(faults(pod("", ", image: any")), Vec::<String>::new());
    let unknown = faults(pod("", ", imagePulPolicy: Never"));
    assert_eq!(unknown.len(), schemas.versions.len(), "in each version: {unknown:?}");
    assert!(unknown.iter().all(|fault| fault.contains("it.yaml") && fault.contains("imagePulPolicy")), "{unknown:?}");
    let native = " }]\n  initContainers: [{ name: other, restartPolicy: Always";
    assert!(!faults(pod("", native)).is_empty(), "it does not say that it is not for any version");
    assert_eq!(faults(pod("# A pod, from Kubernetes\n# 1.29 on.\n", native)), Vec::<String>::new());
    assert_eq!(faults(pod("# From Kubernetes 1.99 on.\n", "")).len(), 1, "there is no such version");
    let kind = "apiVersion: v1\nkind: Pood\nmetadata: { name: any }\n";
    assert!(!faults(Manifest { name: "it.yaml".into(), since: None, text: kind.into() }).is_empty());
}

#[test]
fn what_is_no_manifest_has_neither_version_nor_kind() {
    assert!(is_manifest("it", "apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n"));
    assert!(!is_manifest("it", "volumeMounts: []\n") && !is_manifest("it", "# nothing\n"));
    for half in ["kind: Pod\n", "apiVersion: v1\n", "apiVersion: v1\nkind: Pod\n---\nkind: Pod\n"] {
        assert!(std::panic::catch_unwind(|| is_manifest("it", half)).is_err(), "{half}");
    }
}

/// All that there are.
fn manifests() -> Vec<Manifest> {
    let root = e2e::workspace("examples");
    let mut files = vec![];
    walk(&root, &mut files);
    let read = |file: &Path| fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let is_kustomization = |file: &Path| file.file_stem().is_some_and(|stem| stem == "kustomization");
    // Parts of manifests, which kustomize puts into others.
    let kustomizations = files.iter().filter(|file| is_kustomization(file));
    let parts: BTreeSet<_> = kustomizations.flat_map(|file| patches(file, &read(file))).collect();
    let mut manifests = vec![];
    for file in files.iter().filter(|file| !parts.contains(*file)) {
        let (name, mut text) = (file.strip_prefix(&root).unwrap().display().to_string(), read(file));
        let since = since(&text);
        if is_kustomization(file) {
            text = built(file, &text);
        } else if !is_manifest(&name, &text) {
            continue;
        }
        manifests.push(Manifest { name, since, text });
    }
    manifests
}

/// Every file of YAML below `directory`.
fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
    files.sort_unstable();
}

/// The first version that it is for, as its comments say it, on one line or two.
fn since(text: &str) -> Option<u32> {
    let comments = text.lines().filter_map(|line| line.trim_start().strip_prefix('#')).map(str::trim);
    let comments = comments.collect::<Vec<_>>().join(" ");
    let (_, version) = comments.split_once("Kubernetes 1.")?;
    let end = version.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(version.len());
    version[..end].parse().ok()
}

/// # Panics
/// If it has a version and no kind, or a kind and no version, or has both in some of its documents alone.
fn is_manifest(name: &str, text: &str) -> bool {
    let documents = documents(text).into_iter().map(|document| {
        let document: Value = serde_saphyr::from_str(&document).unwrap_or_else(|error| panic!("{name}: {error}"));
        ["apiVersion", "kind"].map(|key| document.get(key).is_some())
    });
    let documents: BTreeSet<_> = documents.flatten().collect();
    assert!(documents.len() <= 1, "{name}: a manifest has apiVersion and kind in each document");
    documents.contains(&true)
}

/// The files that a kustomization puts on top of others.
fn patches(file: &Path, text: &str) -> Vec<PathBuf> {
    let kustomization: Value =
        serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let patches = kustomization["patches"].as_array().into_iter().flatten();
    patches.filter_map(|patch| Some(file.with_file_name(patch["path"].as_str()?))).collect()
}

/// What a kustomization makes; of a component, what it makes of the sample.
fn built(file: &Path, text: &str) -> String {
    let kustomization: Value = serde_saphyr::from_str(text).unwrap();
    let directory = file.parent().unwrap();
    let built = if kustomization["kind"] == "Component" {
        components::build(&components::app(), &[directory], "")
    } else {
        kustomize::build(directory)
    };
    built.unwrap_or_else(|error| panic!("{}: {error:#}", file.display()))
}
