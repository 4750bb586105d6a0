//! Commands that do the same, taking turns.

use crate::table::Table;
use anyhow::{Context, Result};
use e2e::command::output;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::unistd::syncfs;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A shell command, with `{from}` and `{to}`, a directory that is new each time.
#[derive(Clone)]
pub struct Entrant {
    name: &'static str,
    command: String,
}

pub struct Contest<'a> {
    pub about: &'static str,
    pub entrants: &'a [Entrant],
    pub from: &'a Path,
    /// Where the new directories are made
    pub to: &'a Path,
}

impl Entrant {
    pub fn new(name: &'static str, command: String) -> Self {
        Self { name, command }
    }
}

impl Contest<'_> {
    /// Medians of so many rounds.
    ///
    /// # Errors
    /// If one of them fails.
    pub fn table(&self, rounds: u32) -> Result<Table> {
        eprintln!("war-copy: {}", self.about);
        let mut times = vec![(vec![], vec![]); self.entrants.len()];
        // ext4 looks at every inode that was freed in the last minutes before it takes one, so what was copied is
        // removed only at the end.
        let home = tempfile::tempdir_in(self.to)?;
        for round in 0..rounds {
            for (number, entrant) in self.entrants.iter().enumerate() {
                let to = home.path().join(format!("{number}-{round}"));
                std::fs::create_dir(&to)?;
                // What those before have left to be written would be written in the time of this one.
                syncfs(File::open(&to)?)?;
                let (wall, cpu) = self.once(entrant, &to).with_context(|| format!("{} fails", entrant.name))?;
                times[number].0.push(wall);
                times[number].1.push(cpu);
                if self.to.starts_with("/dev/shm") {
                    std::fs::remove_dir_all(&to)?; // memory has no such memory, and it is needed
                }
            }
        }
        let names: Vec<_> = self.entrants.iter().map(|entrant| entrant.name).collect();
        let mut table = Table::new(self.about, &names);
        let (walls, cpus): (Vec<_>, Vec<_>) = times.into_iter().map(|(wall, cpu)| (median(wall), median(cpu))).unzip();
        table.add_with_ratios("seconds", 2, &walls);
        table.add_with_ratios("CPU seconds", 2, &cpus);
        Ok(table)
    }

    fn once(&self, entrant: &Entrant, to: &Path) -> Result<(Duration, Duration)> {
        let command = entrant.command.replace("{from}", &self.from.display().to_string());
        let command = command.replace("{to}", &to.display().to_string());
        let before = cpu_of_children()?;
        let begun = Instant::now();
        output(Command::new("sh").args(["-c", &command]))?;
        Ok((begun.elapsed(), cpu_of_children()?.saturating_sub(before)))
    }
}

/// Of all that have ended and been waited for.
fn cpu_of_children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let time = |time: TimeVal| {
        Duration::new(time.tv_sec().unsigned_abs(), 0) + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    Ok(time(usage.user_time()) + time(usage.system_time()))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}
