//! What a pod's probes have said, and what becomes of it:
//! <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-probes>.

use super::Pod;
use crate::manifest::Container;
use crate::messages::ContainerState;
use crate::probe::Worker;
use anyhow::{Context, Result};
use std::time::{Duration, Instant};

/// What `kubectl get` tells of a pod.
pub struct Summary {
    pub name: String,
    pub ready: usize,
    /// Sidecars and app containers
    pub containers: usize,
    pub restarts: u32,
    /// How long ago that was
    pub last_restart: Option<Duration>,
    /// Since its sandbox was started
    pub age: Duration,
}

/// A container's probes, from its start on.
pub struct Health {
    startup: Option<Worker>,
    liveness: Option<Worker>,
    readiness: Option<Worker>,
}

impl Health {
    pub fn of(container: &Container) -> Self {
        let [startup, liveness, readiness] =
            [&container.startup_probe, &container.liveness_probe, &container.readiness_probe]
                .map(|probe| probe.as_ref().map(Worker::of));
        Self { startup, liveness, readiness }
    }

    fn is_started(&self) -> bool {
        self.startup.as_ref().is_none_or(Worker::succeeded)
    }

    fn is_ready(&self) -> bool {
        self.is_started() && self.readiness.as_ref().is_none_or(Worker::succeeded)
    }

    /// What is asked of it now: the others wait for the startup probe, which has done its part then.
    fn workers(&mut self) -> [Option<&mut Worker>; 2] {
        if self.is_started() {
            [self.liveness.as_mut(), self.readiness.as_mut()]
        } else {
            [self.startup.as_mut(), None]
        }
    }
}

impl Pod<'_> {
    /// Asks a running container what is due, and ends it if it does not start or does not live.
    pub(super) fn ask(&mut self, index: usize) -> Result<()> {
        for which in 0..2 {
            let started = &mut self.started[index];
            let worker = started.health.workers().into_iter().nth(which).flatten();
            let Some(worker) = worker.filter(|worker| worker.is_due()) else { continue };
            let (probe, name) = (worker.probe.clone(), started.spec.name.clone());
            let answer = probe.ask(self, &name);
            let health = &mut self.started[index].health;
            let worker = health.workers().into_iter().nth(which).flatten().context("it was there a moment ago")?;
            let result = worker.note(answer);
            // Not to be ready ends nobody.
            if result == Some(false) && which == 0 {
                let started = &self.started[index];
                let grace = probe.termination_grace_period_seconds.map(|seconds| Duration::from_secs(seconds.into()));
                self.stop(started, Instant::now() + grace.unwrap_or(self.grace()))?;
                if self.is_restarted(started, 1) {
                    self.restart(&name)?;
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// Waits for the startup probe.
    pub(super) fn until_started(&mut self, name: &str) -> Result<()> {
        let started = self.until("its startup probe", Duration::ZERO, |pod| Ok(pod.one(name)?.health.is_started()));
        let complaint = self.one(name)?.health.startup.as_ref().map(Worker::complaint).unwrap_or_default();
        started.with_context(|| format!("it does not start; its probe says: {complaint}"))
    }

    /// Waits until every container is ready.
    ///
    /// # Errors
    /// If that does not come in time.
    pub fn until_ready(&mut self) -> Result<()> {
        self.until("all of it is ready", Duration::ZERO, |pod| Ok(pod.ready()? == pod.started.len())).with_context(
            || {
                let complaints = self.started.iter().filter_map(|started| {
                    Some(format!("; {}: {}", started.spec.name, started.health.readiness.as_ref()?.complaint()))
                });
                format!("the pod is not ready{}", complaints.collect::<String>())
            },
        )
    }

    /// Waits until one is not.
    ///
    /// # Errors
    /// If that does not come in time.
    pub fn until_not_ready(&mut self) -> Result<()> {
        self.until("one of it is not ready", Duration::ZERO, |pod| Ok(pod.ready()? < pod.started.len()))
    }

    /// How many sidecars and app containers are ready.
    ///
    /// # Errors
    /// If the runtime refuses.
    pub fn ready(&self) -> Result<usize> {
        let mut ready = 0;
        for started in &self.started {
            let running = self.sandbox.cri.container_status(&started.id)?.state() == ContainerState::Running;
            ready += usize::from(running && started.health.is_ready());
        }
        Ok(ready)
    }

    /// # Errors
    /// If the runtime refuses.
    pub fn summary(&self) -> Result<Summary> {
        Ok(Summary {
            name: self.manifest.pod.metadata.name.clone(),
            ready: self.ready()?,
            containers: self.started.len(),
            restarts: self.started.iter().map(|started| started.attempt).sum(),
            last_restart: self.started.iter().filter_map(|started| started.restarted).map(|at| at.elapsed()).min(),
            age: self.born.elapsed(),
        })
    }

    /// The port that a container calls so.
    ///
    /// # Errors
    /// If it calls none so.
    pub fn port(&self, container: &str, name: &str) -> Result<u16> {
        let ports = &self.one(container)?.spec.ports;
        let port =
            ports.iter().find(|port| port.name == name).with_context(|| format!("{container} has no port {name}"))?;
        Ok(port.container_port)
    }
}
