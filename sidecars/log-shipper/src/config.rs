//! What the file of configuration may say. `docs/log-shipper.md` explains it with examples.

mod elasticsearch;

pub use elasticsearch::{Auth, Compress, DeadLetter, Elasticsearch, Id, Tls, Verify};

use crate::encode::shape;
use regex::bytes::{Regex, RegexBuilder};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

#[derive(PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    #[serde(deserialize_with = "inputs")]
    pub inputs: Vec<Input>,
    pub output: Output,
    /// What a pod is told about itself, to be in every document
    #[serde(default)]
    pub kubernetes: Kubernetes,
}

/// Logs of one kind.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", remote = "Self")]
pub struct Input {
    /// Patterns of absolute paths, or `-` for stdin
    #[serde(deserialize_with = "files")]
    pub files: Vec<String>,
    /// Patterns of paths that are left out
    #[serde(default, deserialize_with = "patterns")]
    pub exclude: Vec<String>,
    /// Where to begin with a file that was there before the first start
    #[serde(default)]
    pub from: From,
    /// Symbolic links may lead to places below these directories only
    #[serde(default)]
    pub confine: Vec<PathBuf>,
    #[serde(default)]
    pub decode: Format,
    pub multiline: Option<Multiline>,
    /// A longer line is split
    #[serde(default = "max_line", deserialize_with = "chassis::config::size")]
    pub max_line: u64,
    /// Named captures of a match with the path become fields
    pub path: Option<Pattern>,
    /// Fields with a fixed value
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    #[serde(default)]
    pub lines: Lines,
    /// Fields of JSON logs that are not shipped, `user.password` for one within another
    #[serde(default)]
    pub drop: Vec<String>,
    /// New names of fields of JSON logs
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// What must not leave the pod
    #[serde(default)]
    pub mask: Vec<Mask>,
    /// Which field of JSON logs tells when
    #[serde(default = "time_field")]
    pub time: String,
}

impl<'de> Deserialize<'de> for Input {
    /// What is wrong with the whole of it is told with its place, too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let input = Self::deserialize(deserializer)?; // that which serde derives
        shape::check(&input).map_err(D::Error::custom)?;
        Ok(input)
    }
}

impl Default for Input {
    fn default() -> Self {
        Self {
            files: vec![],
            exclude: vec![],
            from: From::default(),
            confine: vec![],
            decode: Format::default(),
            multiline: None,
            max_line: max_line(),
            path: None,
            fields: BTreeMap::new(),
            lines: Lines::default(),
            drop: vec![],
            rename: BTreeMap::new(),
            mask: vec![],
            time: time_field(),
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    #[default]
    Start,
    End,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A line is a message
    #[default]
    Plain,
    /// A line is a JSON object, which becomes the document
    Json,
    /// What containerd and CRI-O write: `TIME stdout F MESSAGE`
    Cri,
    /// JSON objects in what containerd and CRI-O write
    CriJson,
}

/// Which lines belong together.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", remote = "Self")]
pub struct Multiline {
    /// What the first line of an event looks like
    pub start: Option<Pattern>,
    /// Stack traces, whose shape is known
    #[serde(default)]
    pub known: Vec<Known>,
    /// An event is complete when no line came for so long
    #[serde(default = "flush_after", deserialize_with = "chassis::config::duration")]
    pub flush_after: Duration,
}

impl<'de> Deserialize<'de> for Multiline {
    /// One that says nothing groups nothing.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Self::deserialize(deserializer)? {
            Self { start: None, known, .. } if known.is_empty() => Err(D::Error::custom(
                "which lines belong together is not said\nhint: add `start: …`, or `known: [java]`",
            )),
            multiline => Ok(multiline),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    Java,
    Python,
    Go,
    Dotnet,
}

/// Which lines are shipped: those that match one of `include`, if there is any, and none of `exclude`.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lines {
    #[serde(default)]
    pub include: Vec<Pattern>,
    #[serde(default)]
    pub exclude: Vec<Pattern>,
}

impl Lines {
    /// Whether an event with that text is shipped.
    pub fn take(&self, text: &[u8]) -> bool {
        let is_match = |pattern: &Pattern| pattern.0.is_match(text);
        (self.include.is_empty() || self.include.iter().any(is_match)) && !self.exclude.iter().any(is_match)
    }
}

#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mask {
    /// In this field of JSON logs; everywhere without it
    pub field: Option<String>,
    pub pattern: Pattern,
    #[serde(default = "stars")]
    pub with: String,
}

/// A regular expression for bytes. `\d`, `\w`, `\s`, `\b` and `(?i)` are of ASCII, as logs are, for speed and memory.
#[derive(Clone)]
pub struct Pattern(pub Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Pattern {
    /// # Errors
    /// If it is none, or larger than a log is worth.
    pub fn new(pattern: &str) -> Result<Self, regex::Error> {
        let build = |unicode| {
            RegexBuilder::new(pattern).unicode(unicode).size_limit(1 << 20).dfa_size_limit(256 << 10).build().map(Self)
        };
        // Only a class such as `[é]` has to know of characters.
        build(false).or_else(|error| build(true).map_err(|_| error))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pattern = String::deserialize(deserializer)?;
        Self::new(&pattern).map_err(|error| {
            let error = error.to_string();
            // An error of syntax draws where it is, over four lines.
            let reason = error.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            D::Error::custom(format_args!("`{}` is no regular expression: {reason}", pattern.escape_debug()))
        })
    }
}

#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Kubernetes {
    /// A directory where the Downward API puts `labels` and `annotations`; it is re-read when it changes
    pub podinfo: Option<PathBuf>,
}

#[derive(PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Output {
    /// Counts what it gets
    Null(Nothing),
    Stdout(Stdout),
    Elasticsearch(Box<Elasticsearch>),
}

impl Output {
    /// Where there is no state directory, dead letters that would be kept in it are counted only.
    pub fn forget_dead_letters(&mut self) {
        if let Self::Elasticsearch(to) = self
            && to.dead_letter == DeadLetter::State
        {
            to.dead_letter = DeadLetter::Discard;
        }
    }
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

#[derive(Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stdout {
    /// Whether events are written as they are, not as documents
    #[serde(default)]
    pub raw: bool,
}

fn inputs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Input>, D::Error> {
    let inputs = Vec::<Input>::deserialize(deserializer)?;
    if inputs.is_empty() {
        return Err(D::Error::custom(
            "`inputs` is empty: there is nothing to ship\nhint: `- files: [/var/log/app/*.log]`",
        ));
    }
    Ok(inputs)
}

/// At least one, and each of them one: what is wrong is told with its place in the file.
fn files<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let files = patterns(deserializer)?;
    if files.is_empty() { Err(D::Error::custom("`files` is empty: there is nothing to ship")) } else { Ok(files) }
}

fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let patterns = Vec::<String>::deserialize(deserializer)?;
    let wrong = patterns
        .iter()
        .filter(|pattern| *pattern != "-")
        .find_map(|pattern| crate::input::patterns::parse(pattern).err());
    wrong.map_or(Ok(patterns), |usage| Err(D::Error::custom(usage)))
}

fn max_line() -> u64 {
    256 << 10
}

fn time_field() -> String {
    "@timestamp".into()
}

fn flush_after() -> Duration {
    Duration::from_secs(1)
}

fn stars() -> String {
    "***".into()
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns() {
        let matches = |pattern: &str, text: &str| Pattern::new(pattern).unwrap().0.is_match(text.as_bytes());
        assert!(matches(r"^\d{4}-", "2026-"));
        assert!(!matches(r"\d", "\u{663}"), "a digit elsewhere");
        assert!(matches(r"(?i)error\b", "ERROR: é"));
        assert!(matches("^[éè]$", "è"));
        assert!(Pattern::new("(").is_err());
        assert!(Pattern::new(r"(\w{500}){500}").is_err());
    }
}
