//! A container's probes: <https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/>.

use crate::http;
use crate::manifest::{Exec, HttpGet, Probe, ProbePort};
use crate::messages::ExecSyncRequest;
use crate::pod::Pod;
use anyhow::{Error, Result, bail, ensure};
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
                let port = match port {
                    ProbePort::Number(port) => *port,
                    ProbePort::Name(name) => pod.port(container, name)?,
                };
                let answer = http::get((pod.ip()?, port).into(), path, Duration::from_secs(timeout.into()))?;
                ensure!((200..400).contains(&answer.status), "HTTP status {}", answer.status);
            }
            _ => bail!("a probe of the runner's wants one of exec and httpGet"),
        }
        Ok(())
    }
}

/// What one probe of a running container has said, as `worker.go` of kubelet's prober keeps it.
pub struct Worker {
    pub probe: Probe,
    next: Instant,
    /// The last answer, and how often it came on end
    last: (bool, u32),
    /// What holds: an answer that came often enough
    result: Option<bool>,
    complaint: Option<Error>,
}

impl Worker {
    /// Of a container that starts now.
    pub fn of(probe: &Probe) -> Self {
        let next = Instant::now() + Duration::from_secs(probe.initial_delay_seconds.into());
        Self { probe: probe.clone(), next, last: (false, 0), result: None, complaint: None }
    }

    pub fn is_due(&self) -> bool {
        self.next <= Instant::now()
    }

    /// Notes an answer; returns what holds now.
    pub fn note(&mut self, answer: Result<()>) -> Option<bool> {
        let well = answer.is_ok();
        self.last = (well, if self.last.0 == well { self.last.1 + 1 } else { 1 });
        let wanted =
            if well { self.probe.success_threshold.unwrap_or(1) } else { self.probe.failure_threshold.unwrap_or(3) };
        if self.last.1 >= wanted {
            self.result = Some(well);
        }
        self.complaint = answer.err();
        self.next = Instant::now() + Duration::from_secs(self.probe.period_seconds.unwrap_or(10).into());
        self.result
    }

    pub fn succeeded(&self) -> bool {
        self.result == Some(true)
    }

    /// What the last answer was, if it was none to be content with.
    pub fn complaint(&self) -> String {
        self.complaint.as_ref().map(|error| format!("{error:#}")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Worker;
    use crate::manifest::Probe;
    use anyhow::bail;

    #[test]
    fn an_answer_holds_when_it_came_often_enough() {
        let probe = Probe { success_threshold: Some(2), failure_threshold: Some(3), ..Default::default() };
        let mut worker = Worker::of(&probe);
        let mut note = |well: bool| worker.note(if well { Ok(()) } else { (|| bail!("ill"))() });
        let results: Vec<_> = [true, true, false, false, true, false, false, false, true, true].map(&mut note).into();
        let (well, ill) = (Some(true), Some(false));
        assert_eq!(results, [None, well, well, well, well, well, well, ill, ill, well]);
    }
}
