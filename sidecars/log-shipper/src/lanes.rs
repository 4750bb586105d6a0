//! Ways to the sink: on each, one batch is under way while the next one is filled. A log has one lane, so its lines
//! arrive in their order.

use crate::batch::Batch;
use crate::sink::Sink;
use anyhow::{Context, Result};
use std::sync::Arc;
use tokio::task::JoinSet;

pub struct Lanes {
    sink: Arc<Sink>,
    lanes: Vec<Lane>,
    under_way: JoinSet<Result<(usize, Batch)>>,
}

#[derive(Default)]
struct Lane {
    filling: Batch,
    /// Nothing more goes into it
    full: bool,
    under_way: bool,
    /// The memory of a batch that has been delivered
    spare: Option<Batch>,
}

/// What the sink has.
pub struct Delivered {
    /// As [`Batch::reach`]
    pub reach: Vec<(u64, u64)>,
    /// Bytes of files
    pub read: u64,
}

impl Lanes {
    pub fn new(sink: Arc<Sink>) -> Self {
        let lanes = (0..sink.lanes()).map(|_| Lane::default()).collect();
        Self { sink, lanes, under_way: JoinSet::new() }
    }

    pub fn sink(&self) -> &Sink {
        &self.sink
    }

    /// Whether more of this log can be taken.
    pub fn is_free(&self, log: usize) -> bool {
        !self.lanes[log % self.lanes.len()].full
    }

    /// Where events of this log go.
    pub fn batch(&mut self, log: usize) -> &mut Batch {
        let lane = log % self.lanes.len();
        &mut self.lanes[lane].filling
    }

    /// The batch for this log has no room for its next event.
    pub fn fill(&mut self, log: usize) {
        let lane = log % self.lanes.len();
        self.lanes[lane].full = true;
    }

    /// Sends what can be sent.
    pub fn dispatch(&mut self) {
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            if lane.under_way || lane.filling.reach.is_empty() {
                continue;
            }
            let batch = std::mem::replace(&mut lane.filling, lane.spare.take().unwrap_or_default());
            lane.full = false;
            lane.under_way = true;
            let sink = self.sink.clone();
            self.under_way.spawn(async move { Ok((number, sink.deliver(batch).await?)) });
        }
    }

    /// Waits until a batch has been delivered, and tells how far it reached and what it was made of.
    ///
    /// # Errors
    /// When there is no use in trying again.
    pub async fn delivered(&mut self) -> Result<Delivered> {
        let Some(joined) = self.under_way.join_next().await else { return std::future::pending().await };
        let (number, mut batch) = joined.context("a delivery was ended")??;
        let delivered = Delivered { reach: std::mem::take(&mut batch.reach), read: batch.read };
        batch.clear();
        let lane = &mut self.lanes[number];
        lane.under_way = false;
        lane.spare = Some(batch);
        Ok(delivered)
    }

    pub fn are_empty(&self) -> bool {
        self.lanes.iter().all(|lane| !lane.under_way && lane.filling.reach.is_empty())
    }

    /// Whether what is under way can be given up without being sent twice.
    pub fn can_redirect(&self) -> bool {
        self.under_way.is_empty() || !self.sink.is_final()
    }

    /// Gives up what is under way, and goes on to another sink. What was not delivered has to be read again.
    pub fn redirect(&mut self, sink: Arc<Sink>) {
        *self = Self::new(sink);
    }
}
