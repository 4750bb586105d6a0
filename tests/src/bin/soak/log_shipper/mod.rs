//! Hundreds of thousands of numbered lines through log-shipper, while everything goes wrong that can: what was lost, and
//! what was stored twice.

mod log;
mod run;
mod scenario;

use anyhow::Result;
use std::time::Duration;

#[derive(clap::Args)]
pub struct Args {
    /// Which scenarios, by a part of their names [default: all]
    scenarios: Vec<String>,
    /// How many lines, in all but the last
    #[arg(long, value_name = "N", default_value_t = 600_000)]
    lines: u64,
    /// How many of them in a second
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    rate: u64,
    /// How long the last one takes, in seconds
    #[arg(long, value_name = "N", default_value_t = 300)]
    seconds: u64,
}

/// Whether nothing was lost, and nothing stored twice.
pub fn soak(args: &Args) -> Result<bool> {
    let mut good = true;
    println!("{}", run::Outcome::HEADER);
    for scenario in scenario::all(args.lines, args.rate, Duration::from_secs(args.seconds)) {
        if super::is_chosen(&args.scenarios, scenario.name) {
            let outcome = run::run(&scenario)?;
            println!("{outcome}");
            good &= outcome.is_good();
        }
    }
    Ok(good)
}
