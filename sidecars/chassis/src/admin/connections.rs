//! The connections of the admin endpoint: few, short-lived, and none of them in another one's way.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{Instant, sleep_until};

/// The kubelet has one or two, Prometheus has one, and somebody may be looking.
const MAX: usize = 16;
/// From the first byte to the end of the head of a request. hyper needs 8 KiB at least.
const MAX_HEAD: usize = 8 << 10;
/// A client that has connected wants something.
const FIRST: Duration = Duration::from_secs(5);
/// So long it may take to read an answer and to ask again.
const IDLE: Duration = Duration::from_secs(30);

/// Oldest first.
#[derive(Default)]
pub struct Connections(VecDeque<AbortHandle>);

impl Connections {
    /// Serves one more, within a `LocalSet`. If there are too many already the oldest one goes: those who hold
    /// connections and ask nothing shut nobody out.
    pub fn add<A>(&mut self, stream: TcpStream, answer: A)
    where
        A: Fn(&Request<Incoming>) -> Response<Full<Bytes>> + 'static,
    {
        self.0.retain(|connection| !connection.is_finished());
        if self.0.len() == MAX
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.abort();
        }
        self.0.push_back(spawn_local(serve(stream, answer)).abort_handle());
    }
}

async fn serve<A: Fn(&Request<Incoming>) -> Response<Full<Bytes>>>(stream: TcpStream, answer: A) {
    let deadline = Cell::new(Instant::now() + FIRST);
    let service = service_fn(|request| {
        deadline.set(Instant::now() + IDLE);
        ready(Ok::<_, Infallible>(answer(&request)))
    });
    // hyper's own timeout knows no difference between a client that is slow and one that keeps the connection for
    // later, and it has none for clients that do not read.
    let connection = http1::Builder::new().max_buf_size(MAX_HEAD).serve_connection(TokioIo::new(stream), service);
    let overdue = async {
        while deadline.get() > Instant::now() {
            sleep_until(deadline.get()).await;
        }
    };
    tokio::select! {
        _ = connection => {} // what is wrong with it is the client's to know
        () = overdue => {}
    }
}
