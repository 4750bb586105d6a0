//! Ten fields of a body of 1 KB: what that costs beyond passing the body on.

use super::super::load::{Keep, body, flood};
use super::super::proxies::Started;
use super::super::resources::cpu_with_children;
use super::super::{Rounds, medians};
use super::app;
use crate::table::{Table, median};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Of each proxy in each round
const TURNS: u32 = 2;
/// wrk knows no less
const FLOOD: Duration = Duration::from_secs(1);

pub struct Mapping {
    names: Vec<&'static str>,
    connections: u32,
    /// CPU microseconds for a request, of a body that is passed on, of one that is mapped, and their difference in a turn
    plain: Rounds,
    mapped: Rounds,
    over: Rounds,
    /// Thousands a second, mapped
    thousands: Rounds,
}

impl Mapping {
    pub fn new(connections: u32, names: &[&'static str]) -> Self {
        let rounds = || vec![vec![]; names.len()];
        let (plain, mapped, over, thousands) = (rounds(), rounds(), rounds(), rounds());
        Self { names: names.into(), connections, plain, mapped, over, thousands }
    }

    /// Each has its turn with the one and then with the other, and the next time the other way round.
    ///
    /// # Errors
    /// If a request fails.
    pub fn round(&mut self, proxies: &[Started]) -> Result<()> {
        for turn in 0..TURNS {
            for (index, proxy) in proxies.iter().enumerate() {
                let flood = |path| self.flood(proxy, path).with_context(|| format!("{} fails", self.names[index]));
                let (plain, mapped) = if turn % 2 == 0 {
                    let plain = flood("/plain")?;
                    (plain, flood("/mapped")?)
                } else {
                    let mapped = flood("/mapped")?;
                    (flood("/plain")?, mapped)
                };
                self.plain[index].push(plain.0);
                self.mapped[index].push(mapped.0);
                self.over[index].push(mapped.0 - plain.0);
                self.thousands[index].push(mapped.1);
            }
        }
        Ok(())
    }

    /// CPU microseconds for a request, and thousands of requests a second.
    #[expect(clippy::cast_precision_loss, reason = "figures to be read")]
    fn flood(&self, proxy: &Started, path: &str) -> Result<(f64, f64)> {
        let pid = proxy.running.pid;
        let (before, begun) = (cpu_with_children(pid)?, Instant::now());
        let requests = flood(proxy.http, path, self.connections, Keep::Alive, FLOOD)? as f64;
        let took = begun.elapsed();
        let used = cpu_with_children(pid)?.saturating_sub(before);
        Ok((used.as_secs_f64() * 1e6 / requests, requests / took.as_secs_f64() / 1e3))
    }

    /// Medians.
    pub fn table(&self) -> Table {
        let plural = if self.connections == 1 { "" } else { "s" };
        let title = format!("10 fields of 1 KB of JSON, {} connection{plural}", self.connections);
        let mut table = Table::new(&title, &self.names);
        table.add("passed on: CPU µs", 1, &medians(&self.plain));
        table.add("mapped: CPU µs", 1, &medians(&self.mapped));
        table.add_with_ratios("more µs", 1, &medians(&self.over));
        table.add("k mapped/s", 1, &medians(&self.thousands));
        table
    }

    /// CPU microseconds that adapter-proxy takes more for a body that is mapped.
    pub fn cost(&self) -> f64 {
        median(self.over[0].iter().copied())
    }

    /// What that is to the least that one of the others takes more, if there are others.
    pub fn to_best(&self) -> Option<f64> {
        medians(&self.over[1..]).into_iter().map(|other| self.cost() / other).max_by(f64::total_cmp)
    }
}

/// That all make the same of it.
///
/// # Errors
/// If one does not.
pub fn check(names: &[&str], proxies: &[Started]) -> Result<()> {
    for (name, proxy) in names.iter().zip(proxies) {
        let plain = body(proxy.http, "/plain").with_context(|| format!("{name}: /plain"))?;
        ensure!(plain == app::account()?, "{name} passes on {plain}");
        let mapped = body(proxy.http, "/mapped").with_context(|| format!("{name}: /mapped"))?;
        ensure!(serde_json::from_str::<Value>(&mapped)? == app::mapped(), "{name} makes {mapped}");
    }
    Ok(())
}
