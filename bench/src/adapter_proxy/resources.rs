//! What a proxy holds and has used, of all its threads.

use super::load::{Client, Keep};
use super::proxies::Started;
use anyhow::{Context, Result};
use e2e::process::{children, cpu_time, stat, status};
use nix::unistd::Pid;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

/// Fields of `proc_pid_stat(5)`
const CHILDREN_USER: usize = 16;
const CHILDREN_KERNEL: usize = 17;

/// Open at a time, and silent
const IDLE: u32 = 1_000;

/// After its start and the first connections, which show that it works
const REST: Duration = Duration::from_secs(11);

/// Time on a processor so far, user and kernel.
///
/// # Errors
/// If it has ended.
pub fn cpu(pid: Pid) -> Result<Duration> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).context("a proxy has ended")?;
    let ids = threads.filter_map(|thread| thread.ok()?.file_name().to_str()?.parse().ok().map(Pid::from_raw));
    Ok(ids.filter_map(cpu_time).sum())
}

/// The same, of a process and of those it started, also of those that have ended, whose share is known in ticks of 10 ms.
///
/// # Errors
/// If it has ended.
pub fn cpu_with_children(pid: Pid) -> Result<Duration> {
    loop {
        let running: Vec<_> = children(pid).collect();
        let theirs: Duration = running.iter().filter_map(|&child| cpu(child).ok()).sum();
        let ticks = |field| stat(pid, field)?.parse::<u64>().ok();
        let ended = ticks(CHILDREN_USER).zip(ticks(CHILDREN_KERNEL)).context("a proxy has ended")?;
        // One that ends in between is counted twice, or not at all.
        if children(pid).eq(running) {
            return Ok(cpu(pid)? + theirs + Duration::from_millis((ended.0 + ended.1) * 10));
        }
    }
}

/// Resident memory, in kB.
///
/// # Errors
/// If it has ended.
pub fn resident(pid: Pid) -> Result<u64> {
    status(pid, "VmRSS").context("a proxy has ended")
}

/// Of a proxy, in kB: when it has had nothing to do for a while, and for each idle connection that has been used once.
///
/// # Errors
/// If it does not answer.
pub fn idle(proxy: &Started) -> Result<(u64, f64)> {
    let pid = proxy.running.pid;
    sleep(REST);
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
