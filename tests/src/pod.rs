//! A pod built by hand, with what a runtime does for it: pause first, then each container in pause's namespaces, with
//! a volume they share.

use crate::engine::Engine;
use crate::process;
use crate::view::View;
use anyhow::{Context, Result, ensure};
use nix::unistd::Pid;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Where every container finds the volume.
pub const VOLUME: &str = "/data";

/// A running pod; removed with all that belongs to it when dropped.
pub struct Pod<'a> {
    engine: &'a Engine,
    image: String,
    /// Of the pod, and of everything in it by prefix
    name: String,
    /// pause first
    containers: Vec<String>,
    /// What makes a container one of the pod's
    join: Vec<String>,
    /// Undoes what made the pod, once its containers are gone
    undo: Box<dyn Fn() + 'a>,
}

/// A name that no other pod has.
pub fn name() -> String {
    static PODS: AtomicU32 = AtomicU32::new(0);
    format!("pod-{}-{}", std::process::id(), PODS.fetch_add(1, Ordering::Relaxed))
}

impl<'a> Pod<'a> {
    /// Starts pause and has containers join its namespaces one by one; they will run `image`.
    ///
    /// # Errors
    /// If the engine does not.
    pub fn start(engine: &'a Engine, pause: &str, image: &str) -> Result<Self> {
        let name = name();
        let infra = format!("{name}-pause");
        let join = ["net", "ipc", "pid"].map(|kind| format!("--{kind}=container:{infra}")).into();
        let volume = format!("{name}-data");
        // What `Drop` removes is named before it is made.
        let pod = Self {
            engine,
            image: image.into(),
            containers: vec![infra.clone()],
            join,
            undo: Box::new(move || drop(engine.run(&["volume", "rm", "--force", &volume]))),
            name,
        };
        engine.run(&["volume", "create", &pod.volume()])?;
        engine.run(&["run", "--detach", "--name", &infra, "--ipc=shareable", "--read-only", pause])?;
        Ok(pod)
    }

    /// A pod that something else starts, with the containers `name-pause` and `name-CONTAINER` and the volume
    /// `name-data`. `join` makes a container one of its own; `undo` removes what is left when its containers are gone.
    pub fn adopt(engine: &'a Engine, name: &str, image: &str, join: &[&str], undo: impl Fn() + 'a) -> Self {
        Self {
            engine,
            image: image.into(),
            containers: ["pause", "server", "writer"].map(|container| format!("{name}-{container}")).into(),
            join: join.iter().map(ToString::to_string).collect(),
            undo: Box::new(undo),
            name: name.into(),
        }
    }

    /// Starts a container in the pod, in the role the arguments give it.
    ///
    /// # Errors
    /// If the engine does not.
    pub fn add(&mut self, container: &str, role: &[&str]) -> Result<()> {
        let name = self.full(container);
        self.containers.push(name.clone());
        let volume = format!("--volume={}:{VOLUME}", self.volume());
        let mut run = vec!["run", "--detach", "--name", &name, &volume];
        run.extend(self.join.iter().map(String::as_str));
        run.push(&self.image);
        self.engine.run(&[&run[..], role].concat()).map(drop)
    }

    /// Stops a container at once and removes it.
    ///
    /// # Errors
    /// If the engine does not.
    pub fn remove(&mut self, container: &str) -> Result<()> {
        let name = self.full(container);
        self.engine.run(&["rm", "--force", &name])?;
        self.containers.retain(|other| *other != name);
        Ok(())
    }

    /// What the app prints when it runs once more, in this container and the role the arguments give it.
    ///
    /// # Errors
    /// If it fails.
    pub fn exec(&self, container: &str, role: &[&str]) -> Result<String> {
        self.engine.run(&[&["exec", &self.full(container), "/app"], role].concat())
    }

    /// What a container sees of its pod.
    ///
    /// # Errors
    /// If the container does not run.
    pub fn view(&self, container: &str) -> Result<View> {
        Ok(serde_json::from_str(&self.exec(container, &["look"])?)?)
    }

    /// What pause's own user sees of the pod, pause's namespaces among it.
    ///
    /// # Errors
    /// If the container does not run.
    pub fn view_of_pauses_user(&self, container: &str) -> Result<View> {
        let user = self.view(container)?.init.user;
        let look = ["exec", "--user", &user, &self.full(container), "/app", "look"];
        Ok(serde_json::from_str(&self.engine.run(&look)?)?)
    }

    /// Has the engine send pause SIGTERM. Returns pause's exit code, and how long that command and the end of every
    /// container took.
    ///
    /// # Errors
    /// If a container does not run, or is not gone a second after the signal.
    pub fn end(&self) -> Result<(i32, Duration)> {
        let pids = self.containers.iter().map(|container| self.pid(container)).collect::<Result<Vec<_>>>()?;
        let ends = pids.iter().map(|&pid| process::pidfd(pid)).collect::<nix::Result<Vec<_>>>();
        let ends = ends.context("the engine's processes are not on this machine")?;
        let start = Instant::now();
        self.engine.run(&["kill", "--signal", "TERM", &self.full("pause")])?;
        let second = Instant::now() + Duration::from_secs(1);
        for (end, container) in ends.iter().zip(&self.containers) {
            let left = second.saturating_duration_since(Instant::now());
            ensure!(process::ends_within(left, end)?, "{container} is not gone a second after the signal");
        }
        let time = start.elapsed();
        Ok((self.engine.run(&["wait", &self.full("pause")])?.parse()?, time))
    }

    /// pause's process, as the machine sees it.
    ///
    /// # Errors
    /// If it does not run.
    pub fn pause(&self) -> Result<Pid> {
        self.pid(&self.full("pause"))
    }

    /// The first process of a container, as the machine sees it.
    fn pid(&self, container: &str) -> Result<Pid> {
        let pid = self.engine.run(&["inspect", "--format", "{{.State.Pid}}", container])?;
        Ok(Pid::from_raw(pid.parse().with_context(|| format!("the engine names no process of {container}"))?))
    }

    fn full(&self, container: &str) -> String {
        format!("{}-{container}", self.name)
    }

    fn volume(&self) -> String {
        self.full("data")
    }
}

impl Drop for Pod<'_> {
    fn drop(&mut self) {
        // The last first: Podman keeps a container that others depend on.
        for container in self.containers.iter().rev() {
            let _ = self.engine.run(&["rm", "--force", "--volumes", container]);
        }
        (self.undo)();
    }
}
