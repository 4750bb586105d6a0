//! A test server that speaks Elasticsearch's `_bulk` API: as strict as a real one, and as unreliable as a test wants it.
//!
//! A thread for each connection. What is stored, and what was asked, can be looked at and waited for.

mod answer;
mod bulk;
mod encoding;
mod fault;
mod filter;
mod http;
mod json;
mod mapping;
mod numbers;
mod refusal;
mod search;
mod store;
#[cfg(test)]
mod tests;
mod time;
mod tls;

pub use fault::{Fault, How, When};
pub use http::{Answer, Head};
pub use numbers::Numbers;
pub use store::{Document, Index, Item, Store, Verdict};
pub use tls::Authority;

use crate::process::DEADLINE;
use crate::sidecar::free_port;
use http::Connection;
use nix::sys::socket::{Shutdown, shutdown};
use rustls::ServerConfig;
use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A running server; gone when dropped.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    tls: bool,
    /// What accepts, while the server is up
    acceptor: Mutex<Option<(Arc<TcpListener>, JoinHandle<()>)>>,
}

struct Shared {
    tls: Option<Arc<ServerConfig>>,
    state: Mutex<State>,
    changed: Condvar,
    /// To close them, when the server goes down
    connections: Mutex<HashMap<u64, TcpStream>>,
}

/// What the server has, and how it behaves.
#[derive(Default)]
pub struct State {
    pub store: Store,
    /// All that were asked, those that were refused among them
    pub requests: Vec<Request>,
    /// How many connections there were
    pub connections: u64,
    /// What a client must send as `Authorization`
    pub authorization: Option<String>,
    /// The largest body that is taken, `http.max_content_length`
    pub max_content: Option<usize>,
    /// How many requests go wrong, and how; the first of them is next
    faults: VecDeque<(u64, Fault)>,
}

/// A request that was read.
#[derive(Clone, Debug)]
pub struct Request {
    pub head: Head,
    /// Which connection it came over, from 1
    pub connection: u64,
    /// How many documents were in it
    pub items: usize,
    /// The length of its body, as it came over the line and decoded
    pub length: (usize, usize),
    /// What was answered; 0 if nothing was, or not yet
    pub status: u16,
    pub at: Instant,
}

impl Server {
    /// Over plain HTTP, on a port of its own on loopback.
    pub fn start() -> Self {
        Self::new(None)
    }

    /// Over TLS, certified for `127.0.0.1` and `localhost`.
    pub fn start_tls(authority: &Authority) -> Self {
        Self::new(Some(authority.server(&["127.0.0.1", "localhost"])))
    }

    /// Over TLS with this certificate, or plain HTTP.
    ///
    /// # Panics
    /// If there is no port to be had.
    pub fn new(tls: Option<Arc<ServerConfig>>) -> Self {
        // One that nobody else takes while it is down; over TLS it is certified for `127.0.0.1` alone.
        let address = if tls.is_none() { free_port() } else { ([127, 0, 0, 1], 0).into() };
        Self::on(TcpListener::bind(address).expect("a port on loopback"), tls)
    }

    /// The same where somebody listens already, such as in the network of a pod.
    ///
    /// # Panics
    /// If it listens nowhere.
    pub fn on(listener: TcpListener, tls: Option<Arc<ServerConfig>>) -> Self {
        let address = listener.local_addr().expect("the port's number");
        let (is_tls, state) = (tls.is_some(), Mutex::default());
        let shared = Arc::new(Shared { tls, state, changed: Condvar::new(), connections: Mutex::default() });
        let server = Self { shared, address, tls: is_tls, acceptor: Mutex::default() };
        server.accept(listener);
        server
    }

    /// What a client is to be told.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Looks at the server's state, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        let answer = look(&mut lock(&self.shared.state));
        self.shared.changed.notify_all();
        answer
    }

    /// Waits until `condition` holds, which is asked after each request and each document.
    ///
    /// # Panics
    /// If it does not within [`DEADLINE`], naming `what`.
    pub fn until(&self, what: &str, condition: impl FnMut(&State) -> bool) {
        self.within(DEADLINE, what, condition);
    }

    /// The same with a time of one's own.
    ///
    /// # Panics
    /// If it does not hold within `time`.
    pub fn within(&self, time: Duration, what: &str, mut condition: impl FnMut(&State) -> bool) {
        assert!(
            self.comes(time, &mut condition),
            "not within {time:?}: {what}; {}",
            self.with(|state| state.summary())
        );
    }

    /// Whether `condition` comes to hold within `time`.
    pub fn comes(&self, time: Duration, mut condition: impl FnMut(&State) -> bool) -> bool {
        let state = lock(&self.shared.state);
        let waited = self.shared.changed.wait_timeout_while(state, time, |state| !condition(state));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits until so many documents are stored.
    pub fn until_stored(&self, count: u64) {
        self.until(&format!("{count} documents"), |state| state.store.stored() >= count);
    }

    /// Has the next `count` requests go wrong, after those of which that has been said already.
    pub fn next(&self, count: u64, fault: Fault) {
        self.with(|state| state.faults.push_back((count, fault)));
    }

    /// Has all requests go wrong, until [`Server::recover`].
    pub fn always(&self, fault: Fault) {
        self.next(u64::MAX, fault);
    }

    /// Nothing goes wrong any more but for documents, see [`Server::judge`].
    pub fn recover(&self) {
        self.with(|state| state.faults.clear());
    }

    /// Has a test decide on each document.
    pub fn judge(&self, judge: impl FnMut(&Item) -> Verdict + Send + 'static) {
        self.with(|state| state.store.judge = Some(Box::new(judge)));
    }

    /// Closes the port and all connections.
    ///
    /// # Panics
    /// If a thread did.
    pub fn down(&self) {
        let Some((listener, thread)) = lock(&self.acceptor).take() else { return };
        // A thread that accepts would not notice that the socket is closed.
        let _ = shutdown(listener.as_raw_fd(), Shutdown::Both);
        drop(listener);
        thread.join().expect("the acceptor does not panic");
        for (_, connection) in lock(&self.shared.connections).drain() {
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Is there again, on the same port, with all that it had, if it was gone.
    ///
    /// # Panics
    /// If somebody else took the port.
    pub fn up(&self) {
        if lock(&self.acceptor).is_some() {
            return;
        }
        self.accept(TcpListener::bind(self.address).expect("the same port again"));
    }

    fn accept(&self, listener: TcpListener) {
        let (listener, shared) = (Arc::new(listener), self.shared.clone());
        let accepting = listener.clone();
        let thread = thread::spawn(move || {
            while let Ok((socket, _)) = accepting.accept() {
                let number = {
                    let mut state = lock(&shared.state);
                    state.connections += 1;
                    state.connections
                };
                if let Ok(clone) = socket.try_clone() {
                    lock(&shared.connections).insert(number, clone);
                }
                let shared = shared.clone();
                thread::spawn(move || shared.serve(number, socket));
            }
        });
        *lock(&self.acceptor) = Some((listener, thread));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.down();
    }
}

impl Shared {
    /// Answers what comes over a connection.
    fn serve(&self, number: u64, socket: TcpStream) {
        let connection = Connection::new(socket, self.tls.as_ref());
        if let Ok(mut connection) = connection {
            // Clients may go at any time.
            while matches!(self.answer(number, &mut connection), Ok(true)) {}
        }
        lock(&self.connections).remove(&number);
    }
}

impl State {
    /// What a test that failed would like to know.
    fn summary(&self) -> String {
        let last: Vec<_> = self.requests.iter().rev().take(5).map(|request| (request.status, request.items)).collect();
        let (stored, conflicts) = (self.store.stored(), self.store.conflicts);
        let (asked, connections) = (self.requests.len(), self.connections);
        format!(
            "{stored} stored, {conflicts} conflicts, {asked} requests over {connections} connections, last {last:?}"
        )
    }
}

/// A test that failed elsewhere is no reason to fail here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
