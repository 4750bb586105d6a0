//! The page while it is made: families of series, in Prometheus' text format 0.0.4 or in `OpenMetrics` 1.0.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>
//! <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>

use super::text;
use crate::config::metrics::Kind;
use std::collections::{HashMap, HashSet};

/// Why a series is not on the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dropped {
    /// There are too many, or the page is too long
    Limit,
    /// There is one of the same name and labels
    Duplicate,
    /// A metric of another type has its name, or one that is made of it
    Conflict,
}

pub struct Families {
    openmetrics: bool,
    families: Vec<Family>,
    by_name: HashMap<String, usize>,
    /// So many at the beginning are the page's own
    own: usize,
    /// All names that a family's series may have, and some more that would be misread
    taken: HashSet<String>,
    /// So many more series and bytes may come
    series: usize,
    bytes: usize,
}

struct Family {
    /// Without `_total` where that is no part of it
    name: String,
    /// Of a series
    series_name: String,
    kind: Kind,
    help: String,
    unit: Option<&'static str>,
    labels: HashSet<Box<[u8]>>,
    lines: Vec<u8>,
}

/// One sample of a series, or of the several that a histogram or a summary has.
pub struct Sample<'a> {
    pub suffix: &'static str,
    /// Besides those of the series
    pub label: Option<(&'static str, &'a str)>,
    pub value: f64,
}

impl Families {
    /// Of at most so many series and bytes.
    pub fn new(openmetrics: bool, series: usize, bytes: usize) -> Self {
        let (families, by_name, taken) = (vec![], HashMap::new(), HashSet::new());
        Self { openmetrics, families, by_name, own: 0, taken, series, bytes }
    }

    /// Takes those that there are for the page's own: nobody else has series of theirs.
    pub fn reserve(&mut self) {
        self.own = self.families.len();
    }

    /// The family of this name, which is begun when there is none.
    ///
    /// # Errors
    /// When there is another one that takes its name.
    pub fn family(&mut self, name: &str, kind: Kind, help: &str, unit: Option<&'static str>) -> Result<usize, Dropped> {
        if let Some(index) = self.by_name.get(name) {
            return self
                .families
                .get(*index)
                .filter(|family| family.kind == kind && *index >= self.own)
                .map(|_| *index)
                .ok_or(Dropped::Conflict);
        }
        let stem = name.strip_suffix("_total").filter(|stem| kind == Kind::Counter && !stem.is_empty()).unwrap_or(name);
        let suffixes: &[&str] = match kind {
            Kind::Counter if stem.len() < name.len() => &["", "_total", "_created"],
            Kind::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
            Kind::Summary => &["", "_sum", "_count", "_created"],
            _ => &[""],
        };
        let names: Vec<_> = suffixes.iter().map(|suffix| format!("{stem}{suffix}")).collect();
        if names.iter().any(|name| self.taken.contains(name)) {
            return Err(Dropped::Conflict);
        }
        self.taken.extend(names);
        let index = self.families.len();
        self.by_name.insert(name.into(), index);
        let shown = if self.openmetrics { stem } else { name };
        let unit = unit.filter(|unit| stem.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')));
        self.families.push(Family {
            name: shown.into(),
            series_name: name.into(),
            kind,
            help: help.into(),
            unit,
            labels: HashSet::new(),
            lines: vec![],
        });
        self.bytes = self.bytes.saturating_sub(2 * shown.len() + help.len() + 64);
        Ok(index)
    }

    /// A series, or all those of a histogram or a summary. `labels` are as on the page, `a="b",c="d"`, sorted by name;
    /// `timestamp` is in seconds since 1970.
    ///
    /// # Errors
    /// When it has no place.
    pub fn add(
        &mut self,
        family: usize,
        labels: &[u8],
        samples: &[Sample],
        timestamp: Option<f64>,
    ) -> Result<(), Dropped> {
        let Some(family) = self.families.get_mut(family) else { return Ok(()) };
        if family.labels.contains(labels) {
            return Err(Dropped::Duplicate);
        }
        if samples.len() > self.series {
            return Err(Dropped::Limit);
        }
        let before = family.lines.len();
        for sample in samples {
            family.line(labels, sample, timestamp, self.openmetrics);
        }
        let written = family.lines.len() - before;
        if written > self.bytes {
            family.lines.truncate(before);
            return Err(Dropped::Limit);
        }
        self.bytes -= written;
        self.series -= samples.len();
        family.labels.insert(labels.into());
        Ok(())
    }

    /// One of the page's own, which takes no place from the others.
    pub fn own(&mut self, family: usize, labels: &[u8], value: f64) {
        if let Some(family) = self.families.get_mut(family) {
            family.line(labels, &Sample { suffix: "", label: None, value }, None, self.openmetrics);
        }
    }

    pub fn openmetrics(&self) -> bool {
        self.openmetrics
    }

    /// How many series more may come.
    pub fn left(&self) -> usize {
        self.series
    }

    pub fn finish(self, out: &mut Vec<u8>) {
        for family in self.families.iter().filter(|family| !family.lines.is_empty()) {
            family.head(out, self.openmetrics);
            out.extend_from_slice(&family.lines);
        }
        if self.openmetrics {
            out.extend_from_slice(b"# EOF\n");
        }
    }
}

impl Family {
    fn head(&self, out: &mut Vec<u8>, openmetrics: bool) {
        let name = self.name.as_bytes();
        let line = |out: &mut Vec<u8>, what: &[u8], rest: &[u8]| {
            out.extend_from_slice(&[b"# ", what, b" ", name, b" ", rest, b"\n"].concat());
        };
        let mut help = vec![];
        text::help(&mut help, &self.help, openmetrics);
        line(out, b"HELP", &help);
        let kind = match self.kind {
            // A counter's series end in `_total` there, or it is none.
            Kind::Counter if openmetrics && self.name == self.series_name => "unknown".into(),
            Kind::Untyped if openmetrics => "unknown".into(),
            kind => kind.to_string(),
        };
        line(out, b"TYPE", kind.as_bytes());
        if let Some(unit) = self.unit.filter(|_| openmetrics) {
            line(out, b"UNIT", unit.as_bytes());
        }
    }

    fn line(&mut self, labels: &[u8], sample: &Sample, timestamp: Option<f64>, openmetrics: bool) {
        let out = &mut self.lines;
        out.extend_from_slice(self.series_name.as_bytes());
        out.extend_from_slice(sample.suffix.as_bytes());
        if !labels.is_empty() || sample.label.is_some() {
            out.push(b'{');
            out.extend_from_slice(labels);
            if let Some((name, value)) = sample.label {
                if !labels.is_empty() {
                    out.push(b',');
                }
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"=\"");
                out.extend_from_slice(value.as_bytes());
                out.push(b'"');
            }
            out.push(b'}');
        }
        out.push(b' ');
        text::number(out, sample.value);
        if let Some(seconds) = timestamp {
            out.push(b' ');
            // Milliseconds are whole there.
            text::number(out, if openmetrics { seconds } else { (seconds * 1e3).round() });
        }
        out.push(b'\n');
    }
}
