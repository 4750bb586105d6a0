//! adapter-proxy beside haproxy and nginx as Debian has them, and envoy where it can be had: taking turns, in one run.

pub mod adapter;
mod asked;
mod http;
mod load;
mod proxies;
mod quiet;
mod resources;
mod stream;
mod tcp;

use crate::machine::load;
use crate::table::{Table, median, number};
use anyhow::Result;
use http::Http;
use load::Keep;
use proxies::{Backends, Started};
use tcp::Tcp;

/// So many streams a proxy passes on each time
const STREAMS: u32 = 6;

#[derive(clap::Args)]
pub struct Args {
    /// How often each proxy has its turn
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Prints a table for each thing that is asked of a proxy, and one of what that is.
///
/// # Errors
/// If one fails.
pub fn bench(args: &Args) -> Result<()> {
    let backends = Backends::start()?;
    let (proxies, tuned) = (proxies::proxies()?, proxies::tuned_haproxy()?);
    let names: Vec<_> = proxies.iter().map(|proxy| proxy.name).collect();
    let quiet = quiet::measure(&proxies, &backends)?;

    let started = proxies.iter().map(|proxy| proxy.start(&backends)).collect::<Result<Vec<Started>>>()?;
    let tuned = (tuned.name, tuned.start(&backends)?);
    let mut alive = Http::new("HTTP/1.1, connections kept", Keep::Alive, 3_000, &names);
    let mut each = Http::new("HTTP/1.1, a connection for each request", Keep::Close, 1_500, &names);
    let streams: Vec<_> = started.iter().chain([&tuned.1]).collect();
    let mut tcp = Tcp::new(&[&names[..], &[tuned.0]].concat());
    for round in 1..=args.rounds {
        eprintln!("adapter-proxy: round {round} of {}", args.rounds);
        alive.round(&started)?;
        each.round(&started)?;
        for _ in 0..STREAMS {
            tcp.round(&streams)?;
        }
    }
    println!("{}\n{}\n{}", alive.table(), each.table(), tcp.table());
    println!("{}", quiet::table(&names, &quiet, &alive.busy));
    println!("{}", asked::table(&names, &alive, &each, &tcp, &quiet[0])?);
    println!("{}, load average {}", proxies::versions()?, load()?);
    Ok(())
}

/// A figure of each round, of each proxy.
type Rounds = Vec<Vec<f64>>;

fn medians(rounds: &[Vec<f64>]) -> Vec<f64> {
    rounds.iter().map(|rounds| median(rounds.iter().copied())).collect()
}

/// The median of what `rounds` is to `others` in each round, which what else the machine does in the meantime slows down
/// alike.
fn ratio(rounds: &[f64], others: &[f64]) -> f64 {
    median(rounds.iter().zip(others).map(|(figure, other)| figure / other))
}

/// Adds a column of medians, and one of what they are to the first row's.
fn add_with_ratios(table: &mut Table, title: &str, decimals: usize, rounds: &Rounds) {
    table.add(title, decimals, &medians(rounds));
    table.add_cells("×", rounds.iter().map(|row| number(ratio(row, &rounds[0]), 2) + "×"));
}
