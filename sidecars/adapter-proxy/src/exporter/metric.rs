//! What of a body becomes a series, and with which value.

use super::families::{Dropped, Families, Sample};
use super::filters::{Filter, Filters};
use super::histogram;
use super::{text, timestamp};
use crate::body::scalar;
use crate::config::metrics::{self, Kind, Name, Unit, Values};
use jaq_json::Val;
use std::borrow::Cow;

pub struct Metric {
    name: Naming,
    kind: Kind,
    help: String,
    labels: Vec<(String, Filter)>,
    number: Number,
    unit: Option<Unit>,
    timestamp: Option<Filter>,
}

enum Naming {
    Fixed(String),
    From(Filter),
}

enum Number {
    One { value: Filter, values: Values, scale: f64, sign: &'static str, grows: bool },
    Histogram { buckets: Filter, cumulative: bool, sum: Option<Filter>, count: Option<Filter>, scale: f64 },
    Summary { quantiles: Option<Filter>, sum: Filter, count: Filter, scale: f64 },
}

/// Why an item is no series.
pub enum Unusable {
    Dropped(Dropped),
    /// Something in it is not what it should be
    Value(String),
}

impl From<String> for Unusable {
    fn from(text: String) -> Self {
        Self::Value(text)
    }
}

impl Metric {
    /// # Errors
    /// Which of its filters is none, and why.
    pub fn new(metric: &metrics::Metric, filters: &mut Filters) -> Result<Self, String> {
        let mut compile = |key: &str, code: &str| filters.compile(code).map_err(|wrong| format!("`{key}`: {wrong}"));
        let scale = metric.scale;
        let name = match &metric.name {
            Name::Fixed(name) => Naming::Fixed(name.clone()),
            Name::From(code) => Naming::From(compile("name-from", code)?),
        };
        let labels = metric.labels.iter().map(|(name, code)| Ok((name.clone(), compile(name, code)?)));
        let labels = labels.collect::<Result<_, String>>()?;
        let timestamp = metric.timestamp.as_deref().map(|code| compile("timestamp", code)).transpose()?;
        let mut optional = |key, code: &Option<String>| code.as_deref().map(|code| compile(key, code)).transpose();
        let (sum, count) = (optional("sum", &metric.sum)?, optional("count", &metric.count)?);
        let buckets = optional("buckets", &metric.buckets)?;
        let quantiles = optional("quantiles", &metric.quantiles)?;
        let number = match (metric.kind, buckets, sum, count) {
            (Kind::Histogram, Some(buckets), sum, count) => {
                Number::Histogram { buckets, cumulative: metric.cumulative, sum, count, scale }
            }
            (Kind::Summary, _, Some(sum), Some(count)) => Number::Summary { quantiles, sum, count, scale },
            _ => Number::One {
                value: compile("value", &metric.value)?,
                values: metric.values.clone(),
                scale,
                sign: metric.unit.map_or("", |unit| unit.sign()),
                grows: metric.kind == Kind::Counter,
            },
        };
        let help = metric.help.clone().unwrap_or_else(|| match metric.number_from() {
            "." => format!("From `{}`", metric.each),
            from => format!("From `{from}`"),
        });
        Ok(Self { name, kind: metric.kind, help, labels, number, unit: metric.unit, timestamp })
    }

    /// Adds the series of `item` to the page, and says how many these are.
    ///
    /// # Errors
    /// When it has one that cannot be there.
    pub fn add(&self, item: &Val, root: &Val, labels: &mut Vec<u8>, page: &mut Families) -> Result<(), Unusable> {
        let Some(samples) = self.number.samples(item, root, page.openmetrics())? else { return Ok(()) };
        let name = match &self.name {
            Naming::Fixed(name) => Cow::Borrowed(name.as_str()),
            Naming::From(filter) => match filter.first(item, root)?.as_deref().map(text_of) {
                Some(Some(name)) => Cow::Owned(sanitized(&name)),
                Some(None) => return Err(Unusable::Value("a name is to be a text".into())),
                None => return Ok(()),
            },
        };
        labels.clear();
        for (name, filter) in &self.labels {
            let Some(value) = filter.first(item, root)? else { continue };
            if matches!(*value, Val::Null) {
                continue;
            }
            let Some(value) = text_of(&value) else {
                return Err(Unusable::Value(format!("the label `{name}` is {}", kind(&value))));
            };
            // One that is empty is the same as none.
            if !value.is_empty() {
                if !labels.is_empty() {
                    labels.push(b',');
                }
                labels.extend_from_slice(name.as_bytes());
                labels.extend_from_slice(b"=\"");
                text::quoted(labels, &value);
                labels.push(b'"');
            }
        }
        let timestamp = match &self.timestamp {
            Some(filter) => match filter.first(item, root)?.as_deref() {
                None | Some(Val::Null) => None,
                Some(value) => {
                    let seconds = text_of(value).and_then(|text| timestamp::of(&text));
                    Some(seconds.ok_or_else(|| format!("the timestamp {value} is no time"))?)
                }
            },
            None => None,
        };
        let family = page.family(&name, self.kind, &self.help, self.unit.map(|unit| unit.base));
        let family = family.map_err(Unusable::Dropped)?;
        let samples: Vec<_> = samples.iter().map(Made::sample).collect();
        page.add(family, labels, &samples, timestamp).map_err(Unusable::Dropped)
    }
}

/// A sample, whose label is not a part of the body.
struct Made {
    suffix: &'static str,
    label: Option<(&'static str, String)>,
    value: f64,
}

impl Made {
    fn plain(suffix: &'static str, value: f64) -> Self {
        Self { suffix, label: None, value }
    }

    fn sample(&self) -> Sample<'_> {
        let label = self.label.as_ref().map(|(name, value)| (*name, value.as_str()));
        Sample { suffix: self.suffix, label, value: self.value }
    }
}

impl Number {
    /// None of what has no value.
    fn samples(&self, item: &Val, root: &Val, openmetrics: bool) -> Result<Option<Vec<Made>>, String> {
        match self {
            Self::One { value, values, scale, sign, grows } => {
                let Some(found) = value.first(item, root)? else { return Ok(None) };
                let Some(number) = values.number(&found, sign)?.map(|number| scaled(number, *scale)) else {
                    return Ok(None);
                };
                if *grows && (number < 0.0 || number.is_nan()) {
                    return Err(format!("a counter cannot be {number}"));
                }
                Ok(Some(vec![Made::plain("", number)]))
            }
            Self::Histogram { buckets, cumulative, sum, count, scale } => {
                let Some(found) = buckets.first(item, root)? else { return Ok(None) };
                if matches!(*found, Val::Null) {
                    return Ok(None);
                }
                let of =
                    |filter: &Option<Filter>| filter.as_ref().map_or(Ok(None), |filter| optional(filter, item, root));
                let (sum, count) = (of(sum)?, of(count)?);
                let buckets = histogram::buckets(histogram::pairs(&found)?, *cumulative, count, *scale)?;
                // Of what may be negative, it is no counter, and OpenMetrics wants none.
                let sum = sum.filter(|_| buckets.first().is_some_and(|(bound, _)| *bound >= 0.0));
                if sum.is_some_and(|sum| sum < 0.0 || sum.is_nan()) {
                    return Err("its `sum` is not what it can be".into());
                }
                let all = buckets.last().map_or(0.0, |(_, count)| *count);
                let bucket = |(bound, count)| Made {
                    suffix: "_bucket",
                    label: Some(("le", text::bound(bound, openmetrics))),
                    value: count,
                };
                let mut samples: Vec<_> = buckets.into_iter().map(bucket).collect();
                samples.extend(sum.map(|sum| Made::plain("_sum", scaled(sum, *scale))));
                // OpenMetrics has both or neither.
                if sum.is_some() || !openmetrics {
                    samples.push(Made::plain("_count", all));
                }
                Ok(Some(samples))
            }
            Self::Summary { quantiles, sum, count, scale } => {
                let (sum, count) = (optional(sum, item, root)?, optional(count, item, root)?);
                let (Some(sum), Some(count)) = (sum, count) else { return Ok(None) };
                let quantiles = quantiles.as_ref().map_or(Ok(None), |filter| filter.first(item, root))?;
                let quantiles = match quantiles.as_deref() {
                    None | Some(Val::Null) => vec![],
                    Some(value) => histogram::pairs(value)?,
                };
                if let Some((wrong, _)) = quantiles.iter().find(|(share, _)| !(0.0..=1.0).contains(share)) {
                    return Err(format!("{wrong} is no quantile, which is a number from 0 to 1"));
                }
                if !(count >= 0.0 && sum >= 0.0) {
                    return Err(format!("a summary cannot have the sum {sum} and the count {count}"));
                }
                let quantile = |(share, value)| {
                    let label = Some(("quantile", text::bound(share, openmetrics)));
                    Made { suffix: "", label, value: scaled(value, *scale) }
                };
                let mut samples: Vec<_> = quantiles.into_iter().map(quantile).collect();
                samples.push(Made::plain("_sum", scaled(sum, *scale)));
                samples.push(Made::plain("_count", count));
                Ok(Some(samples))
            }
        }
    }
}

impl Values {
    /// What `value` stands for; none where there is nothing.
    fn number(&self, value: &Val, sign: &str) -> Result<Option<f64>, String> {
        if matches!(value, Val::Null) {
            return Ok(None);
        }
        if !self.table.is_empty()
            && let Some(text) = text_of(value)
            && let Some((_, number)) = self.table.iter().find(|(pattern, _)| fits(pattern.as_bytes(), text.as_bytes()))
        {
            return Ok(Some(*number));
        }
        if let Some(number) = number_of(value, sign).or(self.otherwise) {
            return Ok(Some(number));
        }
        match value {
            Val::TStr(text) if text.trim_ascii().is_empty() => Ok(None),
            Val::TStr(_) => Err(format!("{} is no number", shown(value))),
            _ => Err(format!("{} is no number", kind(value))),
        }
    }
}

/// What a filter has, if that is a number.
fn optional(filter: &Filter, item: &Val, root: &Val) -> Result<Option<f64>, String> {
    let Some(value) = filter.first(item, root)? else { return Ok(None) };
    Values::default().number(&value, "")
}

/// A thousandth is no binary fraction, but 1000 is a number: to divide by it gives what one would write.
pub fn scaled(number: f64, scale: f64) -> f64 {
    let inverse = (1.0 / scale).round();
    if scale.abs() < 1.0 && (inverse * scale - 1.0).abs() < 1e-12 { number / inverse } else { number * scale }
}

/// Of a number, a text that is one, perhaps with this sign behind it, or a boolean.
pub fn number_of(value: &Val, sign: &str) -> Option<f64> {
    match value {
        Val::Bool(bool) => Some(f64::from(*bool)),
        Val::Num(_) => jaq_std::ValT::as_f64(value),
        Val::TStr(text) => {
            let text = str::from_utf8(text).ok()?.trim();
            text.parse().or_else(|_| text.strip_suffix(sign).unwrap_or(text).trim_end().parse()).ok()
        }
        _ => None,
    }
}

/// None of what is more than one text.
fn text_of(value: &Val) -> Option<Cow<'_, str>> {
    match value {
        Val::TStr(text) | Val::BStr(text) => Some(String::from_utf8_lossy(text)),
        Val::Num(number) => scalar::text(number).or_else(|| Some(Cow::Owned(value.to_string()))),
        Val::Bool(_) => Some(Cow::Owned(value.to_string())),
        _ => None,
    }
}

/// What it is, for a message.
fn kind(value: &Val) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "a boolean",
        Val::Num(_) => "a number",
        Val::BStr(_) | Val::TStr(_) => "a text",
        Val::Arr(_) => "an array",
        Val::Obj(_) => "an object",
    }
}

fn shown(value: &Val) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Whether `text` is like `pattern`, in which `*` stands for anything.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let mut parts = pattern.split(|byte| *byte == b'*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = memchr::memmem::find(rest, part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

/// A name of a metric that is like `name`.
fn sanitized(name: &str) -> String {
    let allowed = |letter: char| if letter.is_ascii_alphanumeric() || letter == ':' { letter } else { '_' };
    let name: String = name.chars().map(allowed).collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) || name.is_empty() { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests;
