//! What may be said of HTTP on a listener.

use super::Method;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Http {
    /// Of a request, in bytes; more is answered with 431
    #[serde(deserialize_with = "head_size")]
    pub max_head: usize,
    /// Fields of a request's head, at most 256
    #[serde(deserialize_with = "headers")]
    pub max_headers: usize,
    /// Of a request, in bytes; more is answered with 413
    #[serde(deserialize_with = "body_size")]
    pub max_body: Option<u64>,
    /// Of memory, in bytes, that all requests hold together; while it is more, others are answered with 503
    #[serde(deserialize_with = "buffered_size")]
    pub max_buffered: usize,
    /// From the first byte of a head to its last
    #[serde(deserialize_with = "chassis::config::some_time")]
    pub header_timeout: Duration,
    /// From sending a request to the head of the answer
    #[serde(deserialize_with = "chassis::config::some_time")]
    pub try_timeout: Duration,
    /// The same, of all tries together
    #[serde(deserialize_with = "chassis::config::some_time")]
    pub request_timeout: Duration,
    /// A body of which nothing has moved for so long is cut off
    #[serde(deserialize_with = "chassis::config::some_time")]
    pub stall_timeout: Duration,
    /// What upstreams are asked for instead of what the app asks for
    #[serde(deserialize_with = "host")]
    pub host: Option<String>,
    /// The name in `Via` of requests; `off` adds none
    #[serde(deserialize_with = "via")]
    pub via: Option<String>,
    /// `X-Forwarded-For`, `-Proto` and `-Host`
    pub x_forwarded: Forward,
    /// `Forwarded`, as RFC 7239 has it
    pub forwarded: Forward,
    pub retries: Retries,
    /// Whether a request without a body that only asks (GET, HEAD, OPTIONS, TRACE) is sent to a second endpoint, too, when
    /// the first takes much longer than usual
    pub hedge: bool,
    pub idle_upstreams: Idle,
    pub access_log: AccessLog,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            max_head: 16 << 10,
            max_headers: 100,
            max_body: None,
            max_buffered: 32 << 20,
            header_timeout: Duration::from_secs(10),
            try_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_mins(1),
            stall_timeout: Duration::from_mins(1),
            host: None,
            via: Some("adapter-proxy".into()),
            x_forwarded: Forward::Off,
            forwarded: Forward::Off,
            retries: Retries::default(),
            hedge: true,
            idle_upstreams: Idle::default(),
            access_log: AccessLog::Off,
        }
    }
}

impl Http {
    pub fn logs(&self) -> bool {
        self.access_log != AccessLog::Off
    }

    /// Whether anybody is told who asks.
    pub fn names_clients(&self) -> bool {
        self.logs() || self.x_forwarded != Forward::Off || self.forwarded != Forward::Off
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forward {
    /// What the client says is passed on as it is
    #[default]
    Off,
    /// The client is added to what it says
    Append,
    /// What the client says is dropped
    Replace,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessLog {
    #[default]
    Off,
    Text,
    Json,
}

/// When a request is sent once more that may have reached an upstream.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Retries {
    /// Altogether, of one request
    #[serde(deserialize_with = "tries")]
    pub tries: u32,
    /// So many percent of the requests of the last 10 seconds …
    pub budget: u32,
    /// … and so many a second besides
    pub at_least: u32,
    /// With these methods; to do them twice is to do them once
    #[serde(deserialize_with = "methods")]
    pub methods: Vec<String>,
}

impl Default for Retries {
    fn default() -> Self {
        let methods = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].map(String::from).to_vec();
        Self { tries: 3, budget: 20, at_least: 10, methods }
    }
}

/// Connections to an endpoint that wait for a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Idle {
    /// More than that are closed
    pub connections: usize,
    #[serde(deserialize_with = "chassis::config::duration")]
    pub timeout: Duration,
}

impl Default for Idle {
    fn default() -> Self {
        Self { connections: 256, timeout: Duration::from_secs(30) }
    }
}

fn tries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(D::Error::custom("expected at least 1\nhint: the first one counts, too")),
        tries => Ok(tries),
    }
}

fn methods<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<Method>::deserialize(deserializer)?.iter().map(ToString::to_string).collect())
}

fn head_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match chassis::config::size(deserializer)? {
        size @ 256..=1_048_576 => usize::try_from(size).map_err(D::Error::custom),
        size => Err(D::Error::custom(format_args!("{size} bytes: expected 256 B to 1 MiB"))),
    }
}

fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match usize::deserialize(deserializer)? {
        count @ 1..=256 => Ok(count),
        count => Err(D::Error::custom(format_args!("{count} header fields: expected 1 to 256"))),
    }
}

fn body_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    chassis::config::size(deserializer).map(Some)
}

fn buffered_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match chassis::config::size(deserializer)? {
        size @ 1_048_576.. => usize::try_from(size).map_err(D::Error::custom),
        size => Err(D::Error::custom(format_args!("{size} bytes: expected at least 1 MiB"))),
    }
}

pub(super) fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte)) {
        return Err(D::Error::custom(format_args!("expected a host such as `api.example.com`, found `{text}`")));
    }
    Ok(Some(text))
}

fn via<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        return Err(D::Error::custom(format_args!("expected a name such as `ambassador`, or `off`, found `{text}`")));
    }
    Ok((text != "off").then_some(text))
}
