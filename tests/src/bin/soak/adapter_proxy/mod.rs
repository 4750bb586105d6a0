//! An app that asks without a pause through adapter-proxy, while its upstreams fail in all ways: what the app saw of it,
//! and which POSTs were done twice.

mod load;
mod outcome;
mod run;
mod scenario;
mod stage;

use anyhow::Result;
use outcome::Outcome;
use std::thread;
use std::time::Duration;

#[derive(clap::Args)]
pub struct Args {
    /// Which scenarios, by a part of their names [default: all]
    scenarios: Vec<String>,
    /// How long the last one takes, in seconds
    #[arg(long, value_name = "N", default_value_t = 300)]
    seconds: u64,
}

/// Whether all promises were kept.
pub fn soak(args: &Args) -> Result<bool> {
    let mut good = true;
    println!("{}", Outcome::HEADER);
    for scenario in scenario::all(Duration::from_secs(args.seconds)) {
        if super::is_chosen(&args.scenarios, scenario.name) {
            // Each has a network of its own, which is its thread's.
            let outcome = thread::spawn(move || run::run(&scenario)).join().expect("it does not panic")?;
            println!("{outcome}");
            good &= outcome.is_good();
        }
    }
    Ok(good)
}
