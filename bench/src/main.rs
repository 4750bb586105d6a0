//! Each program beside its peers, measured in one run on one machine.

#![forbid(unsafe_code)]

mod adapter_proxy;
mod log_shipper;
mod machine;
mod pause;
mod running;
mod table;
mod war_copy;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Measures each program beside its peers, which come from Debian's packages")]
struct Args {
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand)]
enum Program {
    /// What it costs to hold a pod; needs root and gcc
    Pause(pause::Args),
    /// What it costs to put artifacts on a volume; needs 4 GB of memory
    WarCopy(war_copy::Args),
    /// What it costs to ship logs; needs rsyslog and 1 GB of memory
    LogShipper(log_shipper::Args),
    /// What it costs to pass traffic on; needs haproxy, nginx and wrk
    AdapterProxy(adapter_proxy::Args),
    /// What it costs to map bodies and to make pages of metrics; needs nginx, and Lua and njs for it, haproxy and wrk
    Adapter(adapter_proxy::adapter::Args),
}

fn main() -> ExitCode {
    match run(Args::parse().program) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(program: Program) -> Result<()> {
    match program {
        Program::Pause(args) => pause::bench(&args),
        Program::WarCopy(args) => war_copy::bench(&args),
        Program::LogShipper(args) => log_shipper::bench(&args),
        Program::AdapterProxy(args) => adapter_proxy::bench(&args),
        Program::Adapter(args) => adapter_proxy::adapter::bench(&args),
    }
}
