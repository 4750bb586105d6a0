//! Asks an admin endpoint, for exec probes: there is no curl in an image FROM scratch.

use crate::admin::Address;
use crate::exit::Usage;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// For all of it. Kubelet waits no longer either, by default.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How often it is asked whether it is ready
const AGAIN: Duration = Duration::from_millis(10);
/// A status line and a reason
const MAX_ANSWER: usize = 4 << 10;

/// What to ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Which {
    /// Whether it runs
    Live,
    /// Whether it can do its part
    Ready,
}

/// Succeeds, and says nothing, if the program whose admin endpoint is at `address` is what is asked for.
///
/// # Errors
/// When it is not, or does not answer within a second.
pub fn probe(address: Address, which: Which) -> Result<()> {
    let Address::At(address) = address else {
        let text = "the admin endpoint is off: there is nobody to ask\nhint: give it an address with `--admin`";
        return Err(Usage(text.into()).into());
    };
    let (path, not) = match which {
        Which::Live => ("/livez", "not live"),
        Which::Ready => ("/readyz", "not ready"),
    };
    let answer = ask(address, path).with_context(|| {
        format!("{not}: no answer from {address}\nhint: does it run in this pod, and with `--admin` there?")
    })?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => Ok(()),
        Some("503") => bail!("{not}: {}", body.trim_end()),
        _ => bail!("{not}: {address} answers something else\nhint: another program of this pod may have that port"),
    }
}

/// Returns when the program whose admin endpoint is at `address` is ready, which may not even be started yet.
///
/// # Errors
/// When it is not within `timeout`: why, the last time it was asked.
pub fn wait(address: Address, timeout: Duration) -> Result<()> {
    let start = Instant::now();
    loop {
        match probe(address, Which::Ready) {
            Ok(()) => return Ok(()),
            // That nobody is there will be told by nobody else.
            Err(error) if error.is::<Usage>() => return Err(error),
            Err(error) if start.elapsed() >= timeout => return Err(error.context(format!("waited for {timeout:?}"))),
            Err(_) => sleep(AGAIN),
        }
    }
}

/// What comes back until the connection ends.
fn ask(address: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + TIMEOUT;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; MAX_ANSWER];
    let mut length = 0;
    while length < MAX_ANSWER {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut answer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            // The kernel's word for a timeout that has passed
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(answer[..length].to_vec())
}
