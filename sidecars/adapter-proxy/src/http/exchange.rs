//! One request: sent to an endpoint, to another one when that may be done, and its answer relayed.

mod answer;
mod heard;
mod local;
mod mapping;
mod tries;
mod uploading;

use super::attempt::{Attempt, Lost};
use super::buffer::{self, Bytes};
use super::client::Client;
use super::framing::Body;
use super::metrics::add;
use super::problem::Problem;
use super::pump::Pump;
use super::refusal::MEMORY;
use super::reply::Manner;
use super::request::Request;
use super::routing::Routing;
use super::{Http, Refusal};
use crate::cluster::{Cluster, Endpoint, Failure, Try, Unavailable};
use crate::config;
use crate::traffic::Way;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::time::Instant;

/// Of an answer, in bytes; an upstream is trusted with more than a client.
const LONGEST_HEAD: usize = 64 << 10;

/// What becomes of the client's connection.
pub enum Next {
    /// It can take another request
    Request,
    /// What it was sent is to arrive, though it may be sending yet
    Linger,
    Close,
}

type Choosing = Pin<Box<dyn Future<Output = Result<Try, Unavailable>>>>;

struct Exchange<'a> {
    http: &'a Rc<Http>,
    routing: Rc<Routing>,
    cluster: Rc<Cluster>,
    settings: &'a config::Http,
    client: &'a mut Client,
    request: Request,
    /// What is sent upstream at first: the head, and the body if all of it was there
    head: Bytes,
    /// What is left of the body
    upload: Option<Pump>,
    /// Those under way; with an upload there is only ever one
    attempts: Vec<Attempt>,
    /// The next one, when it has to wait for an endpoint
    choosing: Option<Choosing>,
    /// Why the last one came to nothing
    lost: Option<Refusal>,
    tried: Vec<Rc<Endpoint>>,
    tries: u32,
    /// Takes no connection from the pool any more
    fresh: bool,
    /// Interim answers that have come. With the first this request has one upstream for good
    interim: u32,
    /// Since when all of it is there, but for an upload
    asked: Instant,
    /// It hears of the client by now
    hears: bool,
    /// The client says something, and it is not that it goes
    pipelined: bool,
    begun: Instant,
    deadline: Instant,
    hedge_at: Option<Instant>,
    status: u16,
    /// Why it is not answered as the upstream has
    error: Option<&'static str>,
    received: u64,
    sent: u64,
    /// It was answered before its head was sent: on this connection nothing can follow
    cut_short: bool,
    /// The client is sending a body of which not all was read
    unread: bool,
    /// Whether the client knows how it ended
    ended: bool,
}

/// What happened to a request under way.
enum Event {
    /// An attempt has the head of an answer, which ends there
    Head(usize, usize),
    Lost(usize, Lost),
    /// There is an endpoint for it
    Chosen(Try),
    /// It takes long
    Hedge,
    Late,
    Refused(Refusal),
    Gone,
}

/// Answers a request, whose head is consumed.
pub async fn exchange(
    http: &Rc<Http>,
    settings: &config::Http,
    client: &mut Client,
    mut request: Request,
    routing: Rc<Routing>,
    mut head: Bytes,
) -> Next {
    let _active = http.counters.request();
    client.connection.touch();
    client.connection.hold(1);
    let begun = Instant::now();
    http.budget.request(begun);
    let mut body = std::mem::replace(&mut request.body, Body::NONE);
    let is_mapped = request.routed.as_ref().is_some_and(|routed| routing.maps_request(routed.route));
    let to_map = is_mapped.then(|| std::mem::replace(&mut body, Body::NONE));
    let mut received = 0;
    let upload = match body {
        Body::Length(0) => None,
        // All of it is there: then it can be sent again, and in one packet.
        Body::Length(length) if length <= client.input.filled().len().min(buffer::SIZE) as u64 => {
            let body = client.input.filled().get(..usize::try_from(length).unwrap_or_default()).unwrap_or_default();
            head.extend_from_slice(body);
            client.input.consume(body.len());
            client.connection.moved(Way::Up, length);
            received = length;
            None
        }
        Body::Length(_) => Some(Pump::new(body, false, Bytes::default())),
        _ => Some(Pump::new(body, true, Bytes::default())),
    };
    head.recount();
    client.input.release();
    let whole = settings.request_timeout;
    let most = if upload.is_some() { whole.max(settings.stall_timeout) } else { whole };
    let mut exchange = Exchange {
        http,
        cluster: routing.cluster(request.routed.as_ref().map(|routed| routed.route)),
        routing,
        settings,
        client,
        request,
        head,
        upload: upload.map(|upload| upload.at_most(settings.max_body)),
        attempts: Vec::with_capacity(1),
        choosing: None,
        lost: None,
        tried: vec![],
        tries: 0,
        fresh: false,
        interim: 0,
        asked: begun,
        hears: false,
        pipelined: false,
        begun,
        deadline: begun + most,
        hedge_at: None,
        status: 0,
        error: None,
        received,
        sent: 0,
        cut_short: false,
        unread: false,
        ended: false,
    };
    let next = if exchange.is_too_large() {
        exchange.refuse(Refusal(413, "the body is too large")).await
    } else {
        exchange.run(to_map).await
    };
    exchange.ended = true;
    exchange.account();
    drop(exchange);
    client.connection.touch();
    client.connection.release(1);
    next
}

impl Exchange<'_> {
    /// `to_map` is the body that the upstream gets another one for.
    async fn run(&mut self, to_map: Option<Body>) -> Next {
        // What few requests need is in a box of its own: each connection holds the memory of all that is not.
        if self.is_answered_here() {
            return Box::pin(self.answer_here()).await;
        }
        let mut now = self.begun;
        if let Some(body) = to_map {
            let routing = self.routing.clone();
            let Some((mapping, task)) = self.route().and_then(|route| routing.request(route)) else {
                return self.refuse(Refusal(502, "no-mapping")).await;
            };
            if let Err(next) = Box::pin(self.map_request(body, mapping, task)).await {
                return next;
            }
            // Until here it was the client's time, and the filter's.
            now = Instant::now();
            self.deadline = now + self.settings.request_timeout;
            self.asked = now;
        }
        self.begin(now);
        loop {
            match poll_fn(|context| self.poll(context)).await {
                Event::Head(index, end) => match self.answer(index, end).await {
                    Ok(next) => return next,
                    Err(None) => {}
                    Err(Some(refusal)) => return self.refuse(refusal).await,
                },
                Event::Lost(index, lost) => {
                    if let Err(refusal) = self.lost(index, lost) {
                        return self.refuse(refusal).await;
                    }
                }
                Event::Chosen(chosen) => self.start(chosen, Instant::now()),
                Event::Hedge => self.hedge(),
                Event::Late => {
                    for attempt in &mut self.attempts {
                        attempt.of.failed(Failure::Timeout);
                    }
                    return self.refuse(Refusal(504, "request-timeout")).await;
                }
                Event::Refused(refusal) => return self.refuse(refusal).await,
                Event::Gone => return self.gone(),
            }
        }
    }

    fn is_too_large(&self) -> bool {
        let declared = self.upload.as_ref().map_or(self.received, Pump::declared);
        self.settings.max_body.is_some_and(|most| declared > most)
    }

    /// Whether the client has more to send than has been read.
    fn is_uploading(&self) -> bool {
        self.upload.as_ref().is_some_and(|upload| !upload.has_ended())
    }

    fn poll(&mut self, context: &mut Context) -> Poll<Event> {
        for index in 0..self.attempts.len() {
            if let Poll::Ready(result) = self.attempts[index].poll(context, &self.head, LONGEST_HEAD) {
                return Poll::Ready(match result {
                    Ok(end) => Event::Head(index, end),
                    Err(lost) => Event::Lost(index, lost),
                });
            }
        }
        if let Some(choosing) = &mut self.choosing
            && let Poll::Ready(chosen) = choosing.as_mut().poll(context)
        {
            self.choosing = None;
            return Poll::Ready(match chosen {
                Ok(chosen) => Event::Chosen(chosen),
                Err(Unavailable::Busy) => Event::Refused(Refusal(503, "endpoints-busy")),
                Err(Unavailable::None) => Event::Refused(self.lost.take().unwrap_or(Refusal(503, "no-endpoint"))),
            });
        }
        let heard = self.poll_heard(context);
        if heard.is_ready() {
            return heard;
        }
        let unheard = (!self.hears && !self.is_uploading()).then(|| self.asked + heard::SOON);
        let deadlines = self.attempts.iter().map(|attempt| attempt.deadline);
        let deadlines = deadlines.chain([self.deadline]).chain(self.hedge_at).chain(unheard);
        self.client.timer.set(deadlines.min().unwrap_or(self.deadline));
        if self.client.timer.poll(context).is_pending() {
            return Poll::Pending;
        }
        let now = Instant::now();
        let late = self.attempts.iter().position(|attempt| attempt.deadline <= now);
        if (late.is_some() || self.deadline <= now) && self.is_waiting_for_client() {
            return Poll::Ready(Event::Refused(Refusal(408, "the body does not come")));
        }
        Poll::Ready(match late {
            _ if self.deadline <= now => Event::Late,
            Some(index) => {
                let error = io::Error::new(io::ErrorKind::TimedOut, "it does not answer");
                Event::Lost(index, Lost { failure: Failure::Timeout, error })
            }
            None if self.hedge_at.is_some_and(|at| at <= now) => Event::Hedge,
            None => {
                self.hears = true;
                return self.poll(context);
            }
        })
    }

    /// The number of the route that takes it.
    fn route(&self) -> Option<usize> {
        self.request.routed.as_ref().map(|routed| routed.route)
    }

    /// Answers in the upstream's place.
    async fn refuse(&mut self, refusal: Refusal) -> Next {
        self.error = Some(refusal.1);
        add(&self.http.counters.memory, u64::from(refusal == MEMORY));
        self.reply(refusal.0, |manner, out| refusal.answer(manner, out)).await
    }

    /// The same, with more to be said.
    async fn explain(&mut self, problem: Problem<'_>) -> Next {
        self.error = Some(problem.kind);
        self.reply(problem.status, |manner, out| problem.answer(manner, out)).await
    }

    /// The client waits for nothing more, or takes nothing.
    fn gone(&mut self) -> Next {
        self.error.get_or_insert("client-gone");
        Next::Close
    }

    /// Answers with what `write` writes, as a whole.
    async fn reply(&mut self, status: u16, write: impl FnOnce(Manner, &mut Vec<u8>)) -> Next {
        let endless = self.is_uploading() || self.unread;
        let closes = endless || !self.request.keep_alive;
        self.tried.extend(self.attempts.drain(..).map(|attempt| attempt.of.endpoint().clone()));
        self.status = status;
        let mut out = Bytes::take();
        write(Manner { is_head: self.request.is_head, http10: self.request.http10, closes }, &mut out);
        out.recount();
        let length = out.len() as u64;
        if !self.client.send(out, self.settings.stall_timeout).await {
            return self.gone();
        }
        self.sent += length;
        if closes { Next::Linger } else { Next::Request }
    }

    /// Counts it, and logs it.
    fn account(&mut self) {
        let (counters, took) = (&self.http.counters, self.begun.elapsed());
        counters.answered(self.status, took);
        self.received += self.upload.as_ref().map_or(0, |upload| upload.data);
        if let Some(line) = &self.request.line {
            let under_way = self.attempts.last().map(|attempt| attempt.of.endpoint());
            let entry = super::access_log::Entry {
                listener: &self.http.listener,
                client: &self.client.address.plain,
                method: &line.method,
                target: &line.target,
                status: self.status,
                received: self.received,
                sent: self.sent,
                took,
                endpoint: under_way.or(self.tried.last()).map_or("-", |endpoint| &endpoint.name),
                tries: self.tries,
                trace: &line.trace,
                error: self.error.unwrap_or("-"),
            };
            self.http.log.add(self.settings.access_log, &entry);
        }
    }
}

impl Drop for Exchange<'_> {
    /// In the middle, when the whole program ends: the client is not to take what it has for all.
    fn drop(&mut self) {
        if !self.ended {
            if self.client.connection.is_under_way() {
                self.client.stream.reset();
            }
            self.error = Some("proxy-ended");
            self.account();
        }
    }
}
