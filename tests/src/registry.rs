//! A registry on loopback, to push an image to and pull it from as from any other.

use crate::command::output;
use crate::process::until;
use crate::sidecar::free_port;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Stopped and removed when dropped.
pub struct Registry {
    /// `127.0.0.1:PORT`, which engines trust without TLS
    pub host: String,
    process: Child,
    _home: TempDir,
}

impl Registry {
    /// Starts Debian's `docker-registry`, from where it was unpacked.
    ///
    /// # Errors
    /// If it is not there or does not come up.
    pub fn start(root: &Path) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let host = format!("127.0.0.1:{}", free_port().port());
        let settings = format!(
            "version: 0.1\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\nhttp: {{ addr: \"{host}\" }}\n",
            home.path().join("data").display()
        );
        fs::write(home.path().join("config.yml"), settings)?;
        let log = File::create(home.path().join("log"))?;
        let program = root.join("usr/bin/docker-registry");
        let process = Command::new(&program)
            .arg("serve")
            .arg(home.path().join("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let registry = Self { host, process, _home: home };
        until("the registry answers", || TcpStream::connect(&registry.host).is_ok());
        Ok(registry)
    }

    /// Pushes an archive with all that is in it, and returns the name by which its very bytes can be pulled.
    ///
    /// # Errors
    /// If skopeo does not.
    pub fn push(&self, archive: &Path, name: &str) -> Result<String> {
        let name = format!("{}/{name}", self.host);
        let digest = tempfile::NamedTempFile::new()?;
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "--all", "--quiet", "--dest-tls-verify=false", "--digestfile"]);
        skopeo.arg(digest.path()).arg(format!("oci-archive:{}", archive.display())).arg(format!("docker://{name}"));
        output(&mut skopeo)?;
        let repository = name.rsplit_once(':').context("a name has a tag")?.0;
        Ok(format!("{repository}@{}", fs::read_to_string(digest.path())?.trim_end()))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
