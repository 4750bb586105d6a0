//! One try of a request at one endpoint, up to the head of its answer.

use super::buffer::Buffer;
use super::scan::{Found, Scan};
use crate::cluster::{Failure, Try};
use crate::stream::Stream;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// What is no longer is one packet in any network (RFC 8200, 5), which comes as a whole or not at all. In bytes.
const PACKET: usize = 1220;
/// A reset that comes so soon answers the request. One that comes after a minute may answer a keep-alive probe.
const SOON: Duration = Duration::from_secs(10);

type Connecting = Pin<Box<dyn Future<Output = io::Result<Stream>>>>;

pub struct Attempt {
    pub of: Try,
    link: Link,
    /// Whether the connection has taken other requests before
    pub reused: bool,
    /// So many bytes of the request have been written
    pub sent: usize,
    /// What it has answered
    pub input: Buffer,
    scan: Scan,
    pub begun: Instant,
    /// Until then there must be an answer
    pub deadline: Instant,
    /// Writing failed, and there may be an answer that says why
    broken: Option<io::Error>,
    /// It was sent, and the server had closed the connection before it came: nobody has seen it
    pub unseen: bool,
}

enum Link {
    Connecting(Connecting),
    Open(Stream),
}

/// Why there will be no answer.
pub struct Lost {
    pub failure: Failure,
    pub error: io::Error,
}

impl Attempt {
    pub fn with(of: Try, stream: Stream, begun: Instant, deadline: Instant) -> Self {
        Self { reused: true, ..Self::new(of, Link::Open(stream), begun, deadline) }
    }

    pub fn connect(of: Try, limit: Duration, begun: Instant, deadline: Instant) -> Self {
        let endpoint = of.endpoint().clone();
        let connecting = Box::pin(async move { endpoint.connect(limit).await });
        Self::new(of, Link::Connecting(connecting), begun, deadline)
    }

    fn new(of: Try, link: Link, begun: Instant, deadline: Instant) -> Self {
        Self {
            of,
            link,
            reused: false,
            sent: 0,
            input: Buffer::default(),
            scan: Scan::default(),
            begun,
            deadline,
            broken: None,
            unseen: false,
        }
    }

    /// The connection, once there is one.
    pub fn stream(&self) -> Option<&Stream> {
        match &self.link {
            Link::Open(stream) => Some(stream),
            Link::Connecting(_) => None,
        }
    }

    pub fn into_stream(self) -> (Try, Option<Stream>) {
        match self.link {
            Link::Open(stream) => (self.of, Some(stream)),
            Link::Connecting(_) => (self.of, None),
        }
    }

    /// Its time begins now: until here it was the client's.
    pub fn has_all(&mut self, now: Instant) {
        self.begun = now;
        self.of.has_all(now);
    }

    /// The head that was found has been dealt with, and another one follows.
    pub fn next_head(&mut self, end: usize) {
        self.input.consume(end);
        self.scan = Scan::default();
    }

    /// Nothing more is to be written; what was answered up to now may tell why.
    pub fn break_off(&mut self, error: io::Error) {
        self.broken.get_or_insert(error);
    }

    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Connects, sends `request`, and reads. Ready with the end of the head of an answer.
    pub fn poll(&mut self, context: &mut Context, request: &[u8], longest_head: usize) -> Poll<Result<usize, Lost>> {
        if let Link::Connecting(connecting) = &mut self.link {
            match connecting.as_mut().poll(context) {
                Poll::Ready(Ok(stream)) => self.link = Link::Open(stream),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Lost { failure: Failure::Connect, error })),
                Poll::Pending => return Poll::Pending,
            }
        }
        let Link::Open(stream) = &self.link else { return Poll::Pending };
        while self.sent < request.len() && self.broken.is_none() {
            match stream.try_write(&request[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => match stream.poll_write_ready(context) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => self.broken = Some(error),
                    Poll::Pending => break,
                },
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.broken = Some(error),
            }
        }
        let lost = |error| Poll::Ready(Err(Lost { failure: Failure::Broken, error }));
        loop {
            match self.scan.find(self.input.filled()) {
                Found::End(end) if end <= longest_head => return Poll::Ready(Ok(end)),
                Found::More if !may_be_http(self.input.filled()) => {
                    return lost(io::Error::new(ErrorKind::InvalidData, "what it answers is no HTTP"));
                }
                Found::More if self.input.filled().len() < longest_head => {}
                Found::BareLf => {
                    return lost(io::Error::new(ErrorKind::InvalidData, "a line of its answer ends in a bare LF"));
                }
                _ => return lost(io::Error::new(ErrorKind::InvalidData, "the head of its answer is too long")),
            }
            match self.input.read(stream) {
                Ok(0) => {
                    let may_be = self.input.is_empty() && request.len() <= PACKET && self.begun.elapsed() < SOON;
                    self.unseen = may_be && stream.was_closed_before(self.sent);
                    let closed =
                        || io::Error::new(ErrorKind::UnexpectedEof, "it closed the connection without an answer");
                    return lost(self.broken.take().unwrap_or_else(closed));
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => match stream.poll_read_ready(context) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return lost(error),
                    Poll::Pending => return Poll::Pending,
                },
                Err(error) => return lost(error),
            }
        }
    }
}

/// Whether an answer may begin so. One of another protocol is not waited for to its end, which may never come.
fn may_be_http(begin: &[u8]) -> bool {
    begin.iter().zip(b"HTTP/").all(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::Attempt;
    use crate::address::{Address, Target};
    use crate::cluster::Cluster;
    use crate::config;
    use crate::stream::Stream;
    use rustix::net::sockopt::set_socket_linger;
    use std::future::poll_fn;
    use std::io::Read;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::task::Poll;
    use std::time::Duration;
    use tokio::time::Instant;

    /// What becomes of a request over a kept connection whose server closes before it comes, or else does that then.
    async fn is_unseen(request: &[u8], then: Option<fn(TcpStream)>) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = config::Endpoint { at: Target::At(Address::Socket(address)), weight: 1, backup: false };
        let cluster = Cluster::new("c", &config::Cluster::of(vec![endpoint]));
        let stream = Stream::connect(&Address::Socket(address)).await.unwrap();
        let (server, _) = listener.accept().unwrap();
        let now = Instant::now();
        let mut attempt = Attempt::with(cluster.choose(&[]).unwrap(), stream, now, now + Duration::from_mins(1));
        match then {
            None => drop(server),
            Some(then) => {
                let sent = poll_fn(|context| Poll::Ready(attempt.poll(context, request, 1024).is_pending())).await;
                assert!(sent && attempt.sent == request.len());
                then(server);
            }
        }
        let lost = poll_fn(|context| attempt.poll(context, request, 1024)).await;
        assert!(lost.is_err(), "there is no answer");
        attempt.unseen
    }

    const SHORT: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";

    #[tokio::test]
    async fn what_came_too_late_was_seen_by_nobody() {
        assert!(is_unseen(SHORT, None).await);
        // Of more than a packet the first may have been read, and what the last met says nothing of it.
        assert!(!is_unseen(&[b'x'; 2000], None).await);
    }

    /// However it closes, who has read some of it may have done what it says.
    #[tokio::test]
    async fn what_was_read_was_seen() {
        let closes = |mut server: TcpStream| {
            server.read_exact(&mut [0; SHORT.len()]).unwrap();
        };
        let breaks_off = |mut server: TcpStream| {
            server.read_exact(&mut [0; SHORT.len()]).unwrap();
            server.shutdown(Shutdown::Write).unwrap();
            set_socket_linger(&server, Some(Duration::ZERO)).unwrap();
        };
        let leaves_some = |mut server: TcpStream| {
            server.read_exact(&mut [0; SHORT.len() - 1]).unwrap();
            server.shutdown(Shutdown::Write).unwrap();
        };
        for then in [closes, breaks_off, leaves_some] {
            assert!(!is_unseen(SHORT, Some(then)).await);
        }
    }
}
