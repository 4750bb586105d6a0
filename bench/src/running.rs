//! Programs that run beside the bench, and no longer than it.

use anyhow::{Context, Result};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::process::{Child, Command};

/// A child of this process, which does not outlive this.
pub struct Running {
    pub child: Child,
    pub pid: Pid,
}

impl Running {
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot run {}", command.get_program().display()))?;
        Ok(Self { pid: Pid::from_raw(child.id().try_into()?), child })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program that ends when the bench does, also when that was killed.
pub fn mortal(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig=KILL", "--"]).arg(program);
    command
}
