//! A client of the CRI: what kubelet asks of a runtime, over its socket.

use crate::messages::{ContainerConfig, ContainerState};
use crate::messages::{
    ContainerStatus, ContainerStatusRequest, CreateContainerRequest, ExecSyncRequest, Image, ImageSpec,
    ImageStatusRequest, PodSandboxStatusRequest, Request, RunPodSandboxRequest, SandboxConfig, SandboxStatus, Version,
    VersionRequest,
};
use anyhow::{Context, Result, anyhow, ensure};
use e2e::process::{DEADLINE, until};
use http::uri::PathAndQuery;
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

/// A call that answers no more.
const STUCK: Duration = Duration::from_mins(2);

/// A connection to a runtime.
pub struct Cri {
    runtime: Runtime,
    channel: Channel,
}

impl Cri {
    /// # Errors
    /// If nothing listens on `socket`.
    pub fn connect(socket: &Path) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display()))?;
        let channel = runtime
            .block_on(endpoint.connect())
            .with_context(|| format!("no runtime answers on {}", socket.display()))?;
        Ok(Self { runtime, channel })
    }

    /// # Errors
    /// If the runtime refuses, with its own words.
    pub fn call<R: Request>(&self, request: R) -> Result<R::Response> {
        self.runtime.block_on(call(self.channel.clone(), request))
    }

    /// Makes all calls at the same time; the answers come in the order of the requests.
    ///
    /// # Errors
    /// If the runtime refuses one of them. Those that went well are returned, too, each with its request's index.
    pub fn call_all<R: Request>(&self, requests: Vec<R>) -> (Vec<(usize, R::Response)>, Result<()>) {
        self.runtime.block_on(async {
            let mut calls = JoinSet::new();
            for (index, request) in requests.into_iter().enumerate() {
                let channel = self.channel.clone();
                calls.spawn(async move { (index, call(channel, request).await) });
            }
            let (mut answers, mut failure) = (vec![], Ok(()));
            for (index, answer) in calls.join_all().await {
                match answer {
                    Ok(answer) => answers.push((index, answer)),
                    Err(error) => failure = Err(error),
                }
            }
            answers.sort_by_key(|(index, _)| *index);
            (answers, failure)
        })
    }

    /// # Errors
    /// If the runtime refuses.
    pub fn version(&self) -> Result<Version> {
        self.call(VersionRequest {})
    }

    /// Starts a sandbox, returns its ID.
    ///
    /// # Errors
    /// If the runtime refuses.
    pub fn run_sandbox(&self, config: &SandboxConfig) -> Result<String> {
        Ok(self.call(RunPodSandboxRequest { config: Some(config.clone()) })?.id)
    }

    /// # Errors
    /// If there is no such sandbox.
    pub fn sandbox_status(&self, id: &str) -> Result<SandboxStatus> {
        let answer = self.call(PodSandboxStatusRequest { id: id.into(), verbose: false })?;
        answer.status.context("the runtime answers without a status")
    }

    /// pause's process, as the machine counts, when it is pause: the runtime may say that it runs a moment before that.
    ///
    /// # Errors
    /// If it does not run.
    pub fn sandbox_pid(&self, id: &str) -> Result<Pid> {
        let pid = pid(&self.call(PodSandboxStatusRequest { id: id.into(), verbose: true })?.info)?;
        let is_runc = || fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("runc"));
        until("pause has taken runc's place", || !is_runc());
        Ok(pid)
    }

    /// Returns the new container's ID; it does not run yet.
    ///
    /// # Errors
    /// If the runtime refuses.
    pub fn create_container(&self, sandbox: &str, config: ContainerConfig, of: &SandboxConfig) -> Result<String> {
        let request =
            CreateContainerRequest { sandbox: sandbox.into(), config: Some(config), sandbox_config: Some(of.clone()) };
        Ok(self.call(request)?.id)
    }

    /// # Errors
    /// If there is no such container.
    pub fn container_status(&self, id: &str) -> Result<ContainerStatus> {
        let answer = self.call(ContainerStatusRequest { id: id.into(), verbose: false })?;
        answer.status.context("the runtime answers without a status")
    }

    /// The container's first process, as the machine counts.
    ///
    /// # Errors
    /// If it does not run.
    pub fn container_pid(&self, id: &str) -> Result<Pid> {
        pid(&self.call(ContainerStatusRequest { id: id.into(), verbose: true })?.info)
    }

    /// Waits for a container's end. containerd before 1.7 tells nobody of it, so it is asked again and again.
    ///
    /// # Errors
    /// If it does not end in time.
    pub fn wait(&self, id: &str) -> Result<ContainerStatus> {
        let start = Instant::now();
        loop {
            let status = self.container_status(id)?;
            if status.state() == ContainerState::Exited {
                return Ok(status);
            }
            ensure!(start.elapsed() < DEADLINE, "container {id} does not end within {DEADLINE:?}");
            sleep(Duration::from_millis(10));
        }
    }

    /// What a command prints in a container, without the last line end.
    ///
    /// # Errors
    /// If it fails, with what it wrote to stderr.
    pub fn exec(&self, container: &str, command: &[String]) -> Result<String> {
        let timeout = DEADLINE.as_secs().cast_signed();
        let end = self.call(ExecSyncRequest { container: container.into(), command: command.to_vec(), timeout })?;
        let complaint = String::from_utf8_lossy(&end.stderr);
        ensure!(end.exit_code == 0, "`{}` exits with {}: {complaint}", command.join(" "), end.exit_code);
        Ok(String::from_utf8(end.stdout)?.trim_end().into())
    }

    /// What the runtime knows of an image.
    ///
    /// # Errors
    /// If it has none of this name.
    pub fn image(&self, name: &str) -> Result<Image> {
        let answer = self.call(ImageStatusRequest { image: Some(ImageSpec { image: name.into() }) })?;
        answer.image.with_context(|| format!("the runtime has no image {name}"))
    }
}

async fn call<R: Request>(channel: Channel, request: R) -> Result<R::Response> {
    let method = R::METHOD.rsplit('/').next().unwrap_or_default();
    let mut client = Grpc::new(channel);
    client.ready().await.with_context(|| format!("{method}: the runtime is gone"))?;
    let codec = ProstCodec::<R, R::Response>::default();
    let mut request = tonic::Request::new(request);
    request.set_timeout(STUCK);
    let answer = client.unary(request, PathAndQuery::from_static(R::METHOD), codec);
    match tokio::time::timeout(STUCK, answer).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) => Err(anyhow!("{method}: {}", status.message())),
        Err(_) => Err(anyhow!("{method}: no answer within {STUCK:?}")),
    }
}

/// Of what the runtime tells beyond the specification; containerd and CRI-O put it there alike.
fn pid(info: &HashMap<String, String>) -> Result<Pid> {
    let info = info.get("info").context("the runtime tells nothing more")?;
    let info: serde_json::Value = serde_json::from_str(info)?;
    let pid = info["pid"].as_i64().filter(|&pid| pid > 0).context("the runtime names no process")?;
    Ok(Pid::from_raw(pid.try_into()?))
}
