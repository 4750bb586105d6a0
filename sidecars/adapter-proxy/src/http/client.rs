//! One connection of the app's: one request after the other.

use super::access_log::Entry;
use super::buffer::{self, Buffer, Bytes};
use super::exchange::{Next, exchange};
use super::framing::Body;
use super::metrics::add;
use super::pump::Pump;
use super::refusal::MEMORY;
use super::reply::Manner;
use super::scan::{Found, Scan};
use super::timer::Timer;
use super::{ClientAddress, Http, Refusal, request};
use crate::config;
use crate::stream::Stream;
use crate::traffic::{Connection, Way};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::task::coop::consume_budget;
use tokio::time::Instant;

/// Who is answered before all of the request was read gets the time to read the answer: closing at once would take it
/// back. But only so long, and so many bytes.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// Before a request. Most clients send none.
const EMPTY_LINES: usize = 1024;

/// What a TLS connection begins with: a record of a handshake (RFC 8446, 5.1).
const TLS: u8 = 0x16;

pub struct Client {
    pub stream: Stream,
    pub connection: Connection,
    pub input: Buffer,
    pub timer: Timer,
    pub address: ClientAddress,
    /// When its request began, or when it was last asked for one
    begun: Instant,
}

/// Serves one connection, from its first request to its last.
pub async fn serve(stream: Stream, connection: Connection, http: Rc<Http>) {
    let begun = Instant::now();
    let timer = Timer::at(begun, &http.alarm);
    let (input, address) = (Buffer::default(), ClientAddress::default());
    let mut client = Client { stream, connection, input, timer, address, begun };
    loop {
        let head = client.head(&http.settings(), http.idle_timeout.get()).await;
        let settings = http.settings(); // they may be others by now
        if settings.names_clients() && client.address.plain.is_empty() {
            client.address = ClientAddress::of(client.stream.peer());
        }
        let end = match head {
            Ok(Some(end)) => end,
            Ok(None) => return,
            Err(refusal) => return client.refuse(&http, &settings, refusal).await,
        };
        if buffer::held() > settings.max_buffered {
            return client.refuse(&http, &settings, MEMORY).await;
        }
        let mut out = Bytes::take();
        let routing = http.routing();
        let parsed = request::parse(&client.input.filled()[..end], &settings, &client.address, &routing, &mut out);
        let request = match parsed {
            Ok(request) => request,
            Err(refusal) => return client.refuse(&http, &settings, refusal).await,
        };
        client.input.consume(end);
        match exchange(&http, &settings, &mut client, request, routing, out).await {
            // What is there already is read without a wait, and nobody else may be needed for the answer: others get their turn.
            Next::Request => consume_budget().await,
            Next::Linger => return client.linger().await,
            Next::Close => return,
        }
    }
}

impl Client {
    /// Waits for the next request, and says where its head ends; `None` when there will be none.
    async fn head(&mut self, settings: &config::Http, idle: Duration) -> Result<Option<usize>, Refusal> {
        let (mut scan, mut has_begun, mut empty_lines) = (Scan::default(), false, 0);
        self.begun = Instant::now();
        let idle_until = self.begun + idle;
        self.timer.set(idle_until);
        poll_fn(|context| {
            loop {
                // Empty lines before a request are none of it (RFC 9112, 2.2).
                while self.input.filled().starts_with(b"\r\n") {
                    self.input.consume(2);
                    (scan, has_begun, empty_lines) = (Scan::default(), false, empty_lines + 1);
                    self.timer.set(idle_until);
                }
                if empty_lines > EMPTY_LINES {
                    return Poll::Ready(Err(Refusal(400, "empty lines, and no request")));
                }
                let filled = self.input.filled();
                if !has_begun && !filled.is_empty() {
                    has_begun = true;
                    self.begun = Instant::now();
                    self.timer.set(self.begun + settings.header_timeout);
                }
                // What cannot be a request is refused before it is whole: a TLS client waits for an answer.
                if filled.first() == Some(&TLS) {
                    return Poll::Ready(Err(Refusal(400, "this is TLS, and no HTTP/1.1")));
                }
                if filled.first().is_some_and(|byte| !byte.is_ascii_alphabetic() && !b"\r\n".contains(byte)) {
                    return Poll::Ready(Err(Refusal(400, "this is no HTTP/1.1")));
                }
                match scan.find(filled) {
                    Found::End(end) if end <= settings.max_head => return Poll::Ready(Ok(Some(end))),
                    Found::BareLf => return Poll::Ready(Err(Refusal(400, "a line of the head ends in a bare LF"))),
                    Found::More if filled.len() < settings.max_head => {}
                    _ => return Poll::Ready(Err(Refusal(431, "the head is too long"))),
                }
                // Those that are served need what is left.
                if has_begun && buffer::held() > settings.max_buffered {
                    return Poll::Ready(Err(MEMORY));
                }
                match self.input.read(&self.stream) {
                    Ok(1..) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => match self.stream.poll_read_ready(context) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(_)) => return Poll::Ready(Ok(None)),
                        Poll::Pending if self.timer.poll(context).is_pending() => return Poll::Pending,
                        Poll::Pending if self.input.is_empty() => return Poll::Ready(Ok(None)),
                        Poll::Pending => return Poll::Ready(Err(Refusal(408, "the head does not come"))),
                    },
                    Ok(0) | Err(_) => return Poll::Ready(Ok(None)),
                }
            }
        })
        .await
    }

    /// Answers something that cannot be read on, and closes.
    async fn refuse(mut self, http: &Http, settings: &config::Http, refusal: Refusal) {
        http.counters.refused(refusal.0);
        add(&http.counters.memory, u64::from(refusal == MEMORY));
        let mut out = Bytes::take();
        refusal.answer(Manner { is_head: false, http10: false, closes: true }, &mut out);
        if settings.logs() {
            let (method, target) = asked(self.input.filled()).unwrap_or(("-", "-"));
            let entry = Entry {
                listener: &http.listener,
                client: &self.address.plain,
                method,
                target,
                status: refusal.0,
                received: 0,
                sent: out.len() as u64,
                took: self.begun.elapsed(),
                endpoint: "-",
                tries: 0,
                trace: "-",
                error: refusal.1,
            };
            http.log.add(settings.access_log, &entry);
        }
        if self.send(out, settings.stall_timeout).await {
            self.linger().await;
        }
    }

    /// Sends all of it, and says whether the client took it. One that takes nothing for `stall` is reset, so that what it
    /// has never looks whole.
    pub async fn send(&mut self, out: Bytes, stall: Duration) -> bool {
        let mut pump = Pump::new(Body::NONE, false, out);
        self.timer.set(Instant::now() + stall);
        let mut nothing = Buffer::default();
        let sent = poll_fn(|context| {
            let before = pump.bytes;
            let polled = pump.poll(context, (&self.stream, &mut nothing), &self.stream);
            if pump.bytes != before {
                self.connection.moved(Way::Down, pump.bytes - before);
                self.timer.set(Instant::now() + stall);
            }
            match polled {
                Poll::Ready(result) => Poll::Ready(result.is_ok()),
                Poll::Pending => self.timer.poll(context).map(|()| false),
            }
        })
        .await;
        if !sent {
            self.stream.reset();
        }
        sent
    }

    /// Whether there is something that nobody has read. The runtime may not have heard of it yet.
    pub fn says_more(&self) -> bool {
        !self.input.is_empty() || self.stream.peek().is_ok_and(|more| more)
    }

    /// Reads and forgets, until the client has closed, too.
    async fn linger(mut self) {
        if self.stream.shut_down().is_err() {
            return;
        }
        self.timer.set(Instant::now() + LINGER);
        let mut left = LINGER_BYTES;
        poll_fn(|context| {
            loop {
                self.input.consume(usize::MAX);
                match self.input.read(&self.stream) {
                    Ok(count @ 1..) if count < left => left -= count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => match self.stream.poll_read_ready(context) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(_)) => return Poll::Ready(()),
                        Poll::Pending => return self.timer.poll(context),
                    },
                    _ => return Poll::Ready(()),
                }
            }
        })
        .await;
    }
}

/// The method and the target of a head that is refused, if its first line is there and is one.
fn asked(head: &[u8]) -> Option<(&str, &str)> {
    let line = &head[..memchr::memmem::find(head, b"\r\n")?];
    let line = str::from_utf8(line).ok().filter(|line| line.bytes().all(|byte| matches!(byte, b' '..=b'~')))?;
    let (method, rest) = line.split_once(' ')?;
    Some((method, rest.split_once(' ')?.0))
}
