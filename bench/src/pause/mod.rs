//! pause beside its peers: size, memory, start, the reaping of orphans, and images.

mod images;
mod instance;
mod memory;
mod proc;
mod programs;
mod reaping;
mod report;
mod start;

use anyhow::{Context, Result, ensure};
use report::Figures;
use std::fs::File;

#[derive(clap::Args)]
pub struct Args {
    /// How often each program is started for the median of its start time
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = at_least_one)]
    runs: usize,
    /// How many instances share their memory
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least_one)]
    instances: usize,
    /// How many orphans each program adopts, in each of the four ways
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = at_least_one)]
    orphans: usize,
    /// Print Markdown
    #[arg(long)]
    markdown: bool,
}

/// # Errors
/// Without root, or if pause itself cannot be measured; a peer that cannot be had is left out.
pub fn bench(args: &Args) -> Result<()> {
    ensure!(nix::unistd::geteuid().is_root(), "only root makes PID namespaces\nhint: run it as root");
    let orphan_maker = reaping::orphan_maker()?;
    // A terminal on standard input would be taken over by tini's child.
    nix::unistd::dup2_stdin(File::open("/dev/null").context("cannot open /dev/null")?)?;
    let programs = programs::all();
    let figures = Figures {
        elf: programs.iter().map(programs::Program::size).collect::<Result<_>>()?,
        memory: memory::measure(&programs, args.instances)?,
        start: start::measure(&programs, args.runs)?,
        reaping: reaping::measure(&programs, &orphan_maker, args.orphans)?,
        images: images::measure(&programs).unwrap_or_else(|error| {
            eprintln!("warning: there is no table of images: {error:#}");
            vec![]
        }),
    };
    report::print(args, &programs, &figures);
    Ok(())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// For tables, which have less than 53 bits of anything.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn float(number: u64) -> f64 {
    number as f64
}
