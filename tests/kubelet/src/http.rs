//! HTTP as kubelet's probes and the API server's proxy ask for it.

use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::time::Duration;
use ureq::Agent;

/// A whole answer: one that breaks off is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Asks once, on a connection of its own; follows no redirect.
///
/// # Errors
/// If no whole answer comes within `timeout`.
pub fn get(address: SocketAddr, path: &str, timeout: Duration) -> Result<Answer> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(timeout))
        .build()
        .into();
    let url = format!("http://{address}/{}", path.trim_start_matches('/'));
    let mut response = agent.get(&url).call().with_context(|| format!("no answer from {url}"))?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().with_context(|| format!("{url} breaks off its answer"))?;
    Ok(Answer { status, body })
}
