//! adapter-proxy as an adapter, beside haproxy and nginx with scripts that do the same: taking turns, in one run.

pub mod app;
mod mapping;
mod page;
mod peers;

use super::load::CONNECTIONS;
use super::proxies::{Backends, Started};
use crate::machine::load;
use crate::table::{Table, median, number};
use anyhow::{Context, Result};
use mapping::Mapping;

#[derive(clap::Args)]
pub struct Args {
    /// How often each proxy has its turns
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Prints a table for each thing that is asked of an adapter, and one of what that is.
///
/// # Errors
/// If one fails, or makes something else of a body than the others.
pub fn bench(args: &Args) -> Result<()> {
    let backends = Backends::start()?;
    let proxies = peers::peers()?;
    let names: Vec<_> = proxies.iter().map(|proxy| proxy.name).collect();
    let started = proxies.iter().map(|proxy| proxy.start(&backends)).collect::<Result<Vec<Started>>>()?;
    let own = started.first().context("no adapter-proxy")?;
    mapping::check(&names, &started)?;
    page::check(own)?;

    let (mut many, mut one, mut pages) = (Mapping::new(CONNECTIONS, &names), Mapping::new(1, &names), vec![]);
    for round in 1..=args.rounds {
        eprintln!("adapter: round {round} of {}", args.rounds);
        many.round(&started)?;
        one.round(&started)?;
        pages.push(page::turn(own)?);
    }
    println!("{}\n{}", many.table(), one.table());
    println!("{}", asked(&many, median(pages.into_iter())));
    println!("{}, load average {}", peers::versions()?, load()?);
    Ok(())
}

/// What is asked, and what is.
fn asked(mapping: &Mapping, page: f64) -> Table {
    let mut rows = vec![("10 fields of 1 KB of JSON: CPU µs more than passed on", "30", number(mapping.cost(), 1))];
    if let Some(ratio) = mapping.to_best() {
        rows.push(("… to the best of the others", "–", number(ratio, 2) + "×"));
    }
    rows.push(("CPU ms for a page of 1,000 series", "2", number(page, 2)));

    let mut table = Table::new("asked of the adapter", &rows.iter().map(|row| row.0).collect::<Vec<_>>());
    table.add_cells("at most", rows.iter().map(|row| row.1.into()));
    table.add_cells("is", rows.iter().map(|row| row.2.clone()));
    table
}
