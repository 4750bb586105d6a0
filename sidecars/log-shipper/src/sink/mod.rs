//! Where events go.

pub mod counters;
pub mod elasticsearch;
mod null;
mod stdout;

use crate::batch::Batch;
use crate::config::Output;
use anyhow::Result;
use counters::Counters;
use elasticsearch::Elasticsearch;
use null::Null;
use std::path::Path;
use stdout::Stdout;

/// Memory of a batch that nothing else limits: it stays within a core's cache.
const BATCH: usize = 256 << 10;

pub enum Sink {
    Null(Null),
    Stdout(Stdout),
    Elasticsearch(Box<Elasticsearch>),
}

impl Sink {
    /// What the configuration names. Nothing is connected yet. `state` is the state directory, if there is one, where
    /// dead letters go unless another place was named.
    ///
    /// # Errors
    /// [`chassis::exit::Usage`], when the configuration makes no sense.
    pub fn new(output: &Output, state: Option<&Path>) -> Result<Self> {
        Ok(match output {
            Output::Null(_) => Self::Null(Null::default()),
            Output::Stdout(_) => Self::Stdout(Stdout::new()?),
            Output::Elasticsearch(config) => Self::Elasticsearch(Box::new(Elasticsearch::new(config, state)?)),
        })
    }

    /// Returns when every event of the batch is stored, or is with the dead letters; however long that takes. What
    /// comes back is its memory: `reach` and `read` are as they were, the events are gone.
    ///
    /// It may be dropped at any time; then it is not known which of the events are stored, and with [`Self::is_final`] they
    /// will be. The future is `Send`.
    ///
    /// # Errors
    /// When there is no use in trying again: stdout is closed.
    pub async fn deliver(&self, batch: Batch) -> Result<Batch> {
        match self {
            Self::Null(null) => Ok(null.deliver(batch)),
            Self::Stdout(stdout) => stdout.deliver(batch).await,
            Self::Elasticsearch(elasticsearch) => Ok(elasticsearch.deliver(batch).await),
        }
    }

    /// Whether what is under way arrives also when nobody waits for it any more. What is sent twice is stored twice there.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Stdout(_))
    }

    /// A batch should not have more bytes than that. A single event may.
    pub fn batch_limit(&self) -> usize {
        match self {
            Self::Null(_) | Self::Stdout(_) => BATCH,
            Self::Elasticsearch(elasticsearch) => elasticsearch.batch_limit(),
        }
    }

    /// How many batches may be delivered at once.
    pub fn lanes(&self) -> usize {
        match self {
            Self::Null(_) | Self::Stdout(_) => 1,
            Self::Elasticsearch(elasticsearch) => elasticsearch.lanes(),
        }
    }

    pub fn counters(&self) -> &Counters {
        match self {
            Self::Null(null) => &null.counters,
            Self::Stdout(stdout) => &stdout.counters,
            Self::Elasticsearch(elasticsearch) => elasticsearch.counters(),
        }
    }
}
