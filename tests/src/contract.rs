//! What a pod owes its containers. Each promise is kept or an error; kept, it returns what was seen, in a line.

use crate::engine::{self, Engine};
use crate::pod::{Pod, VOLUME};
use crate::process::{DEADLINE, SECCOMP_FILTER, status};
use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// An engine with the images that pods need. Those it did not have before go again with the stage.
pub struct Stage {
    pub engine: Engine,
    pub pause: String,
    pub app: String,
    /// All that it was given
    images: Vec<String>,
    before: BTreeSet<String>,
}

impl Stage {
    /// # Errors
    /// If an image is not built.
    pub fn new(engine: Engine) -> Result<Self> {
        Self::with(engine, &[])
    }

    /// One that has the images of these sidecars, too.
    ///
    /// # Errors
    /// If an image is not built.
    pub fn with(engine: Engine, sidecars: &[&str]) -> Result<Self> {
        let before = engine.images()?;
        let (pause, app, images) = (engine::image("pause"), engine::image("app"), vec![]);
        let mut stage = Self { engine, pause, app, images, before };
        for program in ["pause"].iter().chain(sidecars) {
            stage.load("dist", program)?;
        }
        stage.load("target/e2e", "app")?;
        Ok(stage)
    }

    fn load(&mut self, dist: &str, program: &str) -> Result<()> {
        // What `Drop` removes is named before it is loaded.
        self.images.push(engine::image(program));
        self.engine.load(dist, program)
    }

    /// A pod of pause alone.
    ///
    /// # Errors
    /// If the engine does not start it.
    pub fn pod(&self) -> Result<Pod<'_>> {
        Pod::start(&self.engine, &self.pause, &self.app)
    }

    /// The pod of the textbooks: one container serves the file that the other wrote. Peers: either may come first.
    ///
    /// # Errors
    /// If the engine does not start it.
    pub fn textbook_pod(&self, order: [Container; 2]) -> Result<Pod<'_>> {
        let mut pod = self.pod()?;
        for container in order {
            container.start(&mut pod)?;
        }
        Ok(pod)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for image in &self.images {
            if !self.before.contains(image) {
                let _ = self.engine.run(&["image", "rm", image]);
            }
        }
    }
}

/// One of the two of the textbooks' pod.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Serves the volume on port 80
    Server,
    /// Writes `index.html` to the volume and listens on port 8080
    Writer,
}

impl Container {
    /// # Errors
    /// If the engine does not start it.
    pub fn start(self, pod: &mut Pod) -> Result<()> {
        match self {
            Self::Server => pod.add("server", &["serve", VOLUME, "80"]),
            Self::Writer => {
                let file = format!("{VOLUME}/index.html");
                pod.add("writer", &["serve", VOLUME, "8080", "--write", &file, "written by writer"])
            }
        }
    }
}

/// Asks for what another container will have ready in a moment.
///
/// # Errors
/// As the last attempt, when the time is over.
pub fn soon<T>(what: &str, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(error) if start.elapsed() > DEADLINE => return Err(error.context(format!("{what}: not in time"))),
            Err(_) => {}
            done => return done,
        }
    }
}

/// Containers share a volume and localhost: what one writes, the other serves, and each reaches the other.
///
/// # Errors
/// If they do not.
pub fn peers_serve_each_other(pod: &Pod) -> Result<String> {
    let page = soon("the server's page", || pod.exec("writer", &["get", "80", "index.html"]))?;
    ensure!(page == "written by writer", "the server answers `{page}`");
    let page = soon("the writer's page", || pod.exec("server", &["get", "8080", "index.html"]))?;
    ensure!(page == "written by writer", "the writer answers `{page}`");
    Ok(format!("`{page}`, served by server, read by writer on localhost:80, and the other way on localhost:8080"))
}

/// Containers share the network: one IP, one MAC, the same devices.
///
/// # Errors
/// If they do not.
pub fn peers_share_the_network(pod: &Pod) -> Result<String> {
    let (server, writer) = (pod.view("server")?, pod.view("writer")?);
    ensure!(server.addresses.len() == 1, "the pod has {} IP addresses", server.addresses.len());
    ensure!(server.addresses == writer.addresses, "two IPs: {:?}, {:?}", server.addresses, writer.addresses);
    ensure!(server.hardware == writer.hardware, "two MACs: {:?}, {:?}", server.hardware, writer.hardware);
    ensure!(server.devices == writer.devices, "other devices: {:?}, {:?}", server.devices, writer.devices);
    Ok(format!(
        "IP {}, MAC {}, devices {}, in both",
        show(&server.addresses),
        show(&server.hardware),
        show(&server.devices)
    ))
}

fn show(set: &BTreeSet<String>) -> String {
    set.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn pauses_namespaces(pod: &Pod) -> Result<BTreeMap<String, String>> {
    let init = pod.view_of_pauses_user("server")?.init;
    ensure!(init.name == "pause", "PID 1 is `{}`", init.name);
    init.namespaces.context("pause's own user sees its namespaces")
}

/// Containers are in pause's net, ipc and pid namespaces.
///
/// # Errors
/// If one is not.
pub fn namespaces_are_pauses(pod: &Pod) -> Result<String> {
    let pause = pauses_namespaces(pod)?;
    for container in ["server", "writer"] {
        let namespaces = pod.view(container)?.namespaces;
        ensure!(namespaces == pause, "{container} is in {namespaces:?}, pause in {pause:?}");
    }
    Ok(format!("{} in pause, server and writer", pause.into_values().collect::<Vec<_>>().join(" ")))
}

/// The engine runs pause behind a seccomp filter.
///
/// # Errors
/// If it does not.
pub fn pause_is_behind_seccomp(pod: &Pod) -> Result<String> {
    let mode = status(pod.pause()?, "Seccomp");
    ensure!(mode == Some(SECCOMP_FILTER), "pause's seccomp mode is {mode:?}");
    Ok("pause is behind a seccomp filter".into())
}

/// What loses its parent becomes pause's child, and is gone when it dies; pause sleeps through it.
///
/// # Errors
/// If a zombie stays, or pause was woken.
pub fn orphans_are_reaped(pod: &Pod) -> Result<String> {
    const ORPHANS: usize = 1000;
    let before = pod.view("server")?.init;
    let adopted: usize = pod.exec("server", &["orphans", "alive", &ORPHANS.to_string()])?.parse()?;
    ensure!(adopted == ORPHANS, "PID 1 adopted {adopted} of {ORPHANS} orphans");
    pod.exec("server", &["orphans", "zombie", &ORPHANS.to_string()])?;
    let view = pod.view("server")?;
    let woken = view.init.context_switches - before.context_switches;
    ensure!(view.init.name == "pause", "PID 1 is `{}`", view.init.name);
    ensure!(view.zombies == 0, "{} zombies of {} processes", view.zombies, view.processes);
    ensure!(woken == 0, "pause was woken {woken} times");
    Ok(format!(
        "{ORPHANS} alive and {ORPHANS} dead already: {} zombies, {} processes left, pause was woken {woken} times",
        view.zombies, view.processes
    ))
}

/// A container is replaced by its next version, and the pod is still the same.
///
/// # Errors
/// If its IP or pause's process changed.
pub fn a_container_is_replaced(pod: &mut Pod) -> Result<String> {
    let before = pod.view("server")?;
    pod.remove("writer")?;
    let file = format!("{VOLUME}/index.html");
    pod.add("writer", &["serve", VOLUME, "8080", "--write", &file, "written by writer, version 2"])?;
    let page = soon("version 2", || {
        let page = pod.exec("server", &["get", "8080", "index.html"])?;
        ensure!(page.ends_with("version 2"), "the writer answers `{page}`");
        Ok(page)
    })?;
    let after = pod.view("writer")?;
    let (was, is) = (&before.init, &after.init);
    ensure!((&was.name, &was.started) == (&is.name, &is.started), "PID 1 was {was:?}, is {is:?}");
    ensure!(before.addresses == after.addresses, "the pod had {:?}, has {:?}", before.addresses, after.addresses);
    let (was, is) = (&before.namespaces, &after.namespaces);
    ensure!(was == is, "the pod was in {was:?}, the new container is in {is:?}");
    Ok(format!("`{page}`; still the same {}, still {}", after.init.name, show(&after.addresses)))
}

/// pause's end is the pod's end, within a second.
///
/// # Errors
/// If a container outlives it, or pause's exit code is not 0.
pub fn the_pod_ends_with_pause(pod: &Pod) -> Result<String> {
    let (code, time) = pod.end()?;
    ensure!(code == 0, "pause exits with {code}");
    Ok(format!("pause exited with {code}, and after {} ms no container was left", time.as_millis()))
}
