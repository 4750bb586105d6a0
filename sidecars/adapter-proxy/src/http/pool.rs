//! Connections to upstreams that wait for the next request, whoever's it is.

use crate::cluster::Endpoint;
use crate::config::Idle;
use crate::stream::Stream;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::ErrorKind::WouldBlock;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::time::Instant;

/// Many servers close what has been idle for five seconds. A request that cannot be sent twice takes none of an age at
/// which that may be happening right now.
const SURE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub struct Pool {
    endpoints: RefCell<BTreeMap<*const Endpoint, Waiting>>,
    /// Since that was last asked
    used: Cell<bool>,
}

struct Waiting {
    /// Keeps its place in memory from being another one's
    endpoint: Rc<Endpoint>,
    /// The last that came is the first to go, so that what is not needed grows old
    streams: Vec<(Stream, Instant)>,
}

impl Pool {
    /// One that is open as far as can be told; for a request that is `precious`, which cannot be sent again, the kernel is
    /// asked as well, and it has been used a moment ago.
    pub fn take(&self, endpoint: &Rc<Endpoint>, precious: bool, settings: &Idle, now: Instant) -> Option<Stream> {
        let mut endpoints = self.endpoints.borrow_mut();
        let waiting = endpoints.get_mut(&Rc::as_ptr(endpoint))?;
        while let Some((stream, since)) = waiting.streams.pop() {
            if now.saturating_duration_since(since) >= settings.timeout {
                waiting.streams.clear(); // they are older yet
                return None;
            }
            if precious && now.saturating_duration_since(since) > SURE {
                waiting.streams.push((stream, since)); // good enough for others
                return None;
            }
            if is_open(&stream) && (!precious || is_silent(&stream)) {
                return Some(stream);
            }
        }
        None
    }

    /// Keeps one for the next request.
    pub fn put(&self, endpoint: &Rc<Endpoint>, stream: Stream, settings: &Idle, now: Instant) {
        if endpoint.has_left() || settings.connections == 0 {
            return;
        }
        self.used.set(true);
        let mut endpoints = self.endpoints.borrow_mut();
        let waiting = endpoints
            .entry(Rc::as_ptr(endpoint))
            .or_insert_with(|| Waiting { endpoint: endpoint.clone(), streams: vec![] });
        if waiting.streams.len() < settings.connections {
            waiting.streams.push((stream, now));
        }
    }

    /// Closes those that wait for this endpoint: it has just closed another one.
    pub fn forget(&self, endpoint: &Rc<Endpoint>) {
        self.endpoints.borrow_mut().remove(&Rc::as_ptr(endpoint));
    }

    /// Whether one has come since this was asked last.
    pub fn was_used(&self) -> bool {
        self.used.take()
    }

    /// Closes what has been closed at the other end, is too old, or leads to an endpoint that has left.
    pub fn sweep(&self, settings: &Idle, now: Instant) {
        self.endpoints.borrow_mut().retain(|_, waiting| {
            let Waiting { endpoint, streams } = waiting;
            let is_young = |since: &Instant| now.saturating_duration_since(*since) < settings.timeout;
            streams.retain(|(stream, since)| !endpoint.has_left() && is_young(since) && is_open(stream));
            !streams.is_empty()
        });
    }

    pub fn len(&self) -> usize {
        self.endpoints.borrow().values().map(|waiting| waiting.streams.len()).sum()
    }
}

/// Whether the runtime has heard nothing of it, which costs no system call. Nothing is to be heard: an answer without a
/// request is nobody's.
fn is_open(stream: &Stream) -> bool {
    let heard = stream.try_io(Interest::READABLE, || if is_silent(stream) { Err(WouldBlock.into()) } else { Ok(()) });
    heard.is_err_and(|error| error.kind() == WouldBlock)
}

/// Whether the kernel has heard nothing of it, either.
fn is_silent(stream: &Stream) -> bool {
    stream.peek().is_err_and(|error| error.kind() == WouldBlock)
}
