//! Networks that only the thread which makes them sees, and what it starts. The kernel removes them when nobody is left in
//! them.

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, unshare};
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::thread;

/// Gives this thread a network of its own, which has loopback.
///
/// # Errors
/// If the kernel does not.
pub fn enter() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET).context("a network namespace")?;
    ip(None, "link set lo up")
}

/// A host at the other end of a wire from this thread's network.
pub struct Host {
    namespace: File,
    /// The wire's end in this thread's network
    near: String,
    pub address: Ipv4Addr,
}

impl Host {
    /// The host of this number: no two may have the same.
    ///
    /// # Errors
    /// If the kernel does not make one.
    ///
    /// # Panics
    /// If a thread cannot be made.
    pub fn new(number: u8) -> Result<Self> {
        let made = thread::spawn(|| -> Result<File> {
            enter()?;
            Ok(File::open("/proc/thread-self/ns/net")?)
        });
        let namespace = made.join().expect("it does not panic")?;
        // Addresses for benchmarks (RFC 2544), which lead nowhere else.
        let (near, address) = (format!("wire{number}"), Ipv4Addr::new(198, 18, number, 2));
        let path = path(&namespace);
        ip(None, &format!("link add {near} type veth peer name far netns {path}"))?;
        ip(None, &format!("address add 198.18.{number}.1/30 dev {near}"))?;
        ip(None, &format!("link set {near} up"))?;
        ip(Some(&namespace), &format!("address add {address}/30 dev far"))?;
        ip(Some(&namespace), "link set far up")?;
        Ok(Self { namespace, near, address })
    }

    /// For what is to run there.
    ///
    /// # Errors
    /// If there are no more descriptors.
    pub fn namespace(&self) -> std::io::Result<File> {
        self.namespace.try_clone()
    }

    /// Takes this end of the wire down or up: there is no way to the host any more, and the kernel says so.
    ///
    /// # Errors
    /// If the kernel does not.
    pub fn link(&self, up: bool) -> Result<()> {
        ip(None, &format!("link set {} {}", self.near, state(up)))
    }

    /// Takes the other end down or up: what is sent there is lost without a word.
    ///
    /// # Errors
    /// If the kernel does not.
    pub fn reach(&self, up: bool) -> Result<()> {
        ip(Some(&self.namespace), &format!("link set far {}", state(up)))
    }
}

fn state(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

fn path(namespace: &File) -> String {
    format!("/proc/{}/fd/{}", std::process::id(), namespace.as_raw_fd())
}

fn ip(namespace: Option<&File>, arguments: &str) -> Result<()> {
    let mut command = match namespace {
        Some(namespace) => {
            let mut command = Command::new("nsenter");
            command.arg(format!("--net={}", path(namespace))).arg("ip");
            command
        }
        None => Command::new("ip"),
    };
    let output = command.args(arguments.split(' ')).output().context("ip")?;
    ensure!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
