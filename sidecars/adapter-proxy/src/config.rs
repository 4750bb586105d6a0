//! What the file of configuration may say. `docs/adapter-proxy.md` explains it with examples.

mod cluster;
mod filters;
mod http;
pub mod metrics;
mod route;

pub use cluster::{Balance, Check, Cluster, Endpoint, Health, Limits, Outlier};
pub use filters::Filters;
pub use http::{AccessLog, Forward, Http, Idle, Retries};
pub use route::{
    Answer, Beginning, BodyMapping, Failure, HeaderEdits, HeaderName, Match, Method, Parameter, QueryEdits, Request,
    Response, Route, Statuses, To, is_token,
};

use crate::address::{Address, Target};
use crate::exporter;
use chassis::exit::Usage;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    pub listeners: Vec<Listener>,
    #[serde(default)]
    pub clusters: BTreeMap<String, Cluster>,
    #[serde(default)]
    pub filters: Filters,
    /// Of metrics, by their names
    #[serde(default)]
    pub pages: BTreeMap<String, metrics::Page>,
    /// How it was written
    #[serde(skip)]
    pub text: Text,
}

/// That of a configuration's file, for those who are to read it once more. Two that say the same in other words are equal.
#[derive(Clone, Default, Debug)]
pub struct Text(pub String);

impl PartialEq for Text {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Config {
    /// # Errors
    /// When `file` cannot be read, or is wrong: with its line and column where there is one.
    pub fn load(file: &Path) -> Result<Self, Usage> {
        Self::parse(file, &chassis::config::text(file)?)
    }

    /// The same of a text that was read from `file`.
    ///
    /// # Errors
    /// When it is wrong.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Usage> {
        let config: Self = chassis::config::parse(file, text)?;
        config.check().map_err(|(steps, wrong)| {
            let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
            chassis::config::wrong(file, text, &steps, &wrong)
        })?;
        Ok(Self { text: Text(text.into()), ..config })
    }

    /// What no field of it can tell alone: where that is, and what.
    fn check(&self) -> Result<(), (Vec<String>, String)> {
        let at = |steps: &[&str]| steps.iter().map(ToString::to_string).collect();
        if self.listeners.is_empty() {
            return Err((at(&["listeners"]), "nothing is listened on\nhint: add `- listen: 127.0.0.1:6379`".into()));
        }
        for (number, listener) in self.listeners.iter().enumerate() {
            self.check_listener(number, listener)
                .map_err(|(field, wrong)| (at(&["listeners", &number.to_string(), field]), wrong))?;
        }
        if let Some(name) = self.clusters.keys().find(|name| name.is_empty() || name.contains(char::is_control)) {
            let wrong = "the name of a cluster is empty, or has a control character in it";
            return Err((at(&["clusters", name]), wrong.into()));
        }
        for (name, page) in &self.pages {
            // Workers would find out, too, and none of them would work, for routes neither.
            let page = exporter::Page::new(page);
            page.map_err(|wrong| (at(&["pages", name]), format!("the page `{name}`: {wrong}")))?;
        }
        Ok(())
    }

    /// The same of one of the listeners: in which of its fields.
    fn check_listener(&self, number: usize, listener: &Listener) -> Result<(), (&'static str, String)> {
        let Listener { listen, mode, .. } = listener;
        if let Some(cluster) = listener.clusters().find(|cluster| !self.clusters.contains_key(*cluster)) {
            let known: Vec<_> = self.clusters.keys().map(|name| format!("`{name}`")).collect();
            let hint = match known.as_slice() {
                [] => "describe it in `clusters`".into(),
                known => format!("there are {}", known.join(", ")),
            };
            let field = if listener.cluster.as_deref() == Some(cluster) { "cluster" } else { "routes" };
            let wrong = format!("{listen} is to lead to the cluster `{cluster}`, which is none\nhint: {hint}");
            return Err((field, wrong));
        }
        if let Some(page) = listener.pages().find(|page| !self.pages.contains_key(*page)) {
            let wrong =
                format!("{listen} has a route to the page `{page}`, which is none\nhint: describe it in `pages`");
            return Err(("routes", wrong));
        }
        if *mode != self::mode() && !matches!(listen, Address::Unix(_)) {
            return Err(("mode", format!("{listen} has a `mode`, which is for Unix sockets alone")));
        }
        if let Some(other) = self.listeners[..number].iter().find(|other| other.listen.takes(listen)) {
            let what = if other.listen == *listen { "twice".into() } else { format!("by {}, too", other.listen) };
            return Err((
                "listen",
                format!("{listen} is listened on {what}\nhint: one listener can have several `routes`"),
            ));
        }
        let leads_here =
            |endpoint: &&Endpoint| matches!(&endpoint.at, Target::At(address) if listen.is_reached_by(address));
        let mut endpoints =
            listener.clusters().filter_map(|name| self.clusters.get(name)).flat_map(|one| &one.endpoints);
        if let Some(endpoint) = endpoints.find(leads_here) {
            return Err(("listen", format!("{listen} leads to itself, by the endpoint {}", endpoint.at)));
        }
        Ok(())
    }
}

/// Where the app connects to.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", remote = "Self")]
pub struct Listener {
    pub listen: Address,
    #[serde(default)]
    pub protocol: Protocol,
    /// The name of one of the clusters: where what no route takes is sent on to
    pub cluster: Option<String>,
    /// With `protocol: http`: the first one that takes a request has it
    #[serde(default)]
    pub routes: Vec<Route>,
    /// More connections than that wait until others have ended
    #[serde(default = "max_connections", deserialize_with = "at_least_one")]
    pub max_connections: usize,
    /// A connection on which nothing has moved for so long is closed
    #[serde(default = "idle_timeout", deserialize_with = "chassis::config::some_time")]
    pub idle_timeout: Duration,
    /// Who may connect to a Unix socket: its owner and its group, unless it says something else
    #[serde(default = "mode", deserialize_with = "octal")]
    pub mode: u32,
    /// With `protocol: http`
    #[serde(default)]
    pub http: Http,
}

impl<'de> Deserialize<'de> for Listener {
    /// What is wrong with the whole of it is told with its place, too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let listener = Self::deserialize(deserializer)?; // that which serde derives
        let wrong = |wrong| D::Error::custom(format_args!("{} {wrong}", listener.listen));
        listener.check().map_err(wrong)?;
        Ok(listener)
    }
}

impl Listener {
    /// One at this address, and the default of everything else.
    pub fn at(listen: Address, protocol: Protocol, cluster: &str) -> Self {
        Self {
            listen,
            protocol,
            cluster: Some(cluster.into()),
            routes: vec![],
            max_connections: max_connections(),
            idle_timeout: idle_timeout(),
            mode: mode(),
            http: Http::default(),
        }
    }

    /// The names of all that it leads to.
    pub fn clusters(&self) -> impl Iterator<Item = &str> {
        let routed = self.routes.iter().filter_map(|route| match &route.to {
            To::Cluster(cluster) => Some(cluster),
            _ => None,
        });
        self.cluster.iter().chain(routed).map(String::as_str)
    }

    /// The names of all pages that it shows.
    fn pages(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().filter_map(|route| match &route.to {
            To::Metrics(page) => Some(page.as_str()),
            _ => None,
        })
    }

    /// What no field of it can tell alone.
    fn check(&self) -> Result<(), String> {
        if self.cluster.is_none() && self.routes.is_empty() {
            return Err("leads nowhere\nhint: add `cluster: …`, or `routes: […]`".into());
        }
        if !self.routes.is_empty() && self.protocol != Protocol::Http {
            return Err("has `routes`, which are for requests\nhint: add `protocol: http`".into());
        }
        if self.http != Http::default() && self.protocol != Protocol::Http {
            return Err("has `http`, which is for requests\nhint: add `protocol: http`".into());
        }
        let mut names = BTreeSet::new();
        for Route { name, to, .. } in &self.routes {
            if !names.insert(name) {
                return Err(format!("has two routes `{name}`\nhint: give each a name of its own"));
            }
            if self.cluster.is_none() && *to == To::Default {
                return Err(format!("has a route `{name}` that leads nowhere\nhint: add `cluster: …` to it"));
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Bytes, whatever they mean
    #[default]
    Tcp,
    /// HTTP/1.1: requests of one connection may go to different endpoints
    Http,
}

const fn max_connections() -> usize {
    1024
}

/// A count of which 0 would be none at all.
fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match usize::deserialize(deserializer)? {
        0 => Err(D::Error::custom("expected at least 1")),
        count => Ok(count),
    }
}

const fn mode() -> u32 {
    0o660
}

/// As chmod takes it, and always as text: YAML's numbers may mean one or the other.
fn octal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text = String::deserialize(deserializer)?;
    let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| D::Error::custom(format_args!("a mode of `{text}`: expected one such as \"0660\"")))
}

const fn idle_timeout() -> Duration {
    Duration::from_hours(1)
}
