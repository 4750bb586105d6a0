//! What a container is asked, and what is run in it beside its program.

use serde::Deserialize;

objects! {
    Lifecycle {
        post_start: Option<Handler>,
        pre_stop: Option<Handler>,
    }
    Handler {
        exec: Exec,
    }
    Exec {
        command: Vec<String>,
    }
    HttpGet {
        path: String,
        port: ProbePort,
    }
    /// One of `exec` and `httpGet` is there.
    Probe {
        exec: Option<Exec>,
        http_get: Option<HttpGet>,
        initial_delay_seconds: u32,
        period_seconds: Option<u32>,
        timeout_seconds: Option<u32>,
        success_threshold: Option<u32>,
        failure_threshold: Option<u32>,
        /// In place of the pod's, when this one ends its container
        termination_grace_period_seconds: Option<u32>,
    }
}

/// Of the container's `ports`, if it has a name.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum ProbePort {
    Number(u16),
    Name(String),
}

impl Default for ProbePort {
    fn default() -> Self {
        Self::Number(0)
    }
}
