//! How long a program takes from being spawned to being reaped, when it has next to nothing to do.

use super::programs::Program;
use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The median of `runs` of each program. They take turns, so that whatever slows the machine down slows them all.
pub fn measure(programs: &[Program], runs: usize) -> Result<Vec<Duration>> {
    eprintln!("start: {runs} runs of each program");
    let mut times = vec![Vec::with_capacity(runs); programs.len()];
    for _ in 0..runs {
        for (program, times) in programs.iter().zip(&mut times) {
            times.push(once(program).with_context(|| format!("cannot measure {}", program.name))?);
        }
    }
    Ok(times.into_iter().map(median).collect())
}

/// Nothing here keeps `Command` from vfork(2), so this process's own size does not count.
fn once(program: &Program) -> Result<Duration> {
    let mut command = Command::new(&program.file);
    command.arg(program.exit).stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status()?;
    let time = start.elapsed();
    ensure!(status.success(), "`{}` ends with {status}", program.exit);
    Ok(time)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
