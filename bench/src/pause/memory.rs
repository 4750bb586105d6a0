//! What a program costs a node that runs many of it.

use super::float;
use super::instance::Instance;
use super::proc;
use super::programs::Program;
use anyhow::{Context, Result};
use nix::unistd::Pid;
use std::time::Duration;

/// Of one instance, on average.
pub struct Memory {
    /// kB
    pub pss: f64,
    /// kB
    pub page_tables: f64,
    /// From exec to waiting
    pub faults: f64,
}

pub fn measure(programs: &[Program], instances: usize) -> Result<Vec<Memory>> {
    eprintln!("memory: {instances} instances of each program at a time");
    let measure = |program| of(program, instances).with_context(|| format!("cannot measure {}", program.name));
    programs.iter().map(measure).collect()
}

fn of(program: &Program, instances: usize) -> Result<Memory> {
    let instances = (0..instances).map(|_| Instance::hold(program)).collect::<Result<Vec<_>>>()?;
    for instance in &instances {
        instance.release()?;
    }
    for instance in &instances {
        instance.until_still(Duration::from_millis(50))?;
    }
    let average = |of: &dyn Fn(&Instance) -> Result<u64>| -> Result<f64> {
        let sum = instances.iter().map(of).sum::<Result<_>>()?;
        Ok(float(sum) / float(instances.len() as u64))
    };
    let family = |of: fn(Pid) -> Result<u64>| move |instance: &Instance| instance.family().map(of).sum();
    Ok(Memory {
        pss: average(&family(proc::pss))?,
        page_tables: average(&family(proc::page_tables))?,
        faults: average(&Instance::faults)?,
    })
}
