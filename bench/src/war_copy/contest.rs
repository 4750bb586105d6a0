//! Commands that do the same, taking turns.

use crate::table::{Table, median, number};
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
    /// How often each has its turn
    pub rounds: u32,
}

impl Entrant {
    pub fn new(name: &'static str, command: String) -> Self {
        Self { name, command }
    }
}

impl Contest<'_> {
    /// Medians of the rounds; a ratio is the median of those in each round, which what else the machine does in the
    /// meantime changes less.
    ///
    /// # Errors
    /// If one of them fails.
    pub fn table(&self) -> Result<Table> {
        eprintln!("war-copy: {}", self.about);
        let mut times = vec![(vec![], vec![]); self.entrants.len()];
        // ext4 looks at every inode that was freed in the last minutes before it takes one, so what was copied is
        // removed only at the end.
        let home = tempfile::tempdir_in(self.to)?;
        for round in 0..self.rounds {
            // Each is first as often as the others: who comes second gets the memory that the first has used.
            let mut order: Vec<_> = self.entrants.iter().enumerate().collect();
            let count = order.len();
            order.rotate_left(round as usize % count);
            for (row, entrant) in order {
                let to = home.path().join(format!("{row}-{round}"));
                std::fs::create_dir(&to)?;
                // What those before have left to be written would be written in the time of this one.
                syncfs(File::open(&to)?)?;
                let (wall, cpu) = self.once(entrant, &to).with_context(|| format!("{} fails", entrant.name))?;
                times[row].0.push(wall.as_secs_f64());
                times[row].1.push(cpu.as_secs_f64());
                if self.to.starts_with("/dev/shm") {
                    std::fs::remove_dir_all(&to)?; // memory has no such memory, and it is needed
                }
            }
        }
        let names: Vec<_> = self.entrants.iter().map(|entrant| entrant.name).collect();
        let mut table = Table::new(self.about, &names);
        let (walls, cpus): (Vec<Vec<f64>>, Vec<Vec<f64>>) = times.into_iter().unzip();
        for (title, times) in [("seconds", walls), ("CPU seconds", cpus)] {
            let ratios = |row: &Vec<f64>| median(row.iter().zip(&times[0]).map(|(time, first)| time / first));
            table.add(title, 2, &times.iter().map(|row| median(row.iter().copied())).collect::<Vec<_>>());
            table.add_cells("×", times.iter().map(|row| number(ratios(row), 2) + "×"));
        }
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
