//! What a proxy costs that has nothing to do, and how soon it is there.

use super::proxies::{Backends, Proxy};
use super::resources::idle;
use crate::table::{Table, median};
use anyhow::Result;

/// How often each is started
const STARTS: u32 = 11;

#[derive(Default)]
pub struct Quiet {
    /// Resident, in kB
    pub idle: u64,
    /// In kB
    pub connection: f64,
    /// From its start to its first answer, in milliseconds
    pub starts: Vec<f64>,
}

/// Of each proxy.
///
/// # Errors
/// If one does not start, or does not answer.
pub fn measure(proxies: &[Proxy], backends: &Backends) -> Result<Vec<Quiet>> {
    eprintln!("adapter-proxy: nothing to do");
    let mut all: Vec<_> = proxies.iter().map(|_| Quiet::default()).collect();
    for _ in 0..STARTS {
        for (proxy, quiet) in proxies.iter().zip(&mut all) {
            quiet.starts.push(proxy.time_to_answer(backends)?.as_secs_f64() * 1e3);
        }
    }
    for (proxy, quiet) in proxies.iter().zip(&mut all) {
        (quiet.idle, quiet.connection) = idle(&proxy.start(backends)?)?;
    }
    Ok(all)
}

/// With what is resident when they have most to do, in kB.
pub fn table(names: &[&str], all: &[Quiet], busy: &[u64]) -> Table {
    let mut table = Table::new("memory, and start", names);
    let cells = |figure: fn(&Quiet) -> f64| all.iter().map(figure).collect::<Vec<_>>();
    table.add("idle RSS MB", 1, &cells(|quiet| megabytes(quiet.idle)));
    table.add("busy RSS MB", 1, &busy.iter().map(|&busy| megabytes(busy)).collect::<Vec<_>>());
    table.add("kB per idle connection", 1, &cells(|quiet| quiet.connection));
    table.add("ms to first answer", 1, &cells(Quiet::start));
    table
}

impl Quiet {
    /// The median, in milliseconds.
    pub fn start(&self) -> f64 {
        median(self.starts.iter().copied())
    }
}

/// From kB, as `/proc` counts them.
#[expect(clippy::cast_precision_loss, reason = "figures to be read")]
pub fn megabytes(kilobytes: u64) -> f64 {
    (kilobytes * 1024) as f64 / 1e6
}
