//! A pod's life as kubelet leads it: <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/>. Restarts come
//! at once, without kubelet's back-off of ten seconds and more, for which tests have no time.

mod debug;
mod follow;
mod health;

use crate::containerd::Containerd;
use crate::cri::Cri;
use crate::facts::Facts;
use crate::manifest::{Container, Manifest, RestartPolicy};
use crate::messages::{ContainerState, ContainerStatus, ExecSyncRequest};
use crate::sandbox::Sandbox;
use crate::token::Tokens;
use crate::volumes::Source;
use crate::{convert, volumes};
use anyhow::{Context, Result, bail, ensure};
use e2e::process::DEADLINE;
use health::Health;
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often an init container is tried before the pod is given up; kubelet goes on for ever.
const TRIES: u32 = 3;

/// A pod on its sandbox; removed, without grace, when dropped.
pub struct Pod<'a> {
    pub sandbox: Sandbox<'a>,
    manifest: Manifest,
    born: Instant,
    facts: Facts,
    tokens: Tokens,
    volumes: BTreeMap<String, Source>,
    /// Sidecars and app containers, in the order of their start
    started: Vec<Started>,
    /// Those of `debug`: name to the runtime's name
    ephemeral: BTreeMap<String, String>,
    home: TempDir,
}

struct Started {
    spec: Container,
    sidecar: bool,
    id: String,
    attempt: u32,
    /// When it took the place of the one before
    restarted: Option<Instant>,
    health: Health,
}

/// How a pod that runs to an end has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Succeeded,
    Failed,
}

impl<'a> Pod<'a> {
    /// Starts all of it: the sandbox, then init containers and sidecars one after another, then all app containers.
    /// Returns when their startup probes have succeeded.
    ///
    /// # Errors
    /// If the manifest cannot be kept, the runtime refuses, or an init container fails. What was started is removed.
    pub fn start(containerd: &Containerd, cri: &'a Cri, manifest: Manifest) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("pause-kit-pod.").tempdir()?;
        // Volumes are for any user, and so is the way to them.
        fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let mut config = containerd.sandbox(&manifest.pod.metadata.name)?;
        let uid = config.metadata.as_ref().map(|metadata| metadata.uid.as_str()).unwrap_or_default();
        let facts = Facts::new(&manifest.pod.metadata, uid);
        let mut tokens = Tokens::default();
        let mut volumes = volumes::make(&manifest, &facts, &mut tokens, home.path())?;
        volumes.extend(volumes::images(&manifest, containerd, cri)?);
        convert::sandbox(&manifest, &mut config);
        let sandbox = Sandbox::run(cri, config)?;
        let mut pod = Self {
            sandbox,
            manifest,
            born: Instant::now(),
            facts,
            tokens,
            volumes,
            started: vec![],
            ephemeral: BTreeMap::new(),
            home,
        };
        if !pod.manifest.pod.spec.host_network {
            pod.facts.ip = Some(pod.ip()?);
            pod.facts.hosts = Some(volumes::hosts(&pod.manifest, &pod.facts, pod.home.path())?);
        }
        for container in pod.manifest.pod.spec.init_containers.clone() {
            let name = container.name.clone();
            if container.is_sidecar() {
                pod.launch(container, true).and_then(|()| pod.until_started(&name))
            } else {
                pod.run_to_completion(&container)
            }
            .with_context(|| format!("init container {name}"))?;
        }
        let apps = pod.manifest.pod.spec.containers.clone();
        for app in apps.clone() {
            pod.launch(app, false)?;
        }
        for app in apps {
            pod.until_started(&app.name).with_context(|| format!("container {}", app.name))?;
        }
        Ok(pod)
    }

    fn create(&self, container: &Container, attempt: u32) -> Result<String> {
        let (facts, volumes) = (&self.facts, &self.volumes);
        let config = convert::container(&self.manifest, container, facts, volumes, attempt, self.sandbox.cri)?;
        let id = self.sandbox.start(config).with_context(|| format!("container {}", container.name))?;
        if let Some(hook) = &container.lifecycle.post_start {
            // What comes next waits for it. kubelet would end a container whose hook fails, and try again.
            let said = self.sandbox.cri.exec(&id, &hook.exec.command);
            said.with_context(|| format!("postStart of {}", container.name))?;
        }
        Ok(id)
    }

    fn launch(&mut self, spec: Container, sidecar: bool) -> Result<()> {
        let id = self.create(&spec, 0)?;
        let health = Health::of(&spec);
        self.started.push(Started { spec, sidecar, id, attempt: 0, restarted: None, health });
        Ok(())
    }

    fn run_to_completion(&mut self, container: &Container) -> Result<()> {
        let mut attempt = 0;
        loop {
            let id = self.create(container, attempt)?;
            let mut end = ContainerStatus::default();
            self.until("its end", Duration::ZERO, |pod| {
                end = pod.sandbox.cri.container_status(&id)?;
                Ok(end.state() == ContainerState::Exited)
            })?;
            attempt += 1;
            if end.exit_code == 0 {
                return Ok(());
            }
            let log = self.log(&container.name)?;
            let lines: Vec<_> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(5)..].join("\n");
            let what = format!("exits with {} {}: {last}", end.exit_code, end.message);
            ensure!(self.manifest.pod.spec.restart_policy != RestartPolicy::Never, "Init:Error: it {what}");
            ensure!(attempt < TRIES, "Init:CrashLoopBackOff: {attempt} times it {what}");
            self.sandbox.remove(&id)?;
        }
    }

    /// Where a volume is on the node, if it is there.
    pub fn volume(&self, name: &str) -> Option<&Path> {
        match self.volumes.get(name)? {
            Source::Path(path) => Some(path),
            Source::Image(_) => None,
        }
    }

    /// # Errors
    /// If the pod has none of its own.
    pub fn ip(&self) -> Result<IpAddr> {
        let status = self.sandbox.cri.sandbox_status(&self.sandbox.id)?;
        Ok(status.network.context("the pod is on the node's network")?.ip.parse()?)
    }

    /// Looks after the pod until `condition` holds.
    ///
    /// # Errors
    /// If it does not in time, or a container cannot be restarted.
    pub fn until(
        &mut self,
        what: &str,
        period: Duration,
        mut condition: impl FnMut(&mut Self) -> Result<bool>,
    ) -> Result<()> {
        let start = Instant::now();
        while !condition(self)? {
            ensure!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
            sleep(period.max(Duration::from_millis(10)));
            self.look_after()?;
        }
        Ok(())
    }

    /// Restarts what has ended or does not live, as the policies say.
    ///
    /// # Errors
    /// If the runtime refuses.
    pub fn look_after(&mut self) -> Result<()> {
        for index in 0..self.started.len() {
            let started = &self.started[index];
            let end = self.sandbox.cri.container_status(&started.id)?;
            if end.state() != ContainerState::Exited {
                self.ask(index)?;
            } else if self.is_restarted(started, end.exit_code) {
                self.restart(&started.spec.name.clone())?;
            }
        }
        Ok(())
    }

    fn is_restarted(&self, started: &Started, code: i32) -> bool {
        match self.manifest.pod.spec.restart_policy {
            _ if started.sidecar => true,
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => code != 0,
            RestartPolicy::Never => false,
        }
    }

    fn restart(&mut self, name: &str) -> Result<()> {
        let old = self.one(name)?;
        self.stop(old, Instant::now() + self.grace())?;
        self.sandbox.remove(&old.id)?;
        let (spec, attempt) = (old.spec.clone(), old.attempt + 1);
        let id = self.create(&spec, attempt)?;
        let started = self.started.iter_mut().find(|started| started.spec.name == name);
        let started = started.context("it was there a moment ago")?;
        (started.id, started.attempt, started.health) = (id, attempt, Health::of(&spec));
        started.restarted = Some(Instant::now());
        Ok(())
    }

    /// Looks after the pod until all app containers have ended for good, then stops the sidecars.
    ///
    /// # Errors
    /// If they do not end in time.
    pub fn until_ended(&mut self) -> Result<Phase> {
        let mut phase = Phase::Succeeded;
        self.until("the end of its containers", Duration::ZERO, |pod| {
            phase = Phase::Succeeded;
            for app in pod.started.iter().filter(|started| !started.sidecar) {
                let end = pod.sandbox.cri.container_status(&app.id)?;
                if end.state() != ContainerState::Exited || pod.is_restarted(app, end.exit_code) {
                    return Ok(false);
                }
                if end.exit_code != 0 {
                    phase = Phase::Failed;
                }
            }
            Ok(true)
        })?;
        self.stop_sidecars(Instant::now() + self.grace())?;
        Ok(phase)
    }

    /// Ends the pod: all app containers at the same time, then the sidecars, last started first, then pause; all within
    /// one grace period.
    ///
    /// # Errors
    /// If the runtime refuses.
    pub fn delete(&self) -> Result<()> {
        let deadline = Instant::now() + self.grace();
        std::thread::scope(|scope| {
            let apps = self.started.iter().filter(|started| !started.sidecar);
            let stops: Vec<_> = apps.map(|app| scope.spawn(move || self.stop(app, deadline))).collect();
            stops.into_iter().try_for_each(|stop| stop.join().unwrap_or_else(|_| bail!("a thread panics")))
        })?;
        self.stop_sidecars(deadline)?;
        self.sandbox.end()
    }

    fn stop_sidecars(&self, deadline: Instant) -> Result<()> {
        self.started.iter().rev().filter(|started| started.sidecar).try_for_each(|sidecar| self.stop(sidecar, deadline))
    }

    /// preStop, then SIGTERM, then SIGKILL at the deadline; two seconds for SIGTERM are left in any case, as
    /// `killContainer` in kubelet's `kuberuntime_container.go` has it, unless the pod has no grace at all.
    fn stop(&self, container: &Started, deadline: Instant) -> Result<()> {
        // Begun seconds count, or a grace period of one second would be none.
        let seconds = || i64::try_from(deadline.saturating_duration_since(Instant::now()).as_millis().div_ceil(1000));
        let status = self.sandbox.cri.container_status(&container.id)?;
        if status.state() != ContainerState::Running {
            return Ok(());
        }
        let grace = seconds()?;
        if let Some(hook) = container.spec.lifecycle.pre_stop.as_ref().filter(|_| grace > 0) {
            let command = hook.exec.command.clone();
            // One that fails, or takes too long, does not keep the container from its end.
            let request = ExecSyncRequest { container: container.id.clone(), command, timeout: grace };
            if let Err(error) = self.sandbox.cri.call(request) {
                eprintln!("preStop of {}: {error:#}", container.spec.name);
            }
        }
        let grace = if self.grace().is_zero() { 0 } else { seconds()?.max(2) };
        self.sandbox.stop(&container.id, grace)
    }

    /// What a command prints in a container.
    ///
    /// # Errors
    /// If it fails.
    pub fn exec(&self, container: &str, command: &[String]) -> Result<String> {
        self.sandbox.cri.exec(&self.id(container)?, command)
    }

    /// The runtime's name for a container.
    ///
    /// # Errors
    /// If there is no such sidecar, app container or one of `debug`.
    pub fn id(&self, container: &str) -> Result<String> {
        match self.ephemeral.get(container) {
            Some(id) => Ok(id.clone()),
            None => Ok(self.one(container)?.id.clone()),
        }
    }

    /// # Errors
    /// If there is no such sidecar or app container.
    pub fn status(&self, container: &str) -> Result<ContainerStatus> {
        self.sandbox.cri.container_status(&self.one(container)?.id)
    }

    /// How often a container was restarted.
    ///
    /// # Errors
    /// If there is no such sidecar or app container.
    pub fn restarts(&self, container: &str) -> Result<u32> {
        Ok(self.one(container)?.attempt)
    }

    fn one(&self, name: &str) -> Result<&Started> {
        let found = self.started.iter().find(|started| started.spec.name == name);
        found.with_context(|| format!("the pod runs no container {name}"))
    }

    fn grace(&self) -> Duration {
        Duration::from_secs(self.manifest.pod.spec.termination_grace_period_seconds.unwrap_or(30).into())
    }

    /// What a container has said since it was last started, an init container or one of `debug` too.
    ///
    /// # Errors
    /// If none of this name was started.
    pub fn log(&self, name: &str) -> Result<String> {
        let mut last = 0;
        while self.log_file(name, last + 1).exists() {
            last += 1;
        }
        self.log_of(name, last)
    }

    /// The same of the one whose place it took.
    ///
    /// # Errors
    /// If it is the first.
    pub fn previous_log(&self, name: &str) -> Result<String> {
        let before = self.one(name)?.attempt.checked_sub(1);
        self.log_of(name, before.with_context(|| format!("container {name} was never restarted"))?)
    }

    fn log_of(&self, name: &str, attempt: u32) -> Result<String> {
        let log = fs::read_to_string(self.log_file(name, attempt));
        let log = log.with_context(|| format!("no container {name} was started"))?;
        // TIME STREAM TAG MESSAGE
        let lines: Vec<_> = log.lines().filter_map(|line| line.splitn(4, ' ').nth(3)).collect();
        Ok(lines.join("\n"))
    }

    fn log_file(&self, name: &str, attempt: u32) -> PathBuf {
        Path::new(&self.sandbox.config.log_directory).join(format!("{name}-{attempt}.log"))
    }
}
