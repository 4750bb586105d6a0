//! A scenario from its first request to the count of what was answered.

use super::load::Load;
use super::outcome::Outcome;
use super::scenario::Scenario;
use super::stage::Stage;
use anyhow::{Context, Result};
use e2e::process::DEADLINE;
use std::thread;
use std::time::{Duration, Instant};

pub fn run(scenario: &Scenario) -> Result<Outcome> {
    let mut stage = Stage::new(scenario)?;
    stage.until_quiet();
    let descriptors = stage.descriptors();
    let load = Load::start(stage.proxy.listen, scenario.connections, scenario.tcp);
    // Every connection has been used by then.
    e2e::process::until("all have asked", || load.answered() >= scenario.connections);
    let began = load.time();
    wait(&load, began + scenario.calm);
    for (at, event) in &scenario.events {
        wait(&load, began + scenario.calm + *at);
        stage.happen(*event, || load.time()).with_context(|| format!("{event:?}"))?;
    }
    wait(&load, began + scenario.calm + scenario.lasts);
    let samples = load.end()?;
    let peak = stage.proxy.sidecar.peak();
    let left = closes(&stage, descriptors);
    anyhow::ensure!(stage.has_followed(), "the proxy has not followed its file: {}", stage.proxy.sidecar.said());
    let calm = (began, began + scenario.calm);
    Ok(Outcome::of(scenario, &samples, calm, &stage, peak, left))
}

fn wait(load: &Load, time: Duration) {
    thread::sleep(time.saturating_sub(load.time()));
}

/// How many descriptors more than before stay open.
fn closes(stage: &Stage, before: usize) -> usize {
    let start = Instant::now();
    loop {
        let left = stage.descriptors().saturating_sub(before);
        if left == 0 || start.elapsed() > DEADLINE {
            return left;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
