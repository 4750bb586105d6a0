//! Requests: as many as a proxy takes, by wrk; and at a fixed rate, whatever becomes of those before.

use super::proxies::BODY;
use anyhow::{Context, Result, ensure};
use e2e::command::output;
use memchr::memmem;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

pub const CONNECTIONS: u32 = 64;

/// No answer takes so long.
const LIMIT: Duration = Duration::from_secs(10);

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Alive,
    Close,
}

/// As many as it takes for so long, from so many connections at a time; says how many were answered.
///
/// # Errors
/// If one fails.
pub fn flood(address: SocketAddr, path: &str, connections: u32, keep: Keep, time: Duration) -> Result<u64> {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", &format!("-c{connections}"), &format!("-d{}", time.as_secs())]);
    if keep == Keep::Close {
        wrk.args(["-H", "Connection: close"]);
    }
    let said = output(wrk.arg(format!("http://{address}{path}")))?;
    ensure!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "requests fail: {said}");
    let requests = said.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok());
    requests.with_context(|| format!("wrk does not tell how many: {said}"))
}

/// So many a second for so long. How long each takes is counted from when it was to be sent if the one before had not been
/// answered by then, and from when it was sent otherwise. Sorted.
///
/// # Errors
/// If one fails.
pub fn steady(address: SocketAddr, keep: Keep, rate: u32, time: Duration) -> Result<Vec<Duration>> {
    let interval = Duration::from_secs(1) / rate;
    let begin = Instant::now() + Duration::from_millis(50);
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|client| {
            thread::spawn(move || {
                let (mut times, mut client_of) = (vec![], Client::new(address, keep));
                let mut due = begin + interval * client;
                while due < begin + time {
                    let now = Instant::now();
                    let from = if now < due {
                        sleep(due - now);
                        Instant::now()
                    } else {
                        due
                    };
                    client_of.ask()?;
                    times.push(from.elapsed());
                    due += interval * CONNECTIONS;
                }
                anyhow::Ok(times)
            })
        })
        .collect();
    let mut times = vec![];
    for client in clients {
        times.extend(client.join().map_err(|_| anyhow::anyhow!("a client panics"))??);
    }
    times.sort_unstable();
    Ok(times)
}

/// The body of an answer.
///
/// # Errors
/// If there is none, or it is none of success.
pub fn body(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, mut rest) = answer.split_once("\r\n\r\n").context("no answer")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    if !head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked") {
        return Ok(rest.into());
    }
    let mut body = String::new();
    loop {
        let (length, data) = rest.split_once("\r\n").context("a chunk without an end")?;
        let length = usize::from_str_radix(length, 16)?;
        if length == 0 {
            return Ok(body);
        }
        body += data.get(..length).context("a chunk is cut off")?;
        rest = data[length..].strip_prefix("\r\n").context("a chunk without an end")?;
    }
}

/// One that asks again and again.
pub struct Client {
    address: SocketAddr,
    keep: Keep,
    stream: Option<TcpStream>,
}

impl Client {
    pub fn new(address: SocketAddr, keep: Keep) -> Self {
        Self { address, keep, stream: None }
    }

    /// A request and its answer.
    ///
    /// # Errors
    /// If that is none, or another one than the backends give.
    pub fn ask(&mut self) -> Result<()> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address)?,
        };
        let connection = if self.keep == Keep::Alive { "" } else { "Connection: close\r\n" };
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: {}\r\n{connection}\r\n", self.address).as_bytes())?;
        let (mut answer, mut filled) = ([0; 4096], 0);
        loop {
            let count = stream.read(&mut answer[filled..])?;
            ensure!(count > 0, "an answer ends too soon");
            filled += count;
            if memmem::find(&answer[..filled], b"\r\n\r\n").is_some_and(|head| filled >= head + 4 + BODY) {
                break;
            }
        }
        ensure!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer[..filled]));
        self.stream = (self.keep == Keep::Alive).then_some(stream);
        Ok(())
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    Ok(stream)
}
