//! The answer on its way to the client.

use super::super::attempt::{Attempt, Lost};
use super::super::buffer::{Buffer, Bytes};
use super::super::framing::Bad;
use super::super::metrics::add;
use super::super::pump::{Broken, Pump};
use super::super::refusal::MEMORY;
use super::super::response::{self, Asked, Response};
use super::super::upgrade;
use super::mapping::Side;
use super::{Exchange, Next, Refusal};
use crate::body::Unfit;
use crate::cluster::{Failure, Try};
use crate::filter;
use crate::stream::Stream;
use crate::traffic::Way;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::task::Poll;
use tokio::time::Instant;

/// With so many requests under way the end of a connection goes with the answer, which is a packet less for each. With
/// fewer, the answer goes first: the client has it while the connection is being closed.
const CROWD: u64 = 8;

/// Of one answer. Servers send one or two.
const MOST_INTERIM: u32 = 32;

impl Exchange<'_> {
    /// Deals with the head that an attempt has. `Err` when it is not the end yet: with a refusal when nothing else can be
    /// tried.
    pub async fn answer(&mut self, index: usize, end: usize) -> Result<Next, Option<Refusal>> {
        let route = self.routing.route(self.route());
        let asked = Asked {
            is_head: self.request.is_head,
            sent_head: self.request.sent_head,
            http10: self.request.http10,
            keep_alive: self.request.keep_alive && !self.is_uploading(),
            upgrade: self.request.upgrade.is_some(),
            routed: route.zip(self.request.routed.as_deref()),
        };
        let mut out = Bytes::take();
        let parsed = response::parse(&self.attempts[index].input.filled()[..end], asked, &mut out);
        let response = match parsed {
            Ok(response) if response.status >= 200 || self.interim < MOST_INTERIM => response,
            _ => {
                let bad = parsed.err().unwrap_or(Bad("it has answered that it will answer, and never does"));
                let error = io::Error::new(ErrorKind::InvalidData, bad.0);
                return Err(self.lost(index, Lost { failure: Failure::Broken, error }).err());
            }
        };
        self.attempts[index].next_head(end);
        if response.status < 200 && response.status != 101 {
            return if self.interim(index, out).await { Err(None) } else { Ok(self.gone()) };
        }
        let attempt = self.won(index, response.status);
        self.status = response.sent_status;
        if response.status == 101 {
            return Ok(self.upgrade(attempt, out).await);
        }
        Ok(self.pass_on(attempt, response, out).await)
    }

    async fn pass_on(&mut self, attempt: Attempt, mut response: Response, out: Bytes) -> Next {
        if let Some(unfit) = response.unfit.take() {
            let failure = filter::Failure::Unfit(Unfit::new(unfit.0));
            return Box::pin(self.unfit(failure, Side::Head)).await;
        }
        match response.mapped.take() {
            Some(mapped) => Box::pin(self.relay_mapped(attempt, response, mapped, out)).await,
            None => self.relay(attempt, response, out).await,
        }
    }

    /// Passes on an answer that is not the last, such as `100 Continue`.
    async fn interim(&mut self, index: usize, out: Bytes) -> bool {
        self.interim += 1;
        self.hedge_at = None;
        // HTTP/1.0 has none of that.
        self.request.http10 || {
            // Those that lost were not heard, and nobody is to hear two of them.
            self.attempts.swap(0, index);
            self.attempts.truncate(1);
            let length = out.len() as u64;
            let took = self.client.send(out, self.settings.stall_timeout).await;
            self.sent += if took { length } else { 0 };
            if self.is_uploading() {
                // What it waits for now is for the client to send.
                self.attempts[0].deadline = Instant::now() + self.patience();
            }
            took
        }
    }

    /// The others are dropped; those that were asked before it took too long.
    fn won(&mut self, index: usize, status: u16) -> Attempt {
        let mut attempt = self.attempts.swap_remove(index);
        let now = Instant::now();
        let mut is_hedge = false;
        for other in self.attempts.iter_mut().filter(|other| other.begun < attempt.begun) {
            other.of.failed(Failure::Timeout);
            is_hedge = true;
        }
        add(&self.http.counters.hedges_won, u64::from(is_hedge));
        self.attempts.clear();
        self.cut_short = attempt.sent < self.head.len();
        // It is not sent again.
        self.head = Bytes::default();
        self.tried.push(attempt.of.endpoint().clone());
        self.status = status;
        match status {
            500 | 502..=504 => attempt.of.failed(Failure::Status),
            _ => attempt.of.succeeded(),
        }
        if !self.is_uploading() {
            self.http.recent.add(now, now - attempt.begun);
        }
        attempt
    }

    async fn upgrade(&mut self, mut attempt: Attempt, out: Bytes) -> Next {
        let mut input = std::mem::take(&mut attempt.input);
        let (_load, Some(upstream)) = attempt.into_stream() else { return Next::Close };
        let idle = self.http.idle_timeout.get();
        // From now on it is silent when nothing moves, and nothing waits to be taken.
        self.client.connection.release(1);
        let (received, sent) = upgrade::relay(self.client, &upstream, &mut input, out, idle).await;
        self.received += received;
        self.sent += sent;
        self.client.connection.hold(1);
        Next::Close
    }

    async fn relay(&mut self, mut attempt: Attempt, response: Response, out: Bytes) -> Next {
        let mut input = std::mem::take(&mut attempt.input);
        let (mut load, Some(upstream)) = attempt.into_stream() else { return Next::Close };
        let Response { body, reusable, delimited, chunked, .. } = response;
        let early = self.is_uploading();
        let goes_on = self.request.keep_alive && delimited && !early;
        let is_crowded = self.http.counters.active() >= CROWD;
        let mut download = Pump::new(body, chunked, out).then_close(!goes_on && is_crowded);
        let result = self.pump(&mut download, &upstream, &mut input).await;
        match result {
            Ok(()) => {}
            Err(broken) => {
                self.cut_off(&mut load, broken);
                return Next::Close;
            }
        }
        if reusable && input.is_empty() && !early && !self.cut_short {
            self.http.pool.put(load.endpoint(), upstream, &self.settings.idle_upstreams, Instant::now());
            self.http.sweep();
        }
        match goes_on {
            true => Next::Request,
            false if early || self.client.says_more() => Next::Linger,
            false => Next::Close,
        }
    }

    /// Relays the body, while the rest of the request goes the other way if there is one. Without an error when the
    /// upstream has sent nothing for too long.
    async fn pump(&mut self, download: &mut Pump, upstream: &Stream, input: &mut Buffer) -> Result<(), Option<Broken>> {
        let (mut up, mut down) = (self.upload.as_ref().map_or(0, |upload| upload.data), 0);
        let mut uploading = self.uploading();
        let mut moved = Instant::now();
        poll_fn(|context| {
            if let Some(upload) = &mut self.upload {
                uploading = uploading.poll(context, upload, self.client, upstream);
            }
            let polled = download.poll(context, (upstream, input), &self.client.stream);
            let before = (up, down);
            (up, down) = (self.upload.as_ref().map_or(0, |upload| upload.data), download.bytes);
            if (up, down) != before {
                self.client.connection.moved(Way::Up, up - before.0);
                self.client.connection.moved(Way::Down, down - before.1);
                self.sent += down - before.1;
                moved = Instant::now();
            }
            if let Poll::Ready(result) = polled {
                return Poll::Ready(result.map_err(Some));
            }
            self.poll_quiet(context, moved, download.is_hungry(input), uploading).map(Err)
        })
        .await
    }

    /// The client is to see that it does not have all of the answer, also where its end is that of the connection.
    pub fn cut_off(&mut self, load: &mut Try, broken: Option<Broken>) {
        match broken {
            // A client that does not take it, or keeps back what is wanted for it, has itself to blame.
            Some(Broken::Sink(_) | Broken::Gone) => drop(self.gone()),
            Some(Broken::Memory) => {
                self.error = Some(MEMORY.1);
                add(&self.http.counters.memory, 1);
            }
            _ => {
                self.error = Some("cut-off");
                self.blame(load, broken);
            }
        }
        // Whatever is still to be sent. Where that cannot be had, a length or a missing last chunk tells it, too.
        self.client.stream.reset();
    }

    /// Counts it as the endpoint's fault, if it is, and says so.
    pub fn blame(&mut self, load: &mut Try, broken: Option<Broken>) {
        let failure = if broken.is_some() { Failure::Broken } else { Failure::Timeout };
        let why = match broken {
            Some(Broken::Bad(bad)) => bad.0.to_owned(),
            Some(Broken::Source(error) | Broken::Sink(error)) => error.to_string(),
            Some(Broken::TooLarge) => "it is too large".into(),
            Some(Broken::Gone | Broken::Memory) => return,
            None => format!("nothing has moved for {:?}", self.settings.stall_timeout),
        };
        load.failed(failure);
        let (cluster, endpoint) = (&self.cluster.name, load.endpoint());
        let said = format_args!("cluster {cluster}: endpoint {endpoint}: its answer was cut off: {why}");
        self.client.connection.traffic().complaints.say("cut", &endpoint.name, said);
    }
}
