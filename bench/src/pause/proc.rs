//! What `/proc` says of a process.

use anyhow::{Context, Result, ensure};
use e2e::process;
use nix::unistd::Pid;
use std::fs;
use std::time::Duration;

/// `S` sleeps, `Z` is dead and not reaped.
pub fn state(pid: Pid) -> Result<String> {
    field(pid, 3)
}

/// Page faults, also those that read a file.
pub fn faults(pid: Pid) -> Result<u64> {
    let (minor, major): (u64, u64) = (field(pid, 10)?.parse()?, field(pid, 12)?.parse()?);
    Ok(minor + major)
}

fn field(pid: Pid, number: usize) -> Result<String> {
    process::stat(pid, number).with_context(|| format!("/proc/{pid}/stat has no field {number}"))
}

/// Time on a processor, of a process that has slept before.
pub fn cpu_time(pid: Pid) -> Result<Duration> {
    let time = process::cpu_time(pid).with_context(|| format!("/proc/{pid}/schedstat has no time"))?;
    ensure!(!time.is_zero(), "this kernel does not count CPU time\nhint: run it on one with CONFIG_SCHED_INFO");
    Ok(time)
}

/// Voluntary and involuntary.
pub fn context_switches(pid: Pid) -> Result<u64> {
    Ok(number(pid, "voluntary_ctxt_switches")? + number(pid, "nonvoluntary_ctxt_switches")?)
}

/// Proportional set size in kB: private pages, and of each shared one this process's part.
pub fn pss(pid: Pid) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    number.with_context(|| format!("{path} has no number Pss"))
}

/// In kB.
pub fn page_tables(pid: Pid) -> Result<u64> {
    number(pid, "VmPTE")
}

fn number(pid: Pid, field: &str) -> Result<u64> {
    process::status(pid, field).with_context(|| format!("/proc/{pid}/status has no number {field}"))
}
