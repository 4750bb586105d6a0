//! What a process sees of its pod.

use crate::process;
use anyhow::{Context, Result};
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Equal in all containers of a pod that shares its network, IPC and PID namespaces, but for the processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// IPv4 addresses but loopback's
    pub addresses: BTreeSet<String>,
    /// Hardware addresses but loopback's
    pub hardware: BTreeSet<String>,
    /// Network devices
    pub devices: BTreeSet<String>,
    /// `net`, `ipc` and `pid`, each with its inode number: `net:[4026532281]`
    pub namespaces: BTreeMap<String, String>,
    pub init: Init,
    /// Of all processes in the PID namespace
    pub processes: usize,
    /// Processes that died and were not reaped
    pub zombies: usize,
}

impl View {
    /// # Errors
    /// If `/proc` is not mounted.
    pub fn of_this_process() -> Result<Self> {
        let mut view = Self {
            addresses: BTreeSet::new(),
            hardware: BTreeSet::new(),
            devices: BTreeSet::new(),
            namespaces: namespaces("self")?,
            init: Init::of_this_namespace()?,
            processes: 0,
            zombies: 0,
        };
        for interface in getifaddrs()? {
            if !interface.flags.contains(InterfaceFlags::IFF_LOOPBACK) {
                if let Some(address) = interface.address.and_then(|address| Some(address.as_sockaddr_in()?.ip())) {
                    view.addresses.insert(address.to_string());
                }
                if let Some(hardware) = interface.address.and_then(|address| address.as_link_addr()?.addr()) {
                    view.hardware.insert(hardware.map(|byte| format!("{byte:02x}")).join(":"));
                }
            }
            view.devices.insert(interface.interface_name);
        }
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // What is gone by now does not count.
            if let Some(state) = process::stat(Pid::from_raw(pid), process::STATE) {
                view.processes += 1;
                view.zombies += usize::from(state == "Z");
            }
        }
        Ok(view)
    }
}

/// PID 1 of the namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Init {
    pub name: String,
    /// `uid:gid`
    pub user: String,
    /// In ticks since the machine's start: with the PID namespace, which process it is
    pub started: String,
    pub context_switches: u64,
    /// As [`View::namespaces`]; for its own user and root alone to see
    pub namespaces: Option<BTreeMap<String, String>>,
}

impl Init {
    fn of_this_namespace() -> Result<Self> {
        let pid = Pid::from_raw(1);
        let switches = |kind| process::status(pid, &format!("{kind}_ctxt_switches"));
        let seen = || {
            Some(Self {
                name: fs::read_to_string("/proc/1/comm").ok()?.trim_end().into(),
                user: format!("{}:{}", process::status(pid, "Uid")?, process::status(pid, "Gid")?),
                started: process::stat(pid, process::START_TIME)?,
                context_switches: switches("voluntary")? + switches("nonvoluntary")?,
                namespaces: namespaces("1").ok(),
            })
        };
        seen().context("no /proc/1: is /proc mounted?")
    }
}

/// Of the process with this name in `/proc`: namespace to inode.
///
/// # Errors
/// If there is none, or another user's.
pub fn namespaces(process: &str) -> Result<BTreeMap<String, String>> {
    ["net", "ipc", "pid"]
        .into_iter()
        .map(|kind| {
            let path = format!("/proc/{process}/ns/{kind}");
            let inode = fs::read_link(&path).with_context(|| format!("cannot read {path}"))?;
            Ok((kind.into(), inode.to_string_lossy().into()))
        })
        .collect()
}
