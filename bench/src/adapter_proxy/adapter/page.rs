//! A page of metrics that is made anew for each who asks.

use super::super::load::{Keep, body, flood};
use super::super::proxies::Started;
use super::super::resources::cpu_with_children;
use super::app;
use anyhow::{Result, ensure};
use std::time::Duration;

/// wrk knows no less
const FLOOD: Duration = Duration::from_secs(1);

/// That the page is what it should be.
///
/// # Errors
/// If it is not.
pub fn check(proxy: &Started) -> Result<()> {
    let page = body(proxy.http, "/metrics")?;
    let series: Vec<_> = page.lines().filter(|line| line.starts_with("app_")).collect();
    ensure!(series.iter().eq(app::series().collect::<Vec<_>>().iter()), "the page is another one: {page}");
    Ok(())
}

/// CPU milliseconds for a page, asked for by one client after the other.
///
/// # Errors
/// If there is none.
#[expect(clippy::cast_precision_loss, reason = "figures to be read")]
pub fn turn(proxy: &Started) -> Result<f64> {
    let pid = proxy.running.pid;
    let before = cpu_with_children(pid)?;
    let pages = flood(proxy.http, "/metrics", 1, Keep::Alive, FLOOD)? as f64;
    Ok(cpu_with_children(pid)?.saturating_sub(before).as_secs_f64() * 1e3 / pages)
}
