//! One local address for a whole cluster.

#![forbid(unsafe_code)]

mod args;
mod check;
mod door;
mod drain;
mod explain;
mod proxy;
mod sample;
mod status;
mod trial;

use adapter_proxy::filter::worker;
use args::{Settings, Task};
use chassis::stop::Stop;
use chassis::{exit, probe, service};
use std::io::{Write, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    match args::task() {
        Ok(Task::Proxy(settings)) => exit::code(proxy(settings)),
        Ok(Task::Check(settings)) => exit::code(check::check(&settings)),
        Ok(Task::Probe(address, which)) => exit::code(probe::probe(address, which)),
        Ok(Task::Explain(question)) => exit::code(explain::explain(&question)),
        Ok(Task::Try(trial)) => exit::code(trial::trial(trial)),
        Ok(Task::Preset(text)) => exit::code(stdout().write_all(text.as_bytes()).map_err(Into::into)),
        Ok(Task::Wait(address, timeout)) => exit::code(probe::wait(address, timeout)),
        Ok(Task::Work) => exit::code(worker::work()),
        Err(code) => code,
    }
}

fn proxy(settings: Settings) -> anyhow::Result<()> {
    let stop = Stop::after_goodbye(settings.ending.drain_timeout)?;
    service::run(proxy::proxy(settings, &stop))
}
