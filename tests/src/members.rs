//! The processes of a pod that shares its PID namespace, as one user sees them.

use crate::view;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;

/// A process other than the one that looks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    /// In the pod's PID namespace
    pub pid: u32,
    /// As the kernel has it, of 15 bytes at most
    pub name: String,
    /// `/proc/PID/cgroup`: in most of its paths is the container's id
    pub cgroup: String,
    /// As [`view::View::namespaces`]; of this user's processes alone
    pub namespaces: Option<BTreeMap<String, String>>,
    /// What it has in memory, in kB: pages that it shares count in proportion. Of this user's processes alone
    pub pss: Option<u64>,
}

/// All of them. What ends meanwhile is not among them.
///
/// # Errors
/// If `/proc` is not mounted.
pub fn all() -> Result<Vec<Member>> {
    let mut members = vec![];
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if pid != std::process::id() {
            members.extend(member(pid));
        }
    }
    members.sort_by_key(|member| member.pid);
    Ok(members)
}

fn member(pid: u32) -> Option<Member> {
    let read = |file| fs::read_to_string(format!("/proc/{pid}/{file}"));
    let pss = |rollup: &str| {
        rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse().ok())
    };
    Some(Member {
        pid,
        name: read("comm").ok()?.trim_end().into(),
        cgroup: read("cgroup").ok()?,
        namespaces: view::namespaces(&pid.to_string()).ok(),
        pss: read("smaps_rollup").ok().and_then(|rollup| pss(&rollup)),
    })
}
