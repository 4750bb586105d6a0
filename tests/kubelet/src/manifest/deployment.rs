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
