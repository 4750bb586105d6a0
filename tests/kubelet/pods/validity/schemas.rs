//! The schemas of Kubernetes' versions: `kubernetes-validate` of `PyPI`, which has them with it.

use super::Manifest;
use kubelet::manifest::documents;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

pub struct Schemas {
    root: PathBuf,
    /// The minor ones, oldest first
    pub versions: Vec<u32>,
}

impl Schemas {
    /// # Panics
    /// If they are not there.
    pub fn find() -> Self {
        let root = e2e::workspace("target/schemas");
        let directories = fs::read_dir(root.join("kubernetes_validate/kubernetes-json-schema"));
        let directories = directories.unwrap_or_else(|error| panic!("no schemas: run `make schemas`: {error}"));
        let version = |name: &str| name.strip_prefix("v1.")?.strip_suffix(".0-local-strict")?.parse().ok();
        let versions = directories.filter_map(|entry| version(entry.ok()?.file_name().to_str()?));
        let mut versions: Vec<_> = versions.collect();
        versions.sort_unstable();
        // What the project says it is for.
        assert!(versions.contains(&30) && versions.contains(&37), "{versions:?}");
        Self { root, versions }
    }

    /// What is wrong with them, a line for each manifest and version.
    pub fn faults(&self, manifests: &[Manifest]) -> Vec<String> {
        let home = tempfile::tempdir().unwrap();
        // One run for all that are for the same versions.
        let mut runs = BTreeMap::<Option<u32>, (Vec<&str>, usize)>::new();
        for manifest in manifests {
            let file = home.path().join(&manifest.name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &manifest.text).unwrap();
            let (files, count) = runs.entry(manifest.since).or_default();
            files.push(&manifest.name);
            *count += documents(&manifest.text).len();
        }
        let mut faults = vec![];
        for (since, (files, documents)) in runs {
            let versions: Vec<_> = self.versions.iter().filter(|version| Some(**version) >= since).collect();
            if versions.is_empty() {
                faults.push(format!("{files:?}: there are no schemas of {since:?}"));
                continue;
            }
            let mut validate = Command::new(self.root.join("bin/kubernetes-validate"));
            validate.env("PYTHONPATH", &self.root).current_dir(&home).arg("--strict");
            validate.args(versions.iter().map(|version| format!("-k=1.{version}")));
            let output = validate.args(&files).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let (passed, wrong): (Vec<_>, Vec<_>) = said.lines().partition(|line| line.starts_with("INFO "));
            faults.extend(wrong.iter().map(ToString::to_string));
            // What it cannot read it does not count, either.
            if wrong.is_empty() && passed.len() != documents * versions.len() {
                let complaint = String::from_utf8_lossy(&output.stderr);
                faults.push(format!("{files:?}: {} of {documents} documents passed: {complaint}", passed.len()));
            }
        }
        faults
    }
}
