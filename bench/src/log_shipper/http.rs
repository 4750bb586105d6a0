//! As much of HTTP/1.1 as shippers and the bench's sink speak with each other: messages that tell their length.

use anyhow::{Context, Result, bail};
use memchr::memmem;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::str;

/// Read at once
const PIECE: usize = 256 << 10;

/// One side of a connection, and what was read of it.
pub struct Messages {
    stream: TcpStream,
    bytes: Vec<u8>,
    read: usize,
    /// The message that was returned last
    taken: usize,
}

/// A request or an answer.
pub struct Message<'a> {
    pub head: &'a str,
    pub body: &'a [u8],
    /// Both, as they came
    pub whole: &'a [u8],
}

impl Messages {
    /// # Errors
    /// If the kernel does not want it.
    pub fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, bytes: vec![0; PIECE], read: 0, taken: 0 })
    }

    /// What the other side says next; nothing when it has hung up.
    ///
    /// # Errors
    /// If that is no message with a length, or ends in the middle of one.
    pub fn next(&mut self) -> Result<Option<Message<'_>>> {
        self.bytes.copy_within(self.taken..self.read, 0);
        self.read -= self.taken;
        self.taken = 0;
        let head = loop {
            if let Some(end) = memmem::find(&self.bytes[..self.read], b"\r\n\r\n") {
                break end + 4;
            }
            if !self.more()? {
                return Ok(None);
            }
        };
        let text = str::from_utf8(&self.bytes[..head])?;
        let end = head + length(text)?;
        if self.read < end && header(text, "expect").is_some() {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        while self.read < end {
            if !self.more()? {
                bail!("a message is cut off");
            }
        }
        self.taken = end;
        let whole = &self.bytes[..end];
        Ok(Some(Message { head: str::from_utf8(&whole[..head])?, body: &whole[head..], whole }))
    }

    /// # Errors
    /// If the other side is gone.
    pub fn say(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Returns whether there was more.
    fn more(&mut self) -> Result<bool> {
        if self.bytes.len() - self.read < PIECE / 2 {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        let read = match self.stream.read(&mut self.bytes[self.read..]) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            read => read?,
        };
        self.read += read;
        Ok(read > 0)
    }
}

fn length(head: &str) -> Result<usize> {
    if header(head, "transfer-encoding").is_some() {
        bail!("a message without a length");
    }
    header(head, "content-length").map_or(Ok(0), |length| length.parse().context("a length that is none"))
}

/// Of the head of a message. `name` is in small letters.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name)))
        .map(|(_, value)| value.trim())
}
