//! Deployments: <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/>.

use super::{Metadata, Pod, RestartPolicy, Template};
use anyhow::{Result, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployment {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    pub metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    replicas: Option<u32>,
    selector: Selector,
    template: Template,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selector {
    match_labels: BTreeMap<String, String>,
}

impl Deployment {
    /// The one pod that is made for it; the API server and a `ReplicaSet` would choose the end of its name.
    ///
    /// # Errors
    /// If there are to be more, or it would not know its pod.
    pub fn pod(self) -> Result<Pod> {
        let Self { metadata: Metadata { name, .. }, spec, .. } = self;
        let Template { mut metadata, spec: pod } = spec.template;
        ensure!(spec.replicas.is_none_or(|replicas| replicas == 1), "{name}: the runner runs one pod");
        ensure!(pod.restart_policy == RestartPolicy::Always, "{name}: a Deployment's pods are always restarted");
        let labels = &metadata.labels;
        let selected = spec.selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value));
        ensure!(selected, "{name}: its selector does not match its pods' labels");
        metadata.name = format!("{name}-6d4cf56db6-7c4zk");
        Ok(Pod { api_version: "v1".into(), kind: "Pod".into(), metadata, spec: pod })
    }
}

#[cfg(test)]
mod tests {
    use crate::manifest::{Manifest, Object};

    fn parse(replicas: u32, label: &str) -> anyhow::Result<Manifest> {
        Manifest::parse(&format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: shop }}\nspec:\n  replicas: {replicas}\n  \
             selector: {{ matchLabels: {{ app: shop }} }}\n  template:\n    metadata: {{ labels: {{ app: {label} }} }}\n    \
             spec: {{ containers: [{{ name: app, image: any }}] }}\n"
        ))
    }

    #[test]
    fn a_deployment_has_a_pod() {
        let manifest = parse(1, "shop").unwrap();
        assert!(manifest.pod.metadata.name.starts_with("shop-"));
        assert_eq!(manifest.pod.spec.containers[0].name, "app");
        assert_eq!(manifest.objects, [Object { resource: "deployment.apps", name: "shop".into() }]);
    }

    #[test]
    fn what_the_runner_cannot_keep_is_refused() {
        for (manifest, expected) in [(parse(2, "shop"), "one pod"), (parse(1, "other"), "does not match")] {
            let error = format!("{:#}", manifest.err().unwrap());
            assert!(error.contains(expected), "no `{expected}` in: {error}");
        }
    }
}
