//! What may be said of Elasticsearch as a sink.

use crate::encode::index::Dated;
use crate::sink::elasticsearch::tls::Trust;
use crate::sink::elasticsearch::urls::Url;
use chassis::exit::Usage;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use std::time::Duration;

/// Elasticsearch, or `OpenSearch`.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", remote = "Self")]
pub struct Elasticsearch {
    /// Any of these will do
    #[serde(deserialize_with = "urls")]
    pub urls: Vec<String>,
    /// Documents are appended to this data stream …
    pub data_stream: Option<String>,
    /// … or created in this index; `%Y`, `%m`, `%d` and `%H` stand for the time of the event (UTC)
    pub index: Option<String>,
    #[serde(default)]
    pub id: Id,
    pub auth: Option<Auth>,
    #[serde(default)]
    pub tls: Tls,
    #[serde(default)]
    pub compress: Compress,
    /// At most so many bytes before they are compressed go in one request
    #[serde(default = "batch", deserialize_with = "chassis::config::size")]
    pub batch: u64,
    /// At most so many requests at once; a file's lines are in one of them
    #[serde(default = "requests")]
    pub requests: usize,
    /// A request that takes longer has failed
    #[serde(default = "timeout", deserialize_with = "chassis::config::some_time")]
    pub timeout: Duration,
    #[serde(default)]
    pub dead_letter: DeadLetter,
}

impl<'de> Deserialize<'de> for Elasticsearch {
    /// What is wrong with the whole of it is told with its place, too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let elasticsearch = Self::deserialize(deserializer)?; // that which serde derives
        elasticsearch.check().map_err(D::Error::custom)?;
        Ok(elasticsearch)
    }
}

impl Elasticsearch {
    /// What no field of it can tell alone.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Usage> {
        if self.data_stream.is_some() && self.index.is_some() {
            return Err(Usage("`data-stream` and `index` are both set\nhint: leave one out".into()));
        }
        if self.requests == 0 {
            return Err(Usage("`requests` is 0\nhint: with 1, one request is sent after the other".into()));
        }
        self.index
            .as_ref()
            .map_or(Ok(()), |index| Dated::new(index).map(drop))
            .map_err(|error| Usage(error.to_string()))?;
        Trust::new(&self.tls).map(drop)
    }

    /// One that answers at this URL.
    pub fn at(url: &str) -> Self {
        Self {
            urls: vec![url.into()],
            data_stream: None,
            index: None,
            id: Id::default(),
            auth: None,
            tls: Tls::default(),
            compress: Compress::default(),
            batch: batch(),
            requests: requests(),
            timeout: timeout(),
            dead_letter: DeadLetter::default(),
        }
    }
}

/// How documents are named.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Id {
    /// By where they are from, so that what is sent again after a crash is not stored twice
    #[default]
    Origin,
    /// By the sink
    None,
}

/// Secrets are in files, which are read again when they change.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Auth {
    Basic { user: String, password_file: PathBuf },
    ApiKey { file: PathBuf },
    Bearer { file: PathBuf },
}

#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tls {
    #[serde(default)]
    pub verify: Verify,
    /// With `verify: ca`
    pub ca_file: Option<PathBuf>,
}

/// Whom to believe.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verify {
    /// The CAs of the system: `SSL_CERT_FILE`, /etc/ssl/certs, and Mozilla's, which are built in, where there are none
    #[default]
    System,
    /// Those in `ca-file`
    Ca,
    /// Anyone
    None,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Compress {
    #[default]
    None,
    Gzip,
    Zstd,
}

/// Where documents go that the sink will never take.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum DeadLetter {
    /// To `dead-letters.ndjson` in the state directory
    #[default]
    State,
    File(PathBuf),
    /// To another index or data stream of the same sink
    Index(String),
    /// Nowhere: they are counted
    Discard,
}

/// At least one, and each of them one: what is wrong is told with its place in the file.
fn urls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let urls = Vec::<String>::deserialize(deserializer)?;
    if urls.is_empty() {
        return Err(D::Error::custom("`urls` is empty: there is nowhere to ship to"));
    }
    match urls.iter().find_map(|url| Url::parse(url).err()) {
        Some(usage) => Err(D::Error::custom(usage)),
        None => Ok(urls),
    }
}

fn batch() -> u64 {
    512 << 10
}

fn requests() -> usize {
    2
}

fn timeout() -> Duration {
    Duration::from_mins(1)
}
