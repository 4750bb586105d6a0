//! Hundreds of thousands of numbered lines through log-shipper, while everything goes wrong that can: what was lost, and
//! what was stored twice.

#![forbid(unsafe_code)]

mod log;
mod scenario;
mod soak;

use anyhow::{Result, ensure};
use clap::Parser;
use scenario::Scenario;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Counts what log-shipper loses and what it stores twice, in the worst of circumstances")]
struct Args {
    /// Which scenarios, by a part of their names; all without
    scenarios: Vec<String>,
    /// How many lines, in all but the last
    #[arg(long, default_value_t = 600_000)]
    lines: u64,
    /// How many of them in a second
    #[arg(long, default_value_t = 50_000)]
    rate: u64,
    /// How long the last one takes, in seconds
    #[arg(long, default_value_t = 300)]
    seconds: u64,
}

fn main() -> ExitCode {
    match soak(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing was lost, and nothing stored twice.
fn soak(args: &Args) -> Result<bool> {
    ensure!(nix::unistd::Uid::effective().is_root(), "only root can fill a disk of its own: run it as root");
    let mut good = true;
    println!("{}", soak::Outcome::HEADER);
    for scenario in scenario::all(args.lines, args.rate, Duration::from_secs(args.seconds)) {
        let Scenario { name, .. } = scenario;
        if args.scenarios.is_empty() || args.scenarios.iter().any(|part| name.contains(part.as_str())) {
            let outcome = soak::run(&scenario)?;
            println!("{outcome}");
            good &= outcome.is_good();
        }
    }
    Ok(good)
}
