//! Streams of 256 MiB, from a backend to a client.

use super::proxies::Started;
use super::resources::cpu;
use super::stream::through;
use super::{Rounds, add_with_ratios, medians};
use crate::table::Table;
use anyhow::{Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use std::time::{Duration, Instant};

const BYTES: u64 = 256 << 20;

pub struct Tcp {
    names: Vec<&'static str>,
    /// CPU seconds for each GB
    pub cpu: Rounds,
    /// The same with those of this process, which is server and client
    all: Rounds,
    /// GB a second
    rate: Rounds,
}

impl Tcp {
    pub fn new(names: &[&'static str]) -> Self {
        let [cpu, all, rate] = [(); 3].map(|()| vec![vec![]; names.len()]);
        Self { names: names.into(), cpu, all, rate }
    }

    /// Each has its turn.
    ///
    /// # Errors
    /// If bytes are missing.
    #[expect(clippy::cast_precision_loss, reason = "figures to be read")]
    pub fn round(&mut self, proxies: &[&Started]) -> Result<()> {
        for (index, proxy) in proxies.iter().enumerate() {
            let begun = Instant::now();
            let (proxys, ends) = (cpu(proxy.running.pid)?, own_cpu()?);
            let came = through(proxy.tcp, BYTES)?;
            ensure!(came == BYTES, "{} passes {came} bytes of {BYTES}", self.names[index]);
            let gigabytes = BYTES as f64 / 1e9;
            self.rate[index].push(gigabytes / begun.elapsed().as_secs_f64());
            let proxys = cpu(proxy.running.pid)?.saturating_sub(proxys).as_secs_f64() / gigabytes;
            let ends = own_cpu()?.saturating_sub(ends).as_secs_f64() / gigabytes;
            self.cpu[index].push(proxys);
            self.all[index].push(proxys + ends);
        }
        Ok(())
    }

    /// Medians.
    pub fn table(&self) -> Table {
        let mut table = Table::new("TCP, a stream of 256 MiB", &self.names);
        add_with_ratios(&mut table, "CPU s per GB", 3, &self.cpu);
        add_with_ratios(&mut table, "with both ends", 3, &self.all);
        table.add("GB/s", 2, &medians(&self.rate));
        table
    }
}

/// Of this process so far, with its threads that have ended.
fn own_cpu() -> Result<Duration> {
    let used = getrusage(UsageWho::RUSAGE_SELF)?;
    let of = |time: TimeVal| Duration::from_micros(time.num_microseconds().unsigned_abs());
    Ok(of(used.user_time()) + of(used.system_time()))
}
