//! Containers and volumes of one name, by the engine's command line; all gone when dropped.

use anyhow::{Context, Result, ensure};
use e2e::engine::Engine;
use std::process::Output;

/// As which every container runs, but pause.
pub const USER: &str = "65532:65532";

/// What no container of the demo needs, and none has. And no image is pulled.
const RESTRICTED: [&str; 4] = ["--pull=never", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"];

pub struct Containers<'a> {
    pub engine: &'a Engine,
    /// Of everything here, by prefix
    name: String,
    made: Vec<String>,
    volumes: Vec<String>,
}

impl<'a> Containers<'a> {
    pub fn new(engine: &'a Engine) -> Self {
        Self { engine, name: e2e::pod::name(), made: vec![], volumes: vec![] }
    }

    /// What the engine calls it.
    pub fn full(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    /// Makes a volume as an `emptyDir` in memory is: the user's, and there as long as a container that has it runs.
    pub fn volume(&mut self, name: &str) -> Result<()> {
        let full = self.full(name);
        self.volumes.push(full.clone());
        let options = ["--opt=type=tmpfs", "--opt=device=tmpfs", "--opt=o=mode=0755,uid=65532,gid=65532"];
        self.engine.run(&[&["volume", "create"], &options[..], &[&full]].concat()).map(drop)
    }

    /// Starts a container.
    pub fn run(&mut self, name: &str, options: &[String], image: &str, arguments: &[&str]) -> Result<()> {
        self.output(name, &["--detach"], options, image, arguments).map(drop)
    }

    /// Runs a container to its end; what it said on stdout and stderr.
    pub fn finish(
        &mut self,
        name: &str,
        options: &[String],
        image: &str,
        arguments: &[&str],
    ) -> Result<(String, String)> {
        let Output { stdout, stderr, .. } = self.output(name, &[], options, image, arguments)?;
        Ok((String::from_utf8(stdout)?, String::from_utf8_lossy(&stderr).trim_end().into()))
    }

    fn output(
        &mut self,
        name: &str,
        how: &[&str],
        options: &[String],
        image: &str,
        arguments: &[&str],
    ) -> Result<Output> {
        let full = self.full(name);
        // What `Drop` removes is named before it is made.
        self.made.push(full.clone());
        let mut command = self.engine.command();
        command.args(["run", "--name", &full]).args(how).args(RESTRICTED).args(options).arg(image).args(arguments);
        let output = command.output().with_context(|| format!("cannot run {}", self.engine.name))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{name} failed: {}: {}", output.status, said.trim_end());
        Ok(output)
    }

    /// What a command prints in a container.
    pub fn exec(&self, name: &str, command: &[&str]) -> Result<String> {
        self.engine.run(&[&["exec", &self.full(name)], command].concat())
    }

    /// The same as another user.
    pub fn exec_as(&self, user: &str, name: &str, command: &[&str]) -> Result<String> {
        self.engine.run(&[&["exec", "--user", user, &self.full(name)], command].concat())
    }

    /// What the engine knows of a container.
    pub fn inspect(&self, name: &str, format: &str) -> Result<String> {
        self.engine.run(&["inspect", "--format", format, &self.full(name)])
    }

    /// Sends SIGTERM, and SIGKILL 30 seconds later. The exit code.
    pub fn stop(&self, name: &str) -> Result<i32> {
        self.engine.run(&["stop", "--time", "30", &self.full(name)])?;
        Ok(self.inspect(name, "{{.State.ExitCode}}")?.parse()?)
    }

    /// What it wrote to stdout and stderr.
    pub fn said(&self, name: &str) -> Result<String> {
        let output = self.engine.command().args(["logs", &self.full(name)]).output()?;
        Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim_end().into())
    }

    pub fn remove(&mut self, name: &str) -> Result<()> {
        let full = self.full(name);
        self.engine.run(&["rm", "--force", &full])?;
        self.made.retain(|made| *made != full);
        Ok(())
    }
}

impl Drop for Containers<'_> {
    fn drop(&mut self) {
        // The last first: Podman keeps a container that others depend on.
        for container in self.made.iter().rev() {
            let _ = self.engine.run(&["rm", "--force", "--volumes", container]);
        }
        for volume in &self.volumes {
            let _ = self.engine.run(&["volume", "rm", "--force", volume]);
        }
    }
}
