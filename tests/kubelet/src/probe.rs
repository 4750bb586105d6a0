//! A container's probes: <https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/>.

use crate::http;
use crate::manifest::{Container, Exec, HttpGet, Probe};
use crate::messages::ExecSyncRequest;
use crate::pod::Pod;
use anyhow::{Result, bail, ensure};
use std::time::{Duration, Instant};

impl Probe {
    /// Asks a container of the pod's, once.
    ///
    /// # Errors
    /// If it does not say in time that all is well.
    pub fn ask(&self, pod: &Pod, container: &str) -> Result<()> {
        let timeout = self.timeout_seconds.unwrap_or(1);
        match (&self.exec, &self.http_get) {
            (Some(Exec { command }), None) => {
                let container = pod.id(container)?;
                let request = ExecSyncRequest { container, command: command.clone(), timeout: timeout.into() };
                let end = pod.sandbox.cri.call(request)?;
                ensure!(end.exit_code == 0, "exit code {}: {}", end.exit_code, String::from_utf8_lossy(&end.stderr));
            }
            (None, Some(HttpGet { path, port })) => {
                let answer = http::get((pod.ip()?, *port).into(), path, Duration::from_secs(timeout.into()))?;
                ensure!((200..400).contains(&answer.status), "HTTP status {}", answer.status);
            }
            _ => bail!("a probe of the runner's wants one of exec and httpGet"),
        }
        Ok(())
    }

    pub fn delay(&self) -> Duration {
        Duration::from_secs(self.initial_delay_seconds.into())
    }

    pub fn period(&self) -> Duration {
        Duration::from_secs(self.period_seconds.unwrap_or(10).into())
    }
}

/// What the last liveness probes said.
pub struct Liveness {
    pub next: Instant,
    pub failures: u32,
}

impl Liveness {
    pub fn of(container: &Container) -> Self {
        let delay = container.liveness_probe.as_ref().map(Probe::delay).unwrap_or_default();
        Self { next: Instant::now() + delay, failures: 0 }
    }
}
