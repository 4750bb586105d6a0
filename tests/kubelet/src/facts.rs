//! What a pod is told about itself: <https://kubernetes.io/docs/concepts/workloads/pods/downward-api/>.

use crate::manifest::Metadata;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// The node's name.
pub const NODE: &str = "node";

/// What is known of a pod.
pub struct Facts {
    pub metadata: Metadata,
    uid: String,
    /// The pod's own; none on the node's network, and before it has a network
    pub ip: Option<IpAddr>,
    /// Its containers' `/etc/hosts` on the node; the runtime's, if there is none
    pub hosts: Option<PathBuf>,
}

impl Facts {
    pub fn new(metadata: &Metadata, uid: &str) -> Self {
        Self { metadata: metadata.clone(), uid: uid.into(), ip: None, hosts: None }
    }

    /// The value of a variable that takes it from this field.
    ///
    /// # Errors
    /// If there is no such field, or not for variables.
    pub fn variable(&self, field: &str) -> Result<String> {
        match field {
            "spec.nodeName" => Ok(NODE.into()),
            "status.podIP" => Ok(self.ip.context("the pod has no IP of its own")?.to_string()),
            _ => self.common(field),
        }
    }

    /// The content of a file that takes it from this field.
    ///
    /// # Errors
    /// If there is no such field, or not for files.
    pub fn file(&self, field: &str) -> Result<String> {
        match field {
            "metadata.labels" => Ok(lines(&self.metadata.labels)),
            "metadata.annotations" => Ok(lines(&self.metadata.annotations)),
            _ => self.common(field),
        }
    }

    fn common(&self, field: &str) -> Result<String> {
        Ok(match field {
            "metadata.name" => self.metadata.name.clone(),
            "metadata.namespace" => self.metadata.namespace.clone().unwrap_or_else(|| "default".into()),
            "metadata.uid" => self.uid.clone(),
            _ => bail!("the runner knows no field `{field}`, or not here"),
        })
    }
}

/// As `FormatMap` in kubelet's `fieldpath.go`, for values that Go and Rust quote alike.
fn lines(map: &BTreeMap<String, String>) -> String {
    map.iter().map(|(key, value)| format!("{key}={value:?}")).collect::<Vec<_>>().join("\n")
}
