//! Elasticsearch's stand-in: answers for each document and keeps none.

use super::bulk::Bulk;
use super::http::Messages;
use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use std::mem;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of requests that are kept to be sent again
const KEPT: usize = 64 << 20;

/// A server on loopback, with a thread for each connection.
pub struct Sink {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    more: Condvar,
}

/// What has come since it was last asked to forget.
#[derive(Default)]
struct Seen {
    documents: u64,
    /// Bytes on the network, of requests
    bytes: u64,
    /// When the last of them was there
    last: Option<Instant>,
    connections: u32,
    /// CPU time for connections that have ended
    cpu: Duration,
    keep: bool,
    kept: Kept,
    error: Option<anyhow::Error>,
}

/// Requests as they came.
#[derive(Default)]
pub struct Kept {
    pub requests: Vec<Vec<u8>>,
    size: usize,
}

/// What a run has brought.
pub struct Brought {
    pub documents: u64,
    pub bytes: u64,
    pub kept: Kept,
    pub cpu: Duration,
}

impl Sink {
    /// # Errors
    /// If there is no port.
    pub fn new() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, shared) = (listener.local_addr()?, Arc::<Shared>::default());
        thread::spawn({
            let shared = shared.clone();
            move || {
                for stream in listener.incoming().flatten() {
                    let shared = shared.clone();
                    shared.seen().connections += 1;
                    thread::spawn(move || shared.attend(stream));
                }
            }
        });
        Ok(Self { address, shared })
    }

    /// Forgets what has come, and keeps the first requests from now on if `keep`.
    pub fn forget(&self, keep: bool) {
        let mut seen = self.shared.seen();
        *seen = Seen { connections: seen.connections, keep, ..Seen::default() };
    }

    pub fn documents(&self) -> u64 {
        self.shared.seen().documents
    }

    /// Whether something came that is no bulk request.
    pub fn has_failed(&self) -> bool {
        self.shared.seen().error.is_some()
    }

    /// Waits until there are so many documents, and tells when the last of them was there; nothing if that takes too
    /// long.
    pub fn until(&self, documents: u64, limit: Duration) -> Option<Instant> {
        let waiting = |seen: &mut Seen| seen.documents < documents && seen.error.is_none();
        let waited = self.shared.more.wait_timeout_while(self.shared.seen(), limit, waiting);
        let (seen, _) = waited.unwrap_or_else(PoisonError::into_inner);
        seen.last.filter(|_| seen.documents >= documents)
    }

    /// What has come, once all have hung up.
    ///
    /// # Errors
    /// If somebody has not, or has sent what is no bulk request.
    pub fn brought(&self) -> Result<Brought> {
        let limit = Duration::from_secs(10);
        let waited = self.shared.more.wait_timeout_while(self.shared.seen(), limit, |seen| seen.connections > 0);
        let (mut seen, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = seen.error.take() {
            return Err(error).context("the sink does not understand");
        }
        ensure!(seen.connections == 0, "somebody stays connected");
        let kept = mem::take(&mut seen.kept);
        Ok(Brought { documents: seen.documents, bytes: seen.bytes, kept, cpu: seen.cpu })
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attend(&self, stream: TcpStream) {
        let result = self.answer(stream);
        let mut seen = self.seen();
        seen.connections -= 1;
        seen.error = result.err().or(seen.error.take());
        let usage = getrusage(UsageWho::RUSAGE_THREAD).map(|usage| super::cost::cpu(&usage));
        seen.cpu += usage.unwrap_or_default();
        self.more.notify_all();
    }

    fn answer(&self, stream: TcpStream) -> Result<()> {
        let (mut messages, mut bulk) = (Messages::new(stream)?, Bulk::default());
        while let Some(request) = messages.next()? {
            if !request.head.starts_with("POST ") {
                messages.say(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")?;
                continue;
            }
            let documents = bulk.documents(&request)?;
            let now = Instant::now();
            let mut seen = self.seen();
            seen.documents += documents;
            seen.bytes += request.whole.len() as u64;
            seen.last = Some(now);
            if seen.keep {
                seen.kept.push(request.whole);
            }
            drop(seen);
            self.more.notify_all();
            messages.say(bulk.answer(documents)?)?;
        }
        Ok(())
    }
}

impl Kept {
    fn push(&mut self, request: &[u8]) {
        if self.size < KEPT {
            self.size += request.len();
            self.requests.push(request.into());
        }
    }
}
