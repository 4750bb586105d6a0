//! What a proxy holds and has used, of all its threads.

use super::load::{Client, Keep};
use super::proxies::Started;
use anyhow::{Context, Result};
use e2e::process::{cpu_time, status};
use nix::unistd::Pid;
use std::fs;
use std::time::Duration;

/// Open at a time, and silent
const IDLE: u32 = 1_000;

/// Time on a processor so far, user and kernel.
///
/// # Errors
/// If it has ended.
pub fn cpu(pid: Pid) -> Result<Duration> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).context("a proxy has ended")?;
    let ids = threads.filter_map(|thread| thread.ok()?.file_name().to_str()?.parse().ok().map(Pid::from_raw));
    Ok(ids.filter_map(cpu_time).sum())
}

/// Resident memory, in kB.
///
/// # Errors
/// If it has ended.
pub fn resident(pid: Pid) -> Result<u64> {
    status(pid, "VmRSS").context("a proxy has ended")
}

/// Of a proxy that has just been started, in kB: before it has anything to do, and for each idle connection that has been
/// used once.
///
/// # Errors
/// If it does not answer.
pub fn idle(proxy: &Started) -> Result<(u64, f64)> {
    let pid = proxy.running.pid;
    let before = resident(pid)?;
    let mut clients = vec![];
    for _ in 0..IDLE {
        let mut client = Client::new(proxy.http, Keep::Alive);
        client.ask()?;
        clients.push(client);
    }
    let grown = resident(pid)?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    Ok((before, grown as f64 / f64::from(IDLE)))
}
