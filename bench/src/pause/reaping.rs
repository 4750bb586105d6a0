//! What it takes a program to reap the orphans of its pod.

use super::instance::Instance;
use super::proc;
use super::programs::Program;
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use e2e::command::output;
use e2e::orphans::Way;
use nix::unistd::Pid;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Of PID 1, from before the first orphan to after the last.
pub struct Reaping {
    pub cpu_time: Duration,
    pub context_switches: u64,
    /// What it left unreaped
    pub zombies: u64,
}

/// Of each program, in each of the ways that `Way` lists.
pub fn measure(programs: &[Program], maker: &Path, orphans: usize) -> Result<Vec<Vec<Reaping>>> {
    let mut reaping: Vec<_> = programs.iter().map(|_| vec![]).collect();
    for &way in Way::value_variants() {
        eprintln!("reaping: {orphans} orphans for each program, {}", name(way));
        for (program, reaping) in programs.iter().zip(&mut reaping) {
            reaping.push(of(program, maker, way, orphans).with_context(|| format!("cannot measure {}", program.name))?);
        }
    }
    Ok(reaping)
}

/// As the orphan maker calls it.
pub fn name(way: Way) -> String {
    way.to_possible_value().expect("no way is hidden").get_name().into()
}

/// The tests' application, which makes orphans to order.
pub fn orphan_maker() -> Result<PathBuf> {
    let app = e2e::workspace(&format!("target/e2e/bin/{}/app", e2e::architecture()));
    ensure!(app.exists(), "{} is missing\nhint: run `cargo xtask images app --dist target/e2e`", app.display());
    Ok(app)
}

fn of(program: &Program, maker: &Path, way: Way, orphans: usize) -> Result<Reaping> {
    let instance = Instance::hold(program)?;
    instance.release()?;
    instance.until_still(Duration::from_millis(50))?;
    let pid = instance.process.pid;
    let children = instance.process.children().count();
    let (cpu_time, context_switches) = (proc::cpu_time(pid)?, proc::context_switches(pid)?);
    adopt(pid, maker, way, orphans)?;
    instance.until_still(Duration::from_millis(50))?;
    if instance.process.children().count() > children {
        // The last ones may be on their way out yet.
        instance.until_still(Duration::from_secs(1))?;
    }
    Ok(Reaping {
        cpu_time: proc::cpu_time(pid)?.saturating_sub(cpu_time),
        context_switches: proc::context_switches(pid)? - context_switches,
        zombies: instance.process.zombies() as u64,
    })
}

/// Makes orphans in the PID namespace of `pid`.
fn adopt(pid: Pid, maker: &Path, way: Way, orphans: usize) -> Result<()> {
    let (pid, count) = (pid.to_string(), orphans.to_string());
    let mut command = Command::new("nsenter");
    command.args(["--pid", "--target", &pid, "--"]).arg(maker).args(["orphans", &name(way), &count]);
    let adopted = output(&mut command)
        .context("cannot make the orphans: lower --orphans, or raise kernel.pid_max and the cgroup's pids.max")?;
    // Those that are dead before their parent cannot tell.
    ensure!(way == Way::Zombie || adopted == count, "PID 1 adopted {adopted} of {count} orphans");
    Ok(())
}
