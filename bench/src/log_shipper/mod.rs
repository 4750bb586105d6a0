//! log-shipper beside rsyslog, which is what Debian ships logs with: CPU time and memory of whole processes, in one run.

mod bulk;
mod cost;
mod http;
mod limit;
mod lines;
mod quiet;
mod shippers;
mod sink;

use crate::machine::{load, version};
use crate::table::Table;
use anyhow::Result;
use cost::Cost;
use limit::{Limit, limit};
use lines::{COUNT, Lines};
use shippers::Shipper;
use sink::{Brought, Kept, Sink};
use std::time::Duration;

#[derive(clap::Args)]
pub struct Args {
    /// How often each shipper has its turn
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Prints a table for each thing that is asked of a shipper.
///
/// # Errors
/// If one fails, or loses something.
pub fn bench(args: &Args) -> Result<()> {
    let lines = Lines::new()?;
    let sink = Sink::new()?;
    let mut null = Contest::new("2,000,000 lines to nowhere", shippers::to_null());
    let mut elasticsearch = Contest::new("2,000,000 lines to Elasticsearch", shippers::to_elasticsearch());
    for round in 1..=args.rounds {
        eprintln!("log-shipper: round {round} of {}", args.rounds);
        null.round(&lines, &sink)?;
        elasticsearch.round(&lines, &sink)?;
    }
    println!("{}\n{}\n{}", null.table(), elasticsearch.table(), elasticsearch.sink()?);
    println!("{}", quiet::table(&[shippers::log_shipper(), shippers::rsyslog()], lines.directory())?);
    println!("rsyslog {}, load average {}", version("rsyslog")?, load()?);
    Ok(())
}

/// Shippers that do the same, taking turns.
struct Contest {
    about: &'static str,
    shippers: Vec<Shipper>,
    /// For each shipper, of each round
    costs: Vec<Vec<Cost>>,
    /// For each shipper, of the first round
    brought: Vec<Brought>,
}

impl Contest {
    fn new(about: &'static str, shippers: Vec<Shipper>) -> Self {
        Self { about, costs: shippers.iter().map(|_| vec![]).collect(), shippers, brought: vec![] }
    }

    fn round(&mut self, lines: &Lines, sink: &Sink) -> Result<()> {
        for (shipper, costs) in self.shippers.iter().zip(&mut self.costs) {
            let first = costs.is_empty();
            let (cost, brought) = shipper.ship(lines, sink, first)?;
            costs.push(cost);
            if first {
                self.brought.push(brought);
            }
        }
        Ok(())
    }

    /// Medians, and the most memory.
    fn table(&self) -> Table {
        let mut table = Table::new(self.about, &self.names());
        let medians = |figure: fn(&Cost) -> Duration| {
            let costs = self.costs.iter();
            costs.map(|costs| median(costs.iter().map(figure).collect())).collect::<Vec<_>>()
        };
        let cpus = medians(|cost| cost.cpu);
        table.add("seconds", 2, &medians(|cost| cost.wall));
        table.add_with_ratios("CPU seconds", 2, &cpus);
        table.add("M lines per CPU second", 2, &cpus.iter().map(|&cpu| millions(COUNT) / cpu).collect::<Vec<_>>());
        let asked = self.shippers.iter().map(|shipper| shipper.asked.map_or("–".into(), |asked| asked.to_string()));
        table.add_cells("asked", asked);
        let peaks = self.costs.iter().map(|costs| costs.iter().map(|cost| cost.peak).max().unwrap_or_default());
        table.add_with_ratios("peak RSS MB", 1, &peaks.map(megabytes).collect::<Vec<_>>());
        if self.brought.iter().any(|brought| brought.bytes > 0) {
            table.add("MB sent", 0, &self.brought.iter().map(|brought| millions(brought.bytes)).collect::<Vec<_>>());
        }
        table
    }

    /// What the sink could take of each.
    fn sink(&self) -> Result<Table> {
        let mut table = Table::new("the sink, given the same from memory", &self.names());
        let kept: Vec<&Kept> = self.brought.iter().map(|brought| &brought.kept).collect();
        let limits = kept.into_iter().map(limit).collect::<Result<Vec<_>>>()?;
        let rate = |time: fn(&Limit) -> Duration| {
            let limits = limits.iter();
            limits.map(|limit| millions(limit.documents) / time(limit).as_secs_f64()).collect::<Vec<_>>()
        };
        table.add("M lines per second", 2, &rate(|limit| limit.wall));
        table.add("per CPU second", 2, &rate(|limit| limit.cpu));
        Ok(table)
    }

    fn names(&self) -> Vec<&'static str> {
        self.shippers.iter().map(|shipper| shipper.name).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures to be read")]
fn millions(count: u64) -> f64 {
    count as f64 / 1e6
}

/// From kB, as `/proc` counts them.
fn megabytes(kilobytes: u64) -> f64 {
    millions(kilobytes * 1024)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}
