//! Requests of 64 connections for 1 KB, from three backends.

use super::load::{CONNECTIONS, Keep, flood, steady};
use super::proxies::Started;
use super::resources::{cpu, resident};
use super::{Rounds, add_with_ratios, medians};
use crate::table::{Table, number};
use anyhow::{Context, Result};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

/// Of each proxy in each round
const TURNS: u32 = 4;
/// wrk knows no less
const FLOOD: Duration = Duration::from_secs(1);
const STEADY: Duration = Duration::from_millis(500);

pub struct Http {
    about: &'static str,
    names: Vec<&'static str>,
    keep: Keep,
    /// Requests a second, when all have the same
    rate: u32,
    /// CPU seconds for a million requests, and thousands of requests a second, when each has as many as it takes
    pub cpu: Rounds,
    thousands: Rounds,
    /// The most that is resident then, in kB
    pub busy: Vec<u64>,
    /// CPU seconds for a million requests, and percentiles in milliseconds, when all have the same
    steady_cpu: Rounds,
    p50: Rounds,
    pub p99: Rounds,
}

impl Http {
    pub fn new(about: &'static str, keep: Keep, rate: u32, names: &[&'static str]) -> Self {
        let rounds = || vec![vec![]; names.len()];
        Self {
            about,
            names: names.into(),
            keep,
            rate,
            cpu: rounds(),
            thousands: rounds(),
            busy: vec![0; names.len()],
            steady_cpu: rounds(),
            p50: rounds(),
            p99: rounds(),
        }
    }

    /// Short turns with as much as each takes, and with what all have: what else the machine does is in few of them then.
    ///
    /// # Errors
    /// If a request fails.
    pub fn round(&mut self, proxies: &[Started]) -> Result<()> {
        for turn in 0..TURNS {
            for (index, proxy) in proxies.iter().enumerate() {
                if turn % 2 == 0 {
                    self.flood(index, proxy).with_context(|| format!("{} fails", self.names[index]))?;
                }
                self.steady(index, proxy).with_context(|| format!("{} fails", self.names[index]))?;
            }
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "figures to be read")]
    fn flood(&mut self, index: usize, proxy: &Started) -> Result<()> {
        let pid = proxy.running.pid;
        let (before, begun) = (cpu(pid)?, Instant::now());
        let (requests, peak) = most_resident(proxy, || flood(proxy.http, "/", CONNECTIONS, self.keep, FLOOD))?;
        self.thousands[index].push(requests as f64 / begun.elapsed().as_secs_f64() / 1e3);
        self.cpu[index].push(for_a_million(cpu(pid)?.saturating_sub(before), requests as f64));
        self.busy[index] = self.busy[index].max(peak);
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "figures to be read")]
    fn steady(&mut self, index: usize, proxy: &Started) -> Result<()> {
        let pid = proxy.running.pid;
        let before = cpu(pid)?;
        let times = steady(proxy.http, self.keep, self.rate, STEADY)?;
        let percentile = |percent: usize| {
            let time = times.get(times.len() * percent / 100).context("no request was sent")?;
            anyhow::Ok(time.as_secs_f64() * 1e3)
        };
        self.p50[index].push(percentile(50)?);
        self.p99[index].push(percentile(99)?);
        self.steady_cpu[index].push(for_a_million(cpu(pid)?.saturating_sub(before), times.len() as f64));
        Ok(())
    }

    /// Medians.
    pub fn table(&self) -> Table {
        let mut table = Table::new(&format!("{}, {CONNECTIONS} clients, 1 KB", self.about), &self.names);
        add_with_ratios(&mut table, "CPU s per M", 1, &self.cpu);
        table.add("k requests/s", 1, &medians(&self.thousands));
        let rate = number(self.rate.into(), 0);
        add_with_ratios(&mut table, &format!("at {rate}/s: CPU s per M"), 1, &self.steady_cpu);
        table.add("p50 ms", 2, &medians(&self.p50));
        table.add("p99 ms", 2, &medians(&self.p99));
        table
    }
}

/// Does something, and looks meanwhile how much memory a proxy holds at most, in kB.
fn most_resident<T>(proxy: &Started, act: impl FnOnce() -> Result<T>) -> Result<(T, u64)> {
    let done = AtomicBool::new(false);
    scope(|threads| {
        let watch = threads.spawn(|| {
            let mut most = 0;
            while !done.load(Relaxed) {
                most = most.max(resident(proxy.running.pid)?);
                sleep(Duration::from_millis(20));
            }
            anyhow::Ok(most)
        });
        let result = act();
        done.store(true, Relaxed);
        let most = watch.join().map_err(|_| anyhow::anyhow!("the watch panics"))??;
        Ok((result?, most))
    })
}

fn for_a_million(cpu: Duration, requests: f64) -> f64 {
    cpu.as_secs_f64() * 1e6 / requests
}
