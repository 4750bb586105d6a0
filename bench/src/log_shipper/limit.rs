//! How fast the sink itself is, given requests from memory.

use super::http::Messages;
use super::lines::COUNT;
use super::sink::{Kept, Sink};
use anyhow::{Context, Result, ensure};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Of the sink, for as many documents as a shipper ships.
pub struct Limit {
    pub wall: Duration,
    pub cpu: Duration,
    pub documents: u64,
}

/// Sends what a shipper has sent, one request after the other, until there are enough documents.
///
/// # Errors
/// If the sink fails.
pub fn limit(kept: &Kept) -> Result<Limit> {
    let sink = Sink::new()?;
    let mut messages = Messages::new(TcpStream::connect(sink.address)?)?;
    let begun = Instant::now();
    for request in kept.requests.iter().cycle() {
        messages.say(request)?;
        let answer = messages.next()?.context("the sink hangs up")?;
        ensure!(answer.head.starts_with("HTTP/1.1 200 "), "the sink answers {}", answer.head);
        if sink.documents() >= COUNT {
            break;
        }
    }
    let wall = begun.elapsed();
    drop(messages);
    let brought = sink.brought()?;
    Ok(Limit { wall, cpu: brought.cpu, documents: brought.documents })
}
