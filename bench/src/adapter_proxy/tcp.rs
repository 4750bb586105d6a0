//! Streams of 256 MiB, from a backend to a client.

use super::proxies::Started;
use super::resources::cpu;
use super::stream::through;
use super::{Rounds, add_with_ratios, medians};
use crate::table::Table;
use anyhow::{Result, ensure};
use std::time::Instant;

const BYTES: u64 = 256 << 20;

pub struct Tcp {
    names: Vec<&'static str>,
    /// CPU seconds for each GB
    pub cpu: Rounds,
    /// GB a second
    rate: Rounds,
}

impl Tcp {
    pub fn new(names: &[&'static str]) -> Self {
        Self { names: names.into(), cpu: vec![vec![]; names.len()], rate: vec![vec![]; names.len()] }
    }

    /// Each has its turn.
    ///
    /// # Errors
    /// If bytes are missing.
    #[expect(clippy::cast_precision_loss, reason = "figures to be read")]
    pub fn round(&mut self, proxies: &[&Started]) -> Result<()> {
        for (index, proxy) in proxies.iter().enumerate() {
            let (before, begun) = (cpu(proxy.running.pid)?, Instant::now());
            let came = through(proxy.tcp, BYTES)?;
            ensure!(came == BYTES, "{} passes {came} bytes of {BYTES}", self.names[index]);
            let gigabytes = BYTES as f64 / 1e9;
            self.rate[index].push(gigabytes / begun.elapsed().as_secs_f64());
            self.cpu[index].push(cpu(proxy.running.pid)?.saturating_sub(before).as_secs_f64() / gigabytes);
        }
        Ok(())
    }

    /// Medians.
    pub fn table(&self) -> Table {
        let mut table = Table::new("TCP, a stream of 256 MiB", &self.names);
        add_with_ratios(&mut table, "CPU s per GB", 3, &self.cpu);
        table.add("GB/s", 2, &medians(&self.rate));
        table
    }
}
