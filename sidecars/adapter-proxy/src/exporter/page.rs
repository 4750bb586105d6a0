//! A page of metrics, made of what was fetched for it.

use super::families::{Dropped, Families};
use super::fetched::{Body, Fetched};
use super::filters::{Filter, Filters};
use super::metric::{Metric, Unusable};
use super::text;
use crate::body::{Format, Limits};
use crate::config::metrics::{self, Kind};
use jaq_json::{Map, Val};
use std::borrow::Cow;

/// What `Content-Type` a page has, as Prometheus knows them.
pub const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What each page says of itself.
pub const OWN: [&str; 5] = [
    "adapter_up",
    "adapter_scrape_duration_seconds",
    "adapter_series",
    "adapter_series_dropped",
    "adapter_values_unusable",
];

pub struct Page {
    max_series: usize,
    targets: Vec<Target>,
}

struct Target {
    name: String,
    format: Format,
    filter: Option<Filter>,
    groups: Vec<Group>,
}

/// Metrics that are made of the same items.
struct Group {
    each: Filter,
    metrics: Vec<(String, Metric)>,
}

/// What became of a target.
#[derive(Default)]
struct Outcome {
    up: bool,
    series: usize,
    limit: usize,
    duplicate: usize,
    conflict: usize,
    unusable: usize,
}

/// # Errors
/// Which filter of it is none, and why.
pub fn check(target: &metrics::Target) -> Result<(), String> {
    Target::new(target).map(drop)
}

impl Page {
    /// # Errors
    /// Which filter of it is none, and why.
    pub fn new(page: &metrics::Page) -> Result<Self, String> {
        page.check()?;
        let targets = page
            .targets
            .iter()
            .map(|target| Target::new(target).map_err(|wrong| format!("the target `{}`: {wrong}", target.name)));
        Ok(Self { max_series: page.max_series, targets: targets.collect::<Result<_, _>>()? })
    }

    /// Appends the page to `out`, in `OpenMetrics` or else in Prometheus' text format. What is said of a target for which
    /// nothing was fetched is that it is down. What cannot be on the page is not, and is told: the first of each target,
    /// in a line.
    pub fn write(&self, fetched: &[Fetched], openmetrics: bool, limits: &Limits, out: &mut Vec<u8>) -> Vec<String> {
        // What is said of the targets is to fit in, too.
        let own_bytes: usize = self.targets.iter().map(|target| 512 + 16 * target.name.len()).sum();
        let bytes = limits.output.saturating_sub(2048 + own_bytes);
        let mut families = Families::new(openmetrics, self.max_series, bytes);
        let own = Own::begin(&mut families);
        let mut said = vec![];
        for (index, target) in self.targets.iter().enumerate() {
            let fetched = fetched.iter().find(|fetched| fetched.target == index);
            let (mut outcome, mut first) = (Outcome::default(), None);
            let before = families.left();
            // Why there is no body has been said where it was fetched.
            if let Some(Ok(body)) = fetched.map(|fetched| fetched.body.as_ref()) {
                match target.write(body, limits, &mut families, &mut outcome, &mut first) {
                    Ok(()) => outcome.up = true,
                    Err(wrong) => first = Some(wrong),
                }
            }
            outcome.series = before - families.left();
            said.extend(first.map(|first| format!("the target `{}`: {}", target.name, first.replace('\n', "; "))));
            let took = fetched.map_or(0.0, |fetched| fetched.took.as_secs_f64());
            own.tell(&target.name, took, &outcome, &mut families);
        }
        families.finish(out);
        said
    }
}

impl Target {
    fn new(target: &metrics::Target) -> Result<Self, String> {
        let mut filters = Filters::default();
        let filter = target.filter.as_deref().map(|code| filters.compile(code)).transpose();
        let filter = filter.map_err(|wrong| format!("`filter`: {wrong}"))?;
        let mut groups: Vec<(&str, Group)> = vec![];
        for metric in &target.metrics {
            let (metrics::Name::Fixed(name) | metrics::Name::From(name)) = &metric.name;
            let in_it = |wrong| format!("`{name}`: {wrong}");
            let made = (name.clone(), Metric::new(metric, &mut filters).map_err(in_it)?);
            if let Some((_, group)) = groups.iter_mut().find(|(each, _)| *each == metric.each) {
                group.metrics.push(made);
            } else {
                let each = filters.compile(&metric.each).map_err(|wrong| in_it(format!("`each`: {wrong}")))?;
                groups.push((&metric.each, Group { each, metrics: vec![made] }));
            }
        }
        let groups = groups.into_iter().map(|(_, group)| group).collect();
        Ok(Self { name: target.name.clone(), format: target.format.clone(), filter, groups })
    }

    fn write(
        &self,
        body: &Body,
        limits: &Limits,
        families: &mut Families,
        outcome: &mut Outcome,
        first: &mut Option<String>,
    ) -> Result<(), String> {
        let mut root = self.decode(body, limits)?;
        if let Some(filter) = &self.filter {
            let filtered = filter.first(&root, &Val::Null).map_err(|wrong| format!("`filter`: {wrong}"))?;
            root = filtered.map(Cow::into_owned).ok_or("`filter` has no output")?;
        }
        let mut labels = vec![];
        for Group { each, metrics } in &self.groups {
            let done = each.each(&root, &root, |item| {
                for (name, metric) in metrics {
                    if let Err(why) = metric.add(item, &root, &mut labels, families) {
                        let text = outcome.note(why);
                        first.get_or_insert_with(|| format!("`{name}`: {text}"));
                    }
                }
            });
            if let Err(wrong) = done {
                outcome.unusable += 1;
                let name = metrics.first().map_or("", |(name, _)| name);
                first.get_or_insert_with(|| format!("`each` of `{name}`: {wrong}"));
            }
        }
        Ok(())
    }

    fn decode(&self, body: &Body, limits: &Limits) -> Result<Val, String> {
        let decode = |bytes: &[u8]| {
            self.format.decode(bytes, limits).map_err(|unfit| match unfit.at {
                Some(at) => format!("{at}: {}", unfit.what),
                None => unfit.what,
            })
        };
        match body {
            Body::One(bytes) => decode(bytes),
            Body::Named(bodies) => {
                let mut all = Map::default();
                for (name, bytes) in bodies {
                    let value = decode(bytes).map_err(|wrong| format!("`{name}`: {wrong}"))?;
                    all.insert(Val::from(name.clone()), value);
                }
                Ok(Val::obj(all))
            }
        }
    }
}

impl Outcome {
    /// Counts it, and says what it is.
    fn note(&mut self, why: Unusable) -> String {
        let (count, text) = match why {
            Unusable::Value(text) => (&mut self.unusable, text),
            Unusable::Dropped(Dropped::Limit) => (&mut self.limit, "there are too many series".into()),
            Unusable::Dropped(Dropped::Duplicate) => (
                &mut self.duplicate,
                "there are two series with the same labels\nhint: add a label that tells them apart".into(),
            ),
            Unusable::Dropped(Dropped::Conflict) => {
                (&mut self.conflict, "a metric of another type, or the page's own, takes its name".into())
            }
        };
        *count += 1;
        text
    }
}

/// The families that say how the page came about.
struct Own {
    up: usize,
    took: usize,
    series: usize,
    dropped: usize,
    unusable: usize,
}

impl Own {
    /// They are there first, so that nobody else takes their names.
    fn begin(families: &mut Families) -> Self {
        let [up, took, series, dropped, unusable] = OWN;
        let mut gauge = |name, help, unit| families.family(name, Kind::Gauge, help, unit).unwrap_or(usize::MAX);
        let own = Self {
            up: gauge(up, "Whether the target was fetched and could be read", None),
            took: gauge(took, "How long it took to fetch the target", Some("seconds")),
            series: gauge(series, "Series of the target on this page", None),
            dropped: gauge(
                dropped,
                "Series, or whole histograms, that were left out: over `max-series`, twice there, or of a name that another type has",
                None,
            ),
            unusable: gauge(
                unusable,
                "Values of the target that were no number, and filters that failed on them",
                None,
            ),
        };
        families.reserve();
        own
    }

    fn tell(&self, target: &str, took: f64, outcome: &Outcome, families: &mut Families) {
        let mut labels = b"target=\"".to_vec();
        text::quoted(&mut labels, target);
        labels.push(b'"');
        #[expect(clippy::cast_precision_loss, reason = "a page has no 2^53 series")]
        let number = |count: usize| count as f64;
        families.own(self.up, &labels, f64::from(outcome.up));
        families.own(self.took, &labels, took);
        families.own(self.series, &labels, number(outcome.series));
        for (reason, count) in
            [("conflict", outcome.conflict), ("duplicate", outcome.duplicate), ("limit", outcome.limit)]
        {
            let labels = [b"reason=\"", reason.as_bytes(), b"\",", &labels[..]].concat();
            families.own(self.dropped, &labels, number(count));
        }
        families.own(self.unusable, &labels, number(outcome.unusable));
    }
}

#[cfg(test)]
mod tests;
