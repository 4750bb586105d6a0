//! Elasticsearch and `OpenSearch`, by their bulk API.

pub mod answer;
mod auth;
mod body;
mod client;
mod compress;
mod connection;
mod failure;
mod graveyard;
mod health;
mod letter;
mod letter_file;
mod limit;
mod portion;
mod retry;
pub mod scanner;
pub(crate) mod tls;
pub mod urls;
mod wire;

use super::counters::{Counters, During, Outcome};
use crate::batch::Batch;
use crate::config::{Elasticsearch as Config, Id};
use answer::{Answer, Fate, Reason, Refusal};
use anyhow::Result;
use chassis::message;
use client::{Bulk, Client};
use compress::Compressor;
use failure::{Failure, Kind};
use graveyard::Graveyard;
use health::Health;
use limit::Limit;
use portion::{beginning, drop_answered, too_large};
use retry::Backoff;
use std::mem;
use std::path::Path;
use std::sync::Arc;
use tokio::time::sleep;
use urls::{Rotation, bulk_path};

/// Where documents go if nothing else is said: a data stream that Elasticsearch has a template for.
const DATA_STREAM: &str = "logs-app-default";

/// When so many requests in a row broke off, a half is tried: something on the way may not like large ones, and hang
/// up before one can read its 413.
const SUSPICIOUS: u32 = 3;

/// Nobody has such a limit.
const SMALL: usize = 64 << 10;

pub struct Elasticsearch {
    client: Client,
    rotation: Rotation,
    compressor: Option<Compressor>,
    limit: Limit,
    graveyard: Graveyard,
    health: Health,
    counters: Counters,
    /// What each event goes to
    index: String,
    path: String,
    own_ids: bool,
    lanes: usize,
}

/// A place that takes events.
#[derive(Clone, Copy)]
struct Destination<'a> {
    path: &'a str,
    /// Whether it takes dead letters. There is no other place for what it refuses.
    last: bool,
}

impl Elasticsearch {
    /// # Errors
    /// [`Usage`], when the configuration makes no sense.
    pub fn new(config: &Config, state: Option<&Path>) -> Result<Self> {
        config.check()?;
        let (index, path) = match (&config.data_stream, &config.index) {
            // Each action line tells which one.
            (None, Some(index)) if index.contains('%') => (index, bulk_path(None)),
            (Some(name), _) | (None, Some(name)) => (name, bulk_path(Some(name))),
            (None, None) => (&DATA_STREAM.to_owned(), bulk_path(Some(DATA_STREAM))),
        };
        Ok(Self {
            client: Client::new(config)?,
            rotation: Rotation::new(config.urls.len()),
            compressor: Compressor::new(config.compress),
            limit: Limit::new(usize::try_from(config.batch).unwrap_or(usize::MAX).max(1)),
            graveyard: Graveyard::new(&config.dead_letter, state)?,
            health: Health::default(),
            counters: Counters::default(),
            index: index.clone(),
            path,
            own_ids: config.id == Id::Origin,
            lanes: config.requests,
        })
    }

    pub fn batch_limit(&self) -> usize {
        self.limit.get()
    }

    pub fn lanes(&self) -> usize {
        self.lanes
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    pub async fn deliver(&self, mut batch: Batch) -> Batch {
        let _one_more = During::new(&self.counters.in_flight);
        let events = batch.items;
        self.send(&mut batch, Destination { path: &self.path, last: false }).await;
        self.counters.delivered(events);
        batch.clear_events();
        batch
    }

    /// Returns when all of the batch is stored or given up, and gone from it.
    async fn send(&self, batch: &mut Batch, to: Destination<'_>) {
        let mut backoff = Backoff::default();
        let (mut broken, mut most, mut reached) = (0, usize::MAX, true);
        while !batch.ends.is_empty() {
            let (count, length) = beginning(batch, self.limit.get().min(most));
            let url = self.rotation.choose();
            let result = self.request(batch, count, length, url, to, !reached).await;
            let (broke_off, at_all) = result.as_ref().map_or_else(
                |failure| (failure.kind == Kind::Broken, failure.kind != Kind::Unreachable),
                |_| (false, true),
            );
            (broken, reached) = (if broke_off { broken + 1 } else { 0 }, at_all);
            if broken == SUSPICIOUS {
                (broken, most) = (0, (length / 2).max(SMALL));
            }
            match result {
                Ok(answer) => {
                    self.limit.passed(length);
                    self.settle(batch, &answer, url, to, &mut backoff).await;
                }
                Err(failure) if failure.kind == Kind::Status(413) => {
                    self.reachable(url);
                    if count > 1 {
                        self.limit.refused(length);
                    } else {
                        let answer = too_large(length);
                        self.settle(batch, &answer, url, to, &mut backoff).await;
                    }
                }
                Err(failure) => self.pause(&failure, url, &mut backoff).await,
            }
        }
    }

    /// Sends the first `count` events of a batch, which are so many bytes, once.
    async fn request(
        &self,
        batch: &mut Batch,
        count: usize,
        length: usize,
        url: usize,
        to: Destination<'_>,
        down: bool,
    ) -> Result<Answer, Failure> {
        let (body, length, encoding) = match &self.compressor {
            None => (mem::take(&mut batch.body), length, None),
            Some(compressor) => {
                let body = compressor.compressed(&batch.body[..length]);
                let length = body.len();
                (body, length, Some(compressor.encoding))
            }
        };
        let body = Arc::new(body);
        let bulk = Bulk { path: to.path, body: &body, length, encoding, items: count, own_ids: self.own_ids };
        let result = self.client.send(url, bulk, down).await;
        // Nobody else has it any more, so that this copies nothing.
        let body = Arc::unwrap_or_clone(body);
        match &self.compressor {
            None => batch.body = body,
            Some(compressor) => compressor.give_back(body),
        }
        if result.as_ref().map_or_else(Failure::was_sent, |_| true) {
            self.counters.bytes.add(length as u64);
        }
        self.counters.ended(result.as_ref().map_or_else(Failure::outcome, |_| Outcome::Answered));
        result
    }

    /// Has the batch without what was answered for, and waits if there is something to be sent again.
    async fn settle(&self, batch: &mut Batch, answer: &Answer, url: usize, to: Destination<'_>, backoff: &mut Backoff) {
        let again = answer.fates.iter().filter(|fate| **fate == Fate::Again).count();
        let some = again < answer.fates.len();
        if some {
            self.reachable(url);
        }
        if !answer.refusals.is_empty() {
            self.give_up(batch, &answer.refusals, to).await;
        }
        drop_answered(batch, &answer.fates);
        match &answer.again {
            None => backoff.reset(),
            Some(reason) => {
                self.counters.retried.add(again as u64);
                if !some {
                    self.pause(&Failure::full(reason), url, backoff).await;
                } else if again > answer.fates.len() / 2 {
                    sleep(backoff.failed(None)).await;
                } else {
                    sleep(backoff.partly(again, answer.fates.len())).await;
                }
            }
        }
    }

    /// Events that will never be stored go to the graveyard, or nowhere.
    async fn give_up(&self, batch: &Batch, refusals: &[Refusal], to: Destination<'_>) {
        let place = match &self.graveyard {
            Graveyard::File(file) => {
                file.bury(batch, refusals, &self.index).await;
                format!("it is in {}", file.path().display())
            }
            Graveyard::Index { name, path } if !to.last => {
                let mut letters = graveyard::letters(batch, refusals, &self.index);
                Box::pin(self.send(&mut letters, Destination { path, last: true })).await;
                format!("it goes to `{name}`")
            }
            Graveyard::Index { .. } | Graveyard::Discard => {
                self.counters.dropped.add(refusals.len() as u64);
                "it is dropped".into()
            }
        };
        for Refusal { reason: Reason { status, kind, text, .. }, .. } in refusals {
            let (what, counted) = if to.last {
                ("a dead letter", format!("dead letter: {kind}"))
            } else {
                ("an event", kind.to_string())
            };
            if self.counters.dead_letter(&counted) {
                message::warning(format_args!(
                    "{what} is refused for good, with {status} {kind}: {text}; {place}, and so are others like it"
                ));
            }
        }
    }

    fn reachable(&self, url: usize) {
        self.rotation.worked(url);
        self.counters.is_up(true);
        self.health.works(&self.client.urls[url].text);
    }

    async fn pause(&self, failure: &Failure, url: usize, backoff: &mut Backoff) {
        self.counters.is_up(false);
        self.health.failed((url, &self.client.urls[url].text), failure);
        if failure.is_this_url() && self.rotation.failed(url) {
            return; // another one is tried at once
        }
        sleep(match failure.kind {
            Kind::Unreachable => backoff.unreachable(),
            _ => backoff.failed(failure.wait),
        })
        .await;
    }
}
