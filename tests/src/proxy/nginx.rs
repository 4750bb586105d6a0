//! nginx, from Debian, as an upstream.

use crate::process::until;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

pub const PROGRAM: &str = "/usr/sbin/nginx";

/// A master and a worker; killed when dropped, as by a machine that is gone.
pub struct Nginx {
    pub address: SocketAddr,
    process: Child,
    home: TempDir,
}

impl Nginx {
    /// `server` is what its configuration says of its only server, besides where it listens. The directory of its
    /// configuration is `HOME` there.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(address: SocketAddr, server: &str) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        write(home.path(), address, server);
        let process = Command::new(PROGRAM)
            .arg("-p")
            .arg(home.path())
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .process_group(0)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx: `make tools` installs it");
        let nginx = Self { address, process, home };
        until("nginx listens", || TcpStream::connect(address).is_ok());
        nginx
    }

    pub fn home(&self) -> PathBuf {
        self.home.path().into()
    }

    /// As `nginx -s reload`: new workers serve what comes, the old ones end what they have and close what is idle.
    ///
    /// # Panics
    /// If it is gone.
    pub fn reload(&self, server: &str) {
        write(self.home.path(), self.address, server);
        kill(self.group(), Signal::SIGHUP).expect("it runs");
    }

    /// From now on it takes connections and requests, as its kernel does, and answers none.
    ///
    /// # Panics
    /// If it is gone.
    pub fn hang(&self) {
        killpg(self.group(), Signal::SIGSTOP).expect("it runs");
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.process.id().cast_signed())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = killpg(self.group(), Signal::SIGKILL);
        let _ = self.process.wait();
    }
}

fn write(home: &Path, address: SocketAddr, server: &str) {
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|of| format!("{of}_temp_path {of};"));
    let (user, paths) = (if nix::unistd::geteuid().is_root() { "user root;" } else { "" }, paths.concat());
    let text = format!(
        "{user} daemon off; worker_processes 1; pid nginx.pid; error_log error.log; events {{}}
http {{ access_log off; {paths} default_type text/plain; server {{ listen {address}; {server} }} }}\n"
    );
    fs::write(home.join("nginx.conf"), text.replace("HOME", &home.to_string_lossy())).expect("a file");
}
