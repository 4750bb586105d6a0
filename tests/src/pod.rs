//! A pod built by hand, with what a runtime does for it: pause first, then each container in pause's namespaces, with
//! a volume they share.

use crate::engine::Engine;
use crate::process;
use crate::view::{self, View};
use anyhow::{Context, Result};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where every container finds the volume.
pub const VOLUME: &str = "/data";

/// A running pod; removed with all that belongs to it when dropped.
pub struct Pod<'a> {
    engine: &'a Engine,
    image: String,
    /// Of the pod, and of everything in it by prefix
    name: String,
    containers: Vec<String>,
}

impl<'a> Pod<'a> {
    /// Starts pause; its containers will run `image`.
    ///
    /// # Errors
    /// If the engine does not.
    pub fn start(engine: &'a Engine, pause: &str, image: &str) -> Result<Self> {
        static PODS: AtomicU32 = AtomicU32::new(0);
        let name = format!("pod-{}-{}", std::process::id(), PODS.fetch_add(1, Ordering::Relaxed));
        // What `Drop` removes is named before it is made.
        let pod = Self { engine, image: image.into(), containers: vec![format!("{name}-pause")], name };
        engine.run(&["volume", "create", &pod.volume()])?;
        engine.run(&["run", "--detach", "--name", &pod.full("pause"), "--ipc=shareable", "--read-only", pause])?;
        Ok(pod)
    }

    /// Starts a container in the pod, in the role the arguments give it.
    ///
    /// # Errors
    /// If the engine does not.
    pub fn add(&mut self, container: &str, role: &[&str]) -> Result<()> {
        let name = self.full(container);
        self.containers.push(name.clone());
        let join = |kind: &str| format!("--{kind}=container:{}", self.full("pause"));
        let (net, ipc, pid) = (join("net"), join("ipc"), join("pid"));
        let volume = format!("--volume={}:{VOLUME}", self.volume());
        let run = ["run", "--detach", "--name", &name, &net, &ipc, &pid, &volume, &self.image];
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

    /// pause, as the machine sees it.
    ///
    /// # Errors
    /// If it does not run.
    pub fn pause(&self) -> Result<Pause> {
        let pid = self.engine.run(&["inspect", "--format", "{{.State.Pid}}", &self.full("pause")])?;
        let pid = Pid::from_raw(pid.parse().context("the engine names pause's process")?);
        let switches = |kind| process::status(pid, &format!("{kind}_ctxt_switches")).context("pause is gone");
        Ok(Pause {
            pid,
            context_switches: switches("voluntary")? + switches("nonvoluntary")?,
            namespaces: view::namespaces(&pid.to_string())?,
        })
    }

    /// Sends pause SIGTERM and waits until the engine has seen every container of the pod end. Returns pause's exit
    /// code.
    ///
    /// # Errors
    /// If the engine does not know one of them.
    pub fn end(&self) -> Result<i32> {
        self.engine.run(&["kill", "--signal", "TERM", &self.full("pause")])?;
        let mut codes = String::new();
        for container in &self.containers {
            writeln!(codes, "{}", self.engine.run(&["wait", container])?)?;
        }
        Ok(codes.lines().next().context("pause is the first container")?.parse()?)
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
        let _ = self.engine.run(&["volume", "rm", "--force", &self.volume()]);
    }
}

/// The pod's first process.
pub struct Pause {
    pub pid: Pid,
    pub context_switches: u64,
    /// As [`View::namespaces`]
    pub namespaces: BTreeMap<String, String>,
}
