//! When there is little to do: how soon a line is there, and what it costs to wait for one.

use super::lines::line;
use super::shippers::{Shipper, home};
use super::sink::Sink;
use crate::running::Running;
use crate::table::Table;
use anyhow::{Context, Result};
use e2e::process::status;
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

const LINES: u32 = 300;

/// How long a line may take to be there at all
const LIMIT: Duration = Duration::from_secs(10);

/// After what was done there is something to be written down, and threads that wait for more
const SETTLING: Duration = Duration::from_secs(15);

/// How long it is watched while it waits
const WATCHED: Duration = Duration::from_secs(10);

/// A row for each shipper.
///
/// # Errors
/// If one cannot be started. One that does not deliver has a dash.
pub fn table(shippers: &[Shipper], logs: &Path) -> Result<Table> {
    let names: Vec<_> = shippers.iter().map(|shipper| shipper.name).collect();
    let mut table = Table::new("a line at a time", &names);
    let quiet = shippers.iter().map(|shipper| Quiet::of(shipper, logs)).collect::<Result<Vec<_>>>()?;
    let cells = |figure: fn(&Quiet) -> Option<f64>, decimals| {
        let cell = move |quiet| figure(quiet).map_or("–".into(), |figure| crate::table::number(figure, decimals));
        quiet.iter().map(cell).collect::<Vec<_>>()
    };
    table.add_cells("p50 ms", cells(|quiet| quiet.percentile(50), 2).into_iter());
    table.add_cells("asked", ["1".to_owned()].into_iter());
    table.add_cells("p99 ms", cells(|quiet| quiet.percentile(99), 2).into_iter());
    table.add_cells("asked", ["20".to_owned()].into_iter());
    table.add_cells("idle RSS MB", cells(|quiet| Some(super::megabytes(quiet.resident)), 1).into_iter());
    table.add_cells("asked", ["3".to_owned()].into_iter());
    table.add_cells("of it anonymous", cells(|quiet| Some(super::megabytes(quiet.anonymous)), 1).into_iter());
    table.add_cells("wake-ups a minute", cells(|quiet| Some(quiet.switches), 0).into_iter());
    Ok(table)
}

struct Quiet {
    /// Sorted; nothing if one was not delivered
    delays: Vec<Duration>,
    /// In kB
    resident: u64,
    /// Of it what is not the program itself, in kB
    anonymous: u64,
    /// Context switches a minute, of all its threads
    switches: f64,
}

impl Quiet {
    fn of(shipper: &Shipper, logs: &Path) -> Result<Self> {
        eprintln!("log-shipper: a line at a time, by {}", shipper.name);
        let (home, sink) = (home()?, Sink::new()?);
        let log = logs.join("quiet.log");
        let mut file = File::create(&log)?;
        let running = Running::start(&mut shipper.command(&log, home.path(), sink.address)?)?;
        // The first one shows that it is there.
        let mut delays = vec![];
        for number in 0..=LINES {
            sleep(Duration::from_millis(20 + u64::from(number) * 7 % 30));
            let begun = Instant::now();
            file.write_all(line(number.into(), 0).as_bytes())?;
            let Some(there) = sink.until(u64::from(number) + 1, LIMIT) else {
                eprintln!("log-shipper: {} does not deliver", shipper.name);
                delays.clear();
                break;
            };
            if number > 0 {
                delays.push(there - begun);
            }
        }
        delays.sort_unstable();
        sleep(SETTLING);
        let (before, begun) = (context_switches(running.pid)?, Instant::now());
        sleep(WATCHED);
        let switches = context_switches(running.pid)?.saturating_sub(before);
        let minutes = begun.elapsed().as_secs_f64() / 60.0;
        let resident = status(running.pid, "VmRSS").context("it has ended")?;
        let anonymous = status(running.pid, "RssAnon").context("it has ended")?;
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let switches = switches as f64 / minutes;
        fs::remove_file(&log)?;
        Ok(Self { delays, resident, anonymous, switches })
    }

    /// In milliseconds.
    fn percentile(&self, percent: usize) -> Option<f64> {
        let delay = self.delays.get(self.delays.len() * percent / 100)?;
        Some(delay.as_secs_f64() * 1000.0)
    }
}

/// Of all threads that there are.
fn context_switches(pid: Pid) -> Result<u64> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).context("it has ended")?;
    let ids = threads.filter_map(|thread| thread.ok()?.file_name().to_str()?.parse().ok().map(Pid::from_raw));
    let switches = |pid| Some(status(pid, "voluntary_ctxt_switches")? + status(pid, "nonvoluntary_ctxt_switches")?);
    Ok(ids.filter_map(switches).sum())
}
