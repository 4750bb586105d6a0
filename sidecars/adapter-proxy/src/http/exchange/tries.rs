//! Where a request is sent, and when it may be sent once more: **one that may have reached an upstream is never sent
//! twice**, unless doing it twice is the same as doing it once and all of it is still here.

use super::super::attempt::{Attempt, Lost};
use super::super::metrics::add;
use super::{Exchange, Refusal};
use crate::cluster::{Failure, Try};
use crate::stream::is_own_fault;
use std::io::{self, ErrorKind};
use std::time::Duration;
use tokio::time::Instant;

/// Of one request, that are under way at a time.
const MOST_AT_A_TIME: usize = 3;

/// A kept connection that ends so soon has been closed when it was used. One that ends later may have had work to do.
const JUST: Duration = Duration::from_secs(1);

impl Exchange<'_> {
    /// The first try, or the next one when no other is under way.
    pub fn begin(&mut self, now: Instant) {
        if let Some(chosen) = self.cluster.at_once(&self.tried) {
            let chosen = if self.only_asks() { chosen } else { self.cluster.surer(chosen, &self.tried) };
            return self.start(chosen, now);
        }
        let (cluster, tried) = (self.cluster.clone(), self.tried.clone());
        self.choosing = Some(Box::pin(async move { cluster.wait(&tried).await }));
        self.hedge_at = None; // there is nothing to hedge
    }

    pub fn start(&mut self, mut chosen: Try, now: Instant) {
        if self.is_uploading() {
            chosen.await_client(now);
        }
        let endpoint = chosen.endpoint().clone();
        let (http, deadline) = (self.http, now + self.patience());
        let precious = !self.is_repeatable();
        let idle = &self.settings.idle_upstreams;
        let pooled = if self.fresh { None } else { http.pool.take(&endpoint, precious, idle, now) };
        if self.lost.take().is_some() {
            add(&http.counters.retries, 1);
        }
        self.tries += 1;
        self.attempts.push(if let Some(stream) = pooled {
            add(&http.counters.reuses, 1);
            Attempt::with(chosen, stream, now, deadline)
        } else {
            add(&http.counters.connects, 1);
            Attempt::connect(chosen, self.cluster.connect_timeout(), now, deadline)
        });
        let may = self.attempts.len() < MOST_AT_A_TIME && self.has_tries();
        let hedges = may && self.may_hedge();
        self.hedge_at = hedges.then(|| now + http.recent.too_long(now));
    }

    /// How long a try may take: as long as the client sends, it is the client's time, which counts from what moved last.
    pub fn patience(&self) -> Duration {
        let waits_itself = self.request.expects && self.interim == 0;
        if self.is_uploading() && !waits_itself { self.settings.stall_timeout } else { self.settings.try_timeout }
    }

    /// Whether it may be sent to more than one upstream.
    fn is_repeatable(&self) -> bool {
        self.request.idempotent && self.upload.is_none() && self.interim == 0
    }

    /// Whether it changes nothing, and can be sent again.
    fn only_asks(&self) -> bool {
        self.is_repeatable() && self.request.safe && self.received == 0 && self.request.upgrade.is_none()
    }

    /// A PUT that hangs somewhere may be done after the next one, which was sent elsewhere. Of two that are under way at a
    /// time nobody knows which is first, so that only what changes nothing is sent so.
    fn may_hedge(&self) -> bool {
        self.settings.hedge && self.only_asks()
    }

    /// A kept connection that its server had closed is none of them.
    fn has_tries(&self) -> bool {
        self.tries < self.settings.retries.tries + u32::from(self.fresh)
    }

    /// Whether there is budget for sending it once more.
    fn may_spend(&self, now: Instant) -> bool {
        let retries = &self.settings.retries;
        let may = self.http.budget.spend(now, retries.budget, retries.at_least);
        if !may {
            add(&self.http.counters.exhausted, 1);
        }
        may
    }

    /// Sends it to another endpoint, too, if there is one, and sees who is first.
    pub fn hedge(&mut self) {
        let under_way = self.attempts.iter().map(|attempt| attempt.of.endpoint().clone());
        let busy: Vec<_> = self.tried.iter().cloned().chain(under_way).collect();
        let now = Instant::now();
        if let Ok(chosen) = self.cluster.choose(&busy) {
            if self.may_spend(now) {
                add(&self.http.counters.hedges, 1);
                return self.start(chosen, now);
            }
            chosen.undo();
        }
        // When it has waited as long again there may be one, or something to spend: but for that it would be left where
        // it is until the end of its time.
        self.hedge_at = Some(now + now.saturating_duration_since(self.begun));
    }

    /// One of its tries came to nothing: there are others, or one is begun, or this is the answer.
    pub fn lost(&mut self, index: usize, lost: Lost) -> Result<(), Refusal> {
        let mut attempt = self.attempts.remove(index);
        let now = Instant::now();
        let Lost { failure, error } = lost;
        let is_bad = error.kind() == ErrorKind::InvalidData;
        let others = !self.attempts.is_empty();
        // What waits in a pool is closed by its server some time, and now and then right when it is used.
        let is_silent = failure == Failure::Broken && attempt.input.is_empty() && self.interim == 0;
        let was_closed = attempt.reused && is_silent && now.saturating_duration_since(attempt.begun) < JUST;
        // What has reached nobody is no load on anybody, so that it takes no budget.
        let again = !others
            && (attempt.sent == 0
                || attempt.unseen && self.upload.is_none() && self.interim == 0
                || self.is_repeatable() && !is_bad && (was_closed || self.has_tries() && self.may_spend(now)));
        // That is no fault of the server's, as long as the app does not notice.
        let is_stale = was_closed && (others || again);
        if is_stale {
            self.fresh = true;
            attempt.of.came_to_nothing();
        } else {
            self.blame_for(&mut attempt, failure, &error);
        }
        if !is_stale || others {
            self.tried.push(attempt.of.endpoint().clone());
        }
        if others {
            return Ok(());
        }
        let refusal = match failure {
            Failure::Connect if error.kind() == ErrorKind::TimedOut => Refusal(504, "connect-timeout"),
            Failure::Connect => Refusal(502, "connect-failed"),
            Failure::Timeout => Refusal(504, "try-timeout"),
            _ if is_bad => Refusal(502, "bad-answer"),
            _ => Refusal(502, "connection-broken"),
        };
        if !again {
            return Err(refusal);
        }
        self.lost = Some(refusal);
        self.begin(now);
        Ok(())
    }

    /// Counts it as the endpoint's fault, and says so.
    fn blame_for(&self, attempt: &mut Attempt, failure: Failure, error: &io::Error) {
        let endpoint = attempt.of.endpoint().clone();
        let is_own = failure == Failure::Connect && is_own_fault(error);
        if is_own {
            attempt.of.came_to_nothing();
        } else {
            attempt.of.failed(failure);
        }
        let kind = match failure {
            Failure::Connect => "connect",
            Failure::Timeout => "timeout",
            _ if error.kind() == ErrorKind::InvalidData => "bad",
            _ => "broken",
        };
        let traffic = self.client.connection.traffic();
        if failure == Failure::Connect {
            if !is_own {
                self.http.pool.forget(&endpoint);
            }
            add(&traffic.connect_failures, 1);
        }
        let said = format_args!("cluster {}: endpoint {endpoint}: {error}", self.cluster.name);
        traffic.complaints.say(kind, &endpoint.name, said);
    }
}
