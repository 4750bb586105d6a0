//! What may be said of a cluster.

use crate::address::Target;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt::{self, Formatter};
use std::path::PathBuf;
use std::time::Duration;

/// Where what comes is sent on to.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", remote = "Self")]
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

impl<'de> Deserialize<'de> for Cluster {
    /// What is wrong with the whole of it is told with its place, too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cluster = Self::deserialize(deserializer)?; // that which serde derives
        cluster.check().map_err(D::Error::custom)?;
        Ok(cluster)
    }
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
