//! What a process sees of its pod.

use anyhow::{Context, Result};
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
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
    /// The name of PID 1
    pub init: String,
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
            init: fs::read_to_string("/proc/1/comm")?.trim_end().into(),
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
            let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else { continue };
            // PID (NAME) STATE …; of what is no process, `/proc/stat` among them, nothing is in parentheses.
            let Some((_, fields)) = stat.rsplit_once(") ") else { continue };
            view.processes += 1;
            view.zombies += usize::from(fields.starts_with('Z'));
        }
        Ok(view)
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
