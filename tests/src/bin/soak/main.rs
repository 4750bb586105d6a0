//! What becomes of a sidecar's promises while everything goes wrong that can, counted.

#![forbid(unsafe_code)]

mod adapter_proxy;
mod log_shipper;

use anyhow::{Result, ensure};
use clap::Parser;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Counts what a sidecar loses and what it does twice, in the worst of circumstances")]
enum Of {
    /// Hundreds of thousands of numbered lines
    LogShipper(log_shipper::Args),
    /// GETs and POSTs without a pause
    AdapterProxy(adapter_proxy::Args),
    /// What is behind adapter-proxy
    #[command(hide = true)]
    Upstream(e2e::proxy::upstream::Args),
}

fn main() -> ExitCode {
    match soak(&Of::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all promises were kept.
fn soak(of: &Of) -> Result<bool> {
    ensure!(
        nix::unistd::Uid::effective().is_root(),
        "only root makes disks and networks of its own\nhint: run it as root"
    );
    match of {
        Of::LogShipper(args) => log_shipper::soak(args),
        Of::AdapterProxy(args) => adapter_proxy::soak(args),
        Of::Upstream(args) => e2e::proxy::upstream::run(args).map(|()| true).map_err(Into::into),
    }
}

fn is_chosen(parts: &[String], name: &str) -> bool {
    parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()))
}
