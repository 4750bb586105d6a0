//! Ships a pod's log files, and loses nothing.

#![forbid(unsafe_code)]

mod args;
mod check;
mod ship;
mod status;

use args::{Settings, Task};
use chassis::stop::Stop;
use chassis::{exit, probe, service};
use std::process::ExitCode;

fn main() -> ExitCode {
    match args::task() {
        Ok(Task::Ship(settings)) => exit::code(ship(settings)),
        Ok(Task::Check(settings)) => exit::code(check::check(&settings)),
        Ok(Task::Probe(address, which)) => exit::code(probe::probe(address, which)),
        Err(code) => code,
    }
}

fn ship(settings: Settings) -> anyhow::Result<()> {
    let stop = Stop::after(settings.ending.drain_timeout)?;
    service::run(ship::ship(settings, &stop))
}
