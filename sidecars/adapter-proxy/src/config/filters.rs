//! What may be said of the processes that run filters.

use crate::body::Limits;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Bodies are hostile: whatever one of them makes a filter do, it does it in a process of its own, within these bounds.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Filters {
    /// Processes at most; each is started when there is something to do for it
    #[serde(deserialize_with = "workers")]
    pub workers: usize,
    /// Of one body; a worker that takes longer is killed
    #[serde(deserialize_with = "chassis::config::some_time")]
    pub deadline: Duration,
    /// Of each process, in bytes of address space
    #[serde(deserialize_with = "memory")]
    pub memory: u64,
    /// Bodies that wait for a worker; more are refused with 503
    pub pending: usize,
    /// How deep a body may be nested
    #[serde(deserialize_with = "depth")]
    pub max_depth: usize,
    /// Values of a body, or made of one, counted at all depths
    #[serde(deserialize_with = "values")]
    pub max_values: usize,
    /// Of what is made of a body, in bytes
    #[serde(deserialize_with = "output")]
    pub max_output: usize,
}

impl Filters {
    pub fn limits(&self) -> Limits {
        Limits { depth: self.max_depth, values: self.max_values, output: self.max_output }
    }
}

impl Default for Filters {
    fn default() -> Self {
        Self {
            workers: 2,
            deadline: Duration::from_secs(1),
            memory: 64 << 20,
            pending: 64,
            max_depth: 100,
            max_values: 100_000,
            max_output: 4 << 20,
        }
    }
}

fn workers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    within(usize::deserialize(deserializer)?, 1..=64, "workers")
}

fn depth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    within(usize::deserialize(deserializer)?, 1..=1000, "levels")
}

fn values<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    within(usize::deserialize(deserializer)?, 1..=100_000_000, "values")
}

fn within<E: serde::de::Error>(count: usize, range: RangeInclusive<usize>, what: &str) -> Result<usize, E> {
    if range.contains(&count) {
        return Ok(count);
    }
    Err(E::custom(format_args!("{count} {what}: expected {} to {}", range.start(), range.end())))
}

fn memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match chassis::config::size(deserializer)? {
        size @ 16_777_216.. => Ok(size),
        size => Err(D::Error::custom(format_args!("{size} bytes: expected at least 16 MiB"))),
    }
}

fn output<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match chassis::config::size(deserializer)? {
        size @ 1024..=268_435_456 => usize::try_from(size).map_err(D::Error::custom),
        size => Err(D::Error::custom(format_args!("{size} bytes: expected 1 KiB to 256 MiB"))),
    }
}
