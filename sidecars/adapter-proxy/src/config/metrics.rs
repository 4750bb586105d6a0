//! Pages of metrics: what is fetched where, and what of it becomes which series.

mod metric;
mod source;

pub use metric::{Kind, Metric, Name, Unit, Values};
pub use source::{Place, Request, Source, Talk, Until};

use super::at_least_one;
use crate::body::Format;
use crate::exporter::{check, presets};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a route with `metrics` answers.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Page {
    /// More than these are left out, and counted
    #[serde(default = "max_series", deserialize_with = "at_least_one")]
    pub max_series: usize,
    pub targets: Vec<Target>,
}

impl Page {
    /// What no field of it can tell alone.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.targets.is_empty() {
            return Err("it has no targets\nhint: `targets: [{name: app, source: {http: …}, metrics: […]}]`".into());
        }
        let mut names = BTreeSet::new();
        let mut kinds = BTreeMap::new();
        for target in &self.targets {
            if !names.insert(&target.name) {
                return Err(format!("two targets are called `{}`", target.name));
            }
            for metric in &target.metrics {
                let Name::Fixed(name) = &metric.name else { continue };
                let kind = *kinds.entry(name).or_insert(metric.kind);
                if kind != metric.kind {
                    return Err(format!(
                        "`{name}` has `type: {kind}` at one place and `type: {}` at another",
                        metric.kind
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Something that is fetched for a page.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Target {
    /// The label `target` of what is said of it
    pub name: String,
    pub source: Source,
    pub format: Format,
    /// For all of fetching it
    pub timeout: Duration,
    /// What was fetched so long ago is served again
    pub cache: Duration,
    /// In bytes; more is an error
    pub max_body: usize,
    /// Before everything else, in jq
    pub filter: Option<String>,
    pub metrics: Vec<Metric>,
}

/// A target as a file has it, or a preset, which is one without a name and an address.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Written {
    name: Option<String>,
    preset: Option<String>,
    source: source::Written,
    format: Option<Format>,
    #[serde(deserialize_with = "some_time")]
    timeout: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    cache: Option<Duration>,
    #[serde(deserialize_with = "size")]
    max_body: Option<usize>,
    filter: Option<String>,
    metrics: Vec<Metric>,
}

impl Written {
    /// What it says, and of what it does not, what the preset says.
    fn over(mut self, preset: Self) -> Self {
        let own: BTreeSet<_> = self.metrics.iter().map(|metric| metric.name.clone()).collect();
        let mut metrics = preset.metrics;
        metrics.retain(|metric| !own.contains(&metric.name));
        metrics.append(&mut self.metrics);
        Self {
            name: self.name,
            preset: None,
            source: self.source.over(preset.source),
            format: self.format.or(preset.format),
            timeout: self.timeout.or(preset.timeout),
            cache: self.cache.or(preset.cache),
            max_body: self.max_body.or(preset.max_body),
            filter: self.filter.or(preset.filter),
            metrics,
        }
    }
}

impl TryFrom<Written> for Target {
    type Error = String;

    fn try_from(mut written: Written) -> Result<Self, String> {
        let name = written.name.clone().ok_or("`name` is missing here\nhint: add `name: app`, a label of its own")?;
        if let Some(preset) = written.preset.take() {
            written = written.over(presets::get(&preset)?);
        }
        if written.metrics.is_empty() {
            return Err(format!("`{name}` has no metrics\nhint: add `metrics: […]` or a `preset`"));
        }
        let target = Self {
            source: written.source.try_into().map_err(|wrong: String| format!("the source of `{name}`: {wrong}"))?,
            format: written.format.unwrap_or(Format::Json),
            timeout: written.timeout.unwrap_or(Duration::from_secs(5)),
            cache: written.cache.unwrap_or_default(),
            max_body: written.max_body.unwrap_or(1 << 20),
            filter: written.filter,
            metrics: written.metrics,
            name,
        };
        check(&target).map_err(|wrong| format!("the target `{}`: {wrong}", target.name))?;
        Ok(target)
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    chassis::config::duration(deserializer).map(Some)
}

fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    chassis::config::some_time(deserializer).map(Some)
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    match chassis::config::size(deserializer)? {
        size @ 1..=67_108_864 => usize::try_from(size).map(Some).map_err(D::Error::custom),
        size => Err(D::Error::custom(format_args!("{size} bytes: expected 1 B to 64 MiB"))),
    }
}

const fn max_series() -> usize {
    10_000
}

#[cfg(test)]
mod tests;
