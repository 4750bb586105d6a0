//! What the file of configuration may say. `docs/adapter-proxy.md` explains it with examples.

mod filters;
mod http;
pub mod metrics;
mod route;

pub use filters::Filters;
pub use http::{AccessLog, Forward, Http, Idle, Retries};
pub use route::{
    Answer, Beginning, BodyMapping, Failure, HeaderEdits, HeaderName, Match, Method, Parameter, QueryEdits, Request,
    Response, Route, Statuses, To, is_token,
};

use crate::address::{Address, Target};
use crate::exporter;
use chassis::exit::Usage;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Formatter};
use std::path::{Path, PathBuf};
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
        config.check().map_err(|wrong| Usage(format!("{}: {wrong}", file.display())))?;
        Ok(Self { text: Text(text.into()), ..config })
    }

    /// What no field of it can tell alone.
    fn check(&self) -> Result<(), String> {
        let mut taken = BTreeSet::new();
        for listener in &self.listeners {
            let Listener { listen, mode, .. } = listener;
            if let Some(cluster) = listener.clusters().find(|cluster| !self.clusters.contains_key(*cluster)) {
                let known: Vec<_> = self.clusters.keys().map(|name| format!("`{name}`")).collect();
                let known = known.join(", ");
                return Err(format!(
                    "{listen} is to lead to the cluster `{cluster}`, which is none\nhint: there are {known}"
                ));
            }
            listener.check().map_err(|wrong| format!("{listen} {wrong}"))?;
            if let Some(page) = listener.pages().find(|page| !self.pages.contains_key(*page)) {
                return Err(format!(
                    "{listen} has a route to the page `{page}`, which is none\nhint: describe it in `pages`"
                ));
            }
            if *mode != self::mode() && !matches!(listen, Address::Unix(_)) {
                return Err(format!("{listen} has a `mode`, which is for Unix sockets alone"));
            }
            if !taken.insert(listen) {
                return Err(format!("{listen} is listened on twice"));
            }
        }
        for (name, page) in &self.pages {
            // Workers would find out, too, and none of them would work, for routes neither.
            exporter::Page::new(page).map_err(|wrong| format!("the page `{name}`: {wrong}"))?;
        }
        for (name, cluster) in &self.clusters {
            cluster.check().map_err(|wrong| format!("the cluster `{name}`: {wrong}"))?;
        }
        Ok(())
    }
}

/// Where the app connects to.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
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
    #[serde(default = "max_connections")]
    pub max_connections: usize,
    /// A connection on which nothing has moved for so long is closed
    #[serde(default = "idle_timeout", deserialize_with = "chassis::config::duration")]
    pub idle_timeout: Duration,
    /// Who may connect to a Unix socket: its owner and its group, unless it says something else
    #[serde(default = "mode", deserialize_with = "octal")]
    pub mode: u32,
    /// With `protocol: http`
    #[serde(default)]
    pub http: Http,
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

/// Where what comes is sent on to.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cluster {
    /// Those that are known
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// A list of more of them, whose changes are followed
    pub file: Option<PathBuf>,
    #[serde(default)]
    pub balance: Balance,
    /// Asked now and then, whether they are well
    pub health: Option<Health>,
    /// One that fails is left out for a while
    #[serde(default)]
    pub outlier: Outlier,
    /// When fewer than this share of them are well, all are used: the fault is elsewhere, or everywhere. In percent
    #[serde(default = "panic_threshold")]
    pub panic_threshold: u8,
    #[serde(default = "connect_timeout", deserialize_with = "chassis::config::duration")]
    pub connect_timeout: Duration,
    #[serde(default)]
    pub limits: Limits,
}

impl Cluster {
    /// One with these endpoints, and the default of everything else.
    pub fn of(endpoints: Vec<Endpoint>) -> Self {
        Self {
            endpoints,
            file: None,
            balance: Balance::default(),
            health: None,
            outlier: Outlier::default(),
            panic_threshold: panic_threshold(),
            connect_timeout: connect_timeout(),
            limits: Limits::default(),
        }
    }
}

/// `redis-a:6379`, or `{at: redis-a:6379, weight: 2, backup: true}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    pub at: Target,
    /// How much of the load it takes, compared with the others
    pub weight: u32,
    /// Whether it is for when none of the others is well
    pub backup: bool,
}

impl Endpoint {
    pub fn at(at: Target) -> Self {
        Self { at, weight: 1, backup: false }
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        struct Long {
            at: Target,
            #[serde(default = "one", deserialize_with = "weight")]
            weight: u32,
            #[serde(default)]
            backup: bool,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Endpoint;

            fn expecting(&self, f: &mut Formatter) -> fmt::Result {
                f.write_str("an endpoint such as `redis-a:6379` or `{at: redis-a:6379, weight: 2}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Endpoint, E> {
                text.parse().map(Endpoint::at).map_err(E::custom)
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Endpoint, M::Error> {
                let Long { at, weight, backup } = Long::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Endpoint { at, weight, backup })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// The better of two at random, by the peak of how long they took lately and how much they have to do
    #[default]
    Ewma,
    /// The one of two at random that has less to do
    LeastRequest,
    /// One after the other
    RoundRobin,
}

/// Active checks.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Health {
    pub check: Check,
    #[serde(default = "interval", deserialize_with = "chassis::config::duration")]
    pub interval: Duration,
    /// For all of a check
    #[serde(default = "check_timeout", deserialize_with = "chassis::config::duration")]
    pub timeout: Duration,
    /// So many good answers in a row make it well
    #[serde(default = "rise")]
    pub rise: u32,
    /// So many bad ones make it unwell
    #[serde(default = "fall")]
    pub fall: u32,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Check {
    /// It takes a connection
    Tcp {},
    /// It answers a GET of this path
    Http {
        path: String,
        /// What it has to answer; any 2xx without
        #[serde(default)]
        status: Option<u16>,
        /// Instead of its name
        #[serde(default)]
        host: Option<String>,
    },
    /// It answers with something that begins so
    Talk { send: String, expect: String },
}

/// Passive checks: what is seen of the traffic.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Outlier {
    /// So many failures in a row put it out; 0 never does
    pub failures: u32,
    /// For so long the first time, and longer each time that it happens again …
    #[serde(deserialize_with = "chassis::config::duration")]
    pub eject_for: Duration,
    /// … but no longer than that
    #[serde(deserialize_with = "chassis::config::duration")]
    pub longest: Duration,
}

impl Default for Outlier {
    fn default() -> Self {
        Self { failures: 5, eject_for: Duration::from_secs(1), longest: Duration::from_mins(1) }
    }
}

/// What is too much is refused at once, so that it does not pile up here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// To each endpoint at a time
    pub connections: u32,
    /// That wait for one, of the whole cluster
    pub pending: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 1024, pending: 1024 }
    }
}

fn weight<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        weight @ 1..=1000 => Ok(weight),
        other => Err(D::Error::custom(format_args!("a weight of {other}: expected 1 to 1000"))),
    }
}

const fn one() -> u32 {
    1
}

const fn max_connections() -> usize {
    1024
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

const fn panic_threshold() -> u8 {
    50
}

const fn connect_timeout() -> Duration {
    Duration::from_secs(1)
}

const fn interval() -> Duration {
    Duration::from_secs(2)
}

const fn check_timeout() -> Duration {
    Duration::from_secs(1)
}

const fn rise() -> u32 {
    2
}

const fn fall() -> u32 {
    3
}
