//! An app with many connections, each of which asks again and again at its own pace. Nothing is tried twice here.

use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{sleep_until, timeout};

/// Of all connections together, in a second: what these processors do without queues.
const RATE: u32 = 1500;

/// The same for connections of one request each: what ends leaves its port unused for a minute.
const CONNECTIONS: u32 = 300;

/// Every so-manieth connection POSTs.
const POSTS: usize = 4;

/// The app would wait longer than any limit of the proxy's.
const PATIENCE: Duration = Duration::from_secs(90);

/// So many failures are told of.
const TOLD: usize = 10;

/// A request, and what came of it.
pub struct Sample {
    /// Since the load began
    pub begun: Duration,
    pub took: Duration,
    pub is_post: bool,
    /// Who answered
    pub result: Result<u8, ()>,
}

impl Sample {
    pub fn ended(&self) -> Duration {
        self.begun + self.took
    }
}

pub struct Load {
    shared: Arc<Shared>,
    thread: JoinHandle<Result<()>>,
}

struct Shared {
    address: SocketAddr,
    tcp: bool,
    connections: usize,
    start: Instant,
    answered: AtomicUsize,
    failed: AtomicUsize,
    posts: AtomicUsize,
    done: AtomicBool,
    samples: Mutex<Vec<Sample>>,
}

impl Load {
    pub fn start(address: SocketAddr, connections: usize, tcp: bool) -> Self {
        let shared = Arc::new(Shared {
            address,
            tcp,
            connections,
            start: Instant::now(),
            answered: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            posts: AtomicUsize::new(0),
            done: AtomicBool::new(false),
            samples: Mutex::default(),
        });
        let thread = thread::spawn({
            let shared = shared.clone();
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let all = LocalSet::new();
                for number in 0..connections {
                    all.spawn_local(client(shared.clone(), number));
                }
                runtime.block_on(all);
                Ok(())
            }
        });
        Self { shared, thread }
    }

    /// Since it began.
    pub fn time(&self) -> Duration {
        self.shared.start.elapsed()
    }

    pub fn answered(&self) -> usize {
        self.shared.answered.load(Relaxed)
    }

    /// Waits for what is under way.
    pub fn end(self) -> Result<Vec<Sample>> {
        self.shared.done.store(true, Relaxed);
        self.thread.join().expect("it does not panic")?;
        let mut samples = self.shared.samples.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut samples))
    }
}

async fn client(shared: Arc<Shared>, number: usize) {
    let count = u32::try_from(shared.connections).unwrap_or(u32::MAX);
    let pace = Duration::from_secs(1) * count / if shared.tcp { CONNECTIONS } else { RATE };
    let mut next = shared.start + pace * u32::try_from(number).unwrap_or_default() / count;
    let is_post = !shared.tcp && number.is_multiple_of(POSTS);
    let (mut stream, mut samples) = (None, vec![]);
    while !shared.done.load(Relaxed) {
        sleep_until(next.into()).await;
        let begun = Instant::now();
        next = (next + pace).max(begun);
        let body = if is_post { shared.posts.fetch_add(1, Relaxed).to_string() } else { String::new() };
        let answer = timeout(PATIENCE, ask(&mut stream, shared.address, &body)).await;
        let took = begun.elapsed();
        if shared.tcp {
            stream = None;
        }
        let result = answer.unwrap_or_else(|_| bail!("no answer")).map_err(|error| {
            stream = None;
            if shared.failed.fetch_add(1, Relaxed) < TOLD {
                let (what, at) = (if is_post { "POST" } else { "GET" }, (begun - shared.start).as_secs_f64());
                eprintln!("{what} at {at:.3} s failed after {took:?}: {error:#}");
            }
        });
        shared.answered.fetch_add(usize::from(result.is_ok()), Relaxed);
        samples.push(Sample { begun: begun - shared.start, took, is_post, result });
    }
    shared.samples.lock().unwrap_or_else(PoisonError::into_inner).append(&mut samples);
}

/// Asks, on a new connection where there is none, and returns who answered.
async fn ask(stream: &mut Option<TcpStream>, address: SocketAddr, body: &str) -> Result<u8> {
    let stream = if let Some(stream) = stream {
        stream
    } else {
        let new = TcpStream::connect(address).await.context("connect")?;
        new.set_nodelay(true)?;
        stream.insert(new)
    };
    let request = match body.len() {
        0 => "GET / HTTP/1.1\r\nHost: app\r\n\r\n".to_owned(),
        length => format!("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: {length}\r\n\r\n{body}"),
    };
    stream.write_all(request.as_bytes()).await.context("write")?;
    let (mut answer, mut length) = ([0; 4096], 0);
    loop {
        let count = stream.read(&mut answer[length..]).await.context("read")?;
        length += count;
        let text = String::from_utf8_lossy(&answer[..length]);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let field = |name| Some(head.split_once(name)?.1.split("\r\n").next().unwrap_or_default());
            let whole = field("Content-Length: ").and_then(|length| length.parse().ok()) == Some(body.len());
            match field("Server: ").and_then(|name| name.parse().ok()) {
                Some(server) if whole && head.starts_with("HTTP/1.1 200 ") => return Ok(server),
                _ if whole => bail!("{} {}", head.lines().next().unwrap_or_default(), body.trim()),
                _ => {}
            }
        }
        if count == 0 {
            bail!("closed after {length} bytes");
        }
    }
}
