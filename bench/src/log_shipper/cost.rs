//! What a run of a shipper costs.

use crate::running::Running;
use anyhow::{Result, ensure};
use e2e::process::status;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeVal;
use nix::unistd::Pid;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The slowest takes half a minute on a machine that does nothing else.
const LIMIT: Duration = Duration::from_mins(5);

#[derive(Clone, Copy)]
pub struct Cost {
    pub wall: Duration,
    /// Of the whole process, its start and end included
    pub cpu: Duration,
    /// The most that was resident, in kB
    pub peak: u64,
}

/// Runs it to its end, for which it is asked as soon as it is `done`.
///
/// # Errors
/// If it fails, or does not end.
pub fn cost(command: &mut Command, mut done: impl FnMut(Pid) -> bool) -> Result<Cost> {
    let (before, begun) = (cpu_of_children()?, Instant::now());
    let mut running = Running::start(command)?;
    let (mut peak, mut asked) = (0, false);
    let status = loop {
        // It only rises, so that what is missed is what came in the last moment.
        peak = peak.max(status(running.pid, "VmHWM").unwrap_or_default());
        if let Some(status) = running.child.try_wait()? {
            break status;
        }
        ensure!(begun.elapsed() < LIMIT, "it does not end within {LIMIT:?}");
        if !asked && done(running.pid) {
            asked = true;
            kill(running.pid, Signal::SIGTERM)?;
        }
        sleep(Duration::from_millis(5));
    };
    ensure!(status.success(), "it ends with {status}");
    Ok(Cost { wall: begun.elapsed(), cpu: cpu_of_children()?.saturating_sub(before), peak })
}

/// Of all that have ended and been waited for.
fn cpu_of_children() -> Result<Duration> {
    Ok(cpu(&getrusage(UsageWho::RUSAGE_CHILDREN)?))
}

/// User and kernel.
pub fn cpu(usage: &Usage) -> Duration {
    let time = |time: TimeVal| {
        Duration::new(time.tv_sec().unsigned_abs(), 0) + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    time(usage.user_time()) + time(usage.system_time())
}
