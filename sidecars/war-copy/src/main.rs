//! An init container that puts artifacts on a shared volume: verified, atomically, and once.

#![forbid(unsafe_code)]

mod args;
mod attributes;
mod config;
mod content;
mod expected;
mod explode;
mod file;
mod ledger;
mod others;
mod parents;
mod plan;
mod pool;
mod progress;
mod publish;
mod same;
mod source;
mod space;
mod staging;
mod tree;
mod work;

use anyhow::{Context, Result};
use chassis::stop::{Stop, Stopped};
use chassis::{exit, message};
use config::Config;
use expected::Expected;
use explode::Opened;
use others::Others;
use plan::{Kind, Plan};
use rustix::fs::syncfs;
use space::Need;
use staging::Staging;
use std::fs::File;
use std::process::ExitCode;
use std::sync::Arc;
use tree::{Late, Pending};
use work::{Tools, Work};

fn main() -> ExitCode {
    match args::config() {
        Ok(config) => exit::code(run(&config)),
        Err(code) => code,
    }
}

fn run(config: &Config) -> Result<()> {
    let stop = Stop::after(config.drain_timeout)?;
    let plan = Plan::new(config)?;
    let expected = Expected::read(config, &plan)?;
    let work = Work::new(config, &stop, &expected, &plan);
    work.progress.shown(|| put(&work, &plan)).map_err(|error| {
        // What has become visible is not left to wait for the rest, so if it was stopped, it was before.
        if error.is::<Stopped>() { error.context("nothing was put") } else { error }
    })?;
    if let Some(manifest) = &config.manifest {
        work.ledger.write_manifest(manifest, &plan.base)?;
    }
    message::info(work.ledger.summary(&work, &plan.base));
    plan.parents.keep();
    Ok(())
}

/// Brings everything to its place; nothing is visible before all of it is whole.
fn put(work: &Work, plan: &Plan) -> Result<()> {
    staging::clean(work.config, plan)?;
    let pending = pending(work, plan)?;
    if !pending.is_empty() {
        publish::check(work, &pending)?;
        let need = Need::of(work, &pending)?;
        need.check(plan)?;
        work.progress.expect(need.files, need.bytes);
        let staging = Staging::new(work.config, plan)?;
        let merged = stage(work, &staging, &pending)?;
        work.expected.all_met()?;
        publish::publish(work, &staging, &pending, &merged)?;
    }
    work.expected.all_met()
}

/// The entries that are not right already, archives opened.
fn pending<'a>(work: &Work, plan: &'a Plan) -> Result<Vec<Pending<'a>>> {
    let mut tools = Tools::default();
    let mut pending = vec![];
    for (number, entry) in plan.entries.iter().enumerate() {
        let archive = match work.config.explode {
            Some(limits) if entry.kind == Kind::Archive => {
                Some(Arc::new(Opened::new(work, &mut tools, entry, limits)?))
            }
            _ => None,
        };
        let others = Others::of(work, &mut tools, plan, number)?;
        let one = Pending { entry, archive, others };
        if !same::entry(work, &mut tools, &one)? {
            pending.push(one);
        }
    }
    Ok(pending)
}

/// Brings the entries to where they wait, each in a directory of its own, and to the disk. Returns the directories that
/// get their attributes when all is in them.
fn stage(work: &Work, staging: &Staging, pending: &[Pending]) -> Result<Vec<Late>> {
    let mut late = vec![];
    pool::run(
        |tools, job| tree::work_on(work, tools, job),
        |feed| {
            pending.iter().zip(staging.holders()).try_for_each(|(pending, holder)| {
                work.stop.check()?;
                tree::stage(work, feed, pending, &holder, &mut late)
            })
        },
    )?;
    pending.iter().filter_map(|pending| pending.archive.as_deref()).try_for_each(Opened::unchanged)?;
    // From the innermost to the outermost: one that may not be written any more is entered no more.
    let (merged, new): (Vec<_>, Vec<_>) = late.into_iter().partition(Late::is_merged);
    new.iter().rev().try_for_each(|directory| directory.give(work))?;
    if work.config.sync && !work.sync_each {
        let sync = File::open(&staging.path).and_then(|volume| Ok(syncfs(volume)?));
        sync.with_context(|| format!("cannot sync the volume of {}", staging.path.display()))?;
    }
    Ok(merged)
}
