//! What becomes a metric, and how.

use crate::exporter::OWN;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// A metric, or several whose names are in the body. Texts are jq where nothing else is said.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Metric {
    pub name: Name,
    pub kind: Kind,
    pub help: Option<String>,
    /// A series for each output
    pub each: String,
    pub value: String,
    pub labels: BTreeMap<String, String>,
    /// Texts to numbers
    pub values: Values,
    /// Of what is found there
    pub unit: Option<Unit>,
    /// By which it is multiplied
    pub scale: f64,
    pub timestamp: Option<String>,
    /// Of a histogram: upper bounds and how many
    pub buckets: Option<String>,
    /// Whether those of a bucket are in those of the next ones, too
    pub cumulative: bool,
    /// Of a summary: shares and values
    pub quantiles: Option<String>,
    pub sum: Option<String>,
    pub count: Option<String>,
}

impl Metric {
    /// Where its number is from.
    pub fn number_from(&self) -> &str {
        self.buckets.as_ref().or(self.sum.as_ref()).unwrap_or(&self.value)
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Name {
    Fixed(String),
    /// In jq; what cannot be in a name becomes `_`
    From(String),
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
    #[default]
    Untyped,
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Untyped => "untyped",
        })
    }
}

/// What things are measured in, and what Prometheus wants them in.
/// <https://prometheus.io/docs/practices/naming/#base-units>
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Unit {
    pub name: &'static str,
    pub base: &'static str,
    /// So many of the base it is
    pub scale: f64,
}

const UNITS: [Unit; 22] = {
    const fn unit(name: &'static str, base: &'static str, scale: f64) -> Unit {
        Unit { name, base, scale }
    }
    [
        unit("ns", "seconds", 1e-9),
        unit("us", "seconds", 1e-6),
        unit("ms", "seconds", 1e-3),
        unit("s", "seconds", 1.0),
        unit("min", "seconds", 60.0),
        unit("h", "seconds", 3600.0),
        unit("d", "seconds", 86400.0),
        unit("percent", "ratio", 0.01),
        unit("B", "bytes", 1.0),
        unit("kB", "bytes", 1e3),
        unit("KB", "bytes", 1e3),
        unit("MB", "bytes", 1e6),
        unit("GB", "bytes", 1e9),
        unit("TB", "bytes", 1e12),
        unit("KiB", "bytes", 1024.0),
        unit("MiB", "bytes", 1_048_576.0),
        unit("GiB", "bytes", 1_073_741_824.0),
        unit("TiB", "bytes", 1_099_511_627_776.0),
        unit("bit", "bytes", 0.125),
        unit("kbit", "bytes", 125.0),
        unit("Mbit", "bytes", 125e3),
        unit("Gbit", "bytes", 125e6),
    ]
};

impl Unit {
    /// What values may have behind them as text.
    pub fn sign(&self) -> &'static str {
        if self.name == "percent" { "%" } else { self.name }
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        UNITS.into_iter().find(|unit| unit.name == text).ok_or_else(|| {
            let known = UNITS.map(|unit| format!("`{}`", unit.name)).join(", ");
            D::Error::custom(format_args!("unknown unit `{text}`\nhint: there are {known}; others by `scale`"))
        })
    }
}

/// Texts, in which `*` stands for anything, and the number that the first one that fits stands for.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Values {
    pub table: Vec<(String, f64)>,
    /// What all others stand for
    pub otherwise: Option<f64>,
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table;
        impl<'de> Visitor<'de> for Table {
            type Value = Vec<(String, f64)>;

            fn expecting(&self, f: &mut Formatter) -> fmt::Result {
                f.write_str("texts and numbers such as `{running: 1, \"stop*\": 0}`")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut table = vec![];
                while let Some(entry) = map.next_entry()? {
                    table.push(entry);
                }
                Ok(table)
            }
        }
        deserializer.deserialize_map(Table).map(|table| Self { table, otherwise: None })
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Written {
    name: Option<String>,
    name_from: Option<String>,
    #[serde(rename = "type")]
    kind: Kind,
    help: Option<String>,
    each: Option<String>,
    value: Option<String>,
    labels: BTreeMap<String, String>,
    values: Values,
    #[serde(rename = "else")]
    otherwise: Option<f64>,
    unit: Option<Unit>,
    scale: Option<f64>,
    timestamp: Option<String>,
    buckets: Option<String>,
    cumulative: Option<bool>,
    quantiles: Option<String>,
    sum: Option<String>,
    count: Option<String>,
}

impl Written {
    /// What belongs to other kinds of metrics than this.
    fn misplaced(&self) -> Option<&'static str> {
        let (histogram, summary) = (self.kind == Kind::Histogram, self.kind == Kind::Summary);
        [
            (self.buckets.is_some() && !histogram, "`buckets` are for a metric of `type: histogram`"),
            (self.cumulative.is_some() && !histogram, "`cumulative` is for a metric of `type: histogram`"),
            (self.quantiles.is_some() && !summary, "`quantiles` are for a metric of `type: summary`"),
            (
                (self.sum.is_some() || self.count.is_some()) && !histogram && !summary,
                "`sum` and `count` are for a metric of `type: histogram` or `type: summary`",
            ),
            (
                self.value.is_some() && (histogram || summary),
                "`value` is for counters, gauges and untyped metrics\nhint: this one has `sum` and `count`",
            ),
            (
                histogram && self.buckets.is_none(),
                "a histogram needs `buckets`\nhint: `buckets: .buckets` where that is `{\"0.1\": 3, \"+Inf\": 5}`",
            ),
            (summary && (self.sum.is_none() || self.count.is_none()), "a summary needs `sum` and `count`"),
            (self.unit.is_some() && self.scale.is_some(), "either `unit` or `scale`, not both"),
            (self.otherwise.is_some() && self.values.table.is_empty(), "`else` is for what `values` do not name"),
        ]
        .into_iter()
        .find_map(|(wrong, text)| wrong.then_some(text))
    }
}

impl TryFrom<Written> for Metric {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let name = match (&written.name, &written.name_from) {
            (Some(name), None) => Name::Fixed(name.clone()),
            (None, Some(name)) => Name::From(name.clone()),
            _ => return Err("a metric has `name`, or `name-from`, the jq that gives it".into()),
        };
        let in_it = |text: &str| match &name {
            Name::Fixed(name) | Name::From(name) => format!("`{name}`: {text}"),
        };
        if let Some(text) = written.misplaced() {
            return Err(in_it(text));
        }
        if let Name::Fixed(name) = &name {
            check_name(name, written.kind)?;
            if let Some(unit) = written.unit {
                check_unit(name, unit)?;
            }
        }
        let reserved = match written.kind {
            Kind::Histogram => "le",
            Kind::Summary => "quantile",
            _ => "",
        };
        for label in written.labels.keys() {
            let taken = label == reserved || label.starts_with("__");
            if taken || !is_name(label, "") {
                return Err(in_it(&format!("`{label}` cannot be the name of a label")));
            }
        }
        let scale = written.unit.map_or(written.scale.unwrap_or(1.0), |unit| unit.scale);
        if !scale.is_finite() || scale == 0.0 {
            return Err(in_it("a `scale` is a number other than 0"));
        }
        // Bounds would change their order, and sums that only grow would fall.
        if scale < 0.0 && matches!(written.kind, Kind::Histogram | Kind::Summary) {
            return Err(in_it(&format!("the `scale` of a {} is more than 0", written.kind)));
        }
        Ok(Self {
            name,
            kind: written.kind,
            help: written.help,
            each: written.each.unwrap_or_else(|| ".".into()),
            value: written.value.unwrap_or_else(|| ".".into()),
            labels: written.labels,
            values: Values { otherwise: written.otherwise, ..written.values },
            unit: written.unit,
            scale,
            timestamp: written.timestamp,
            buckets: written.buckets,
            cumulative: written.cumulative.unwrap_or(true),
            quantiles: written.quantiles,
            sum: written.sum,
            count: written.count,
        })
    }
}

/// <https://prometheus.io/docs/concepts/data_model/#metric-names-and-labels>
fn is_name(name: &str, besides: &str) -> bool {
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || besides.as_bytes().contains(&byte);
    !name.is_empty() && name.bytes().all(may_be) && !name.as_bytes()[0].is_ascii_digit()
}

fn check_name(name: &str, kind: Kind) -> Result<(), String> {
    if !is_name(name, ":") {
        return Err(format!("`{name}` cannot be the name of a metric\nhint: letters, digits and `_`, no digit first"));
    }
    let stem = name.strip_suffix("_total").filter(|_| kind == Kind::Counter).unwrap_or(name);
    if OWN.contains(&stem) {
        return Err(format!("`{stem}` is what each page says of itself\nhint: give the metric another name"));
    }
    let suffixes = ["_bucket", "_sum", "_count", "_created", "_total"];
    if matches!(kind, Kind::Histogram | Kind::Summary)
        && let Some(suffix) = suffixes.into_iter().find(|suffix| name.ends_with(suffix))
    {
        return Err(format!("`{name}`: a {kind} makes series with such endings itself\nhint: leave `{suffix}` out"));
    }
    Ok(())
}

fn check_unit(name: &str, unit: Unit) -> Result<(), String> {
    let stem = name.strip_suffix("_total").unwrap_or(name);
    let total = &name[stem.len()..];
    if stem.ends_with(unit.base) && stem[..stem.len() - unit.base.len()].ends_with('_') {
        return Ok(());
    }
    let Unit { name: unit, base, .. } = unit;
    Err(format!("`{name}` is given in {base}, since its `unit` is `{unit}`\nhint: call it `{stem}_{base}{total}`"))
}
