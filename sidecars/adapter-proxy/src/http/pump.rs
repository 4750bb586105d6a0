//! A body on its way: read from one side as fast as the other one takes it, and no faster.

use super::buffer::{self, Buffer, Bytes};
use super::framing::{Bad, Body, Step};
use super::names::Name;
use super::request::field;
use crate::stream::Stream;
use std::io::{self, ErrorKind, Write};
use std::task::{Context, Poll, ready};

/// As long as there is less, what comes is put behind it, so that a head and a short body are one packet.
const BATCH: usize = buffer::SIZE;

/// So often it reads before the others have their turn.
const TURN: usize = 32;

/// Why it stopped before the end.
#[derive(Debug)]
pub enum Broken {
    /// It is no body of its kind
    Bad(Bad),
    /// It has more bytes than it may have
    TooLarge,
    /// It cannot be read
    Source(io::Error),
    /// Nobody takes it
    Sink(io::Error),
    /// The client has gone, and nobody waits for it any more
    Gone,
    /// All requests together hold as much as they may
    Memory,
}

pub struct Pump {
    body: Body,
    chunked: bool,
    /// The most bytes of data that it may have
    most: u64,
    out: Bytes,
    sent: usize,
    /// Bytes of data that were read
    pub data: u64,
    /// Bytes that were sent
    pub bytes: u64,
    ended: bool,
    closes: bool,
}

impl Pump {
    /// One that sends `out` first.
    pub fn new(body: Body, chunked: bool, out: Bytes) -> Self {
        Self { body, chunked, most: u64::MAX, out, sent: 0, data: 0, bytes: 0, ended: false, closes: false }
    }

    pub fn at_most(mut self, most: Option<u64>) -> Self {
        self.most = most.unwrap_or(u64::MAX);
        self
    }

    /// The connection is ended as soon as all is sent: its end is to go with what is sent last, in the same packet.
    pub fn then_close(mut self, closes: bool) -> Self {
        self.closes = closes;
        self
    }

    /// So many bytes of data it has at least, as it says itself.
    pub fn declared(&self) -> u64 {
        if let Body::Length(length) = self.body { length } else { 0 }
    }

    pub fn has_ended(&self) -> bool {
        self.ended && self.sent == self.out.len()
    }

    /// Whether there is nothing to send, so that it is the source that is waited for.
    pub fn is_hungry(&self, input: &Buffer) -> bool {
        self.sent == self.out.len() && input.is_empty()
    }

    /// Ready when all of it was sent.
    ///
    /// # Errors
    /// Why that will never be.
    pub fn poll(
        &mut self,
        context: &mut Context,
        (source, input): (&Stream, &mut Buffer),
        sink: &Stream,
    ) -> Poll<Result<(), Broken>> {
        for _ in 0..TURN {
            self.gather(input).map_err(Broken::Bad)?;
            self.out.recount();
            if self.data > self.most {
                return Poll::Ready(Err(Broken::TooLarge));
            }
            ready!(self.send(context, input, sink)).map_err(Broken::Sink)?;
            if self.ended {
                return Poll::Ready(Ok(()));
            }
            if !input.is_empty() || self.body.has_ended() {
                continue;
            }
            match input.read(source) {
                Ok(0) if matches!(self.body, Body::UntilClose) => self.end().map_err(Broken::Bad)?,
                Ok(0) => return Poll::Ready(Err(Broken::Source(ErrorKind::UnexpectedEof.into()))),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(source.poll_read_ready(context)).map_err(Broken::Source)?;
                }
                Err(error) => return Poll::Ready(Err(Broken::Source(error))),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Moves on over what was read: framing is taken off, data is put to what is to be sent as long as that is little.
    fn gather(&mut self, input: &mut Buffer) -> Result<(), Bad> {
        while !self.ended && self.out.len() < BATCH {
            match self.body.step(input.filled())? {
                Step::Skip(count) => input.consume(count),
                Step::Data(_) if !self.chunked && self.out.is_empty() => return Ok(()),
                Step::Data(count) => {
                    let count = count.min(BATCH);
                    if self.chunked {
                        let _ = write!(self.out, "{count:x}\r\n"); // a vector takes anything
                    }
                    self.out.extend_from_slice(&input.filled()[..count]);
                    if self.chunked {
                        self.out.extend_from_slice(b"\r\n");
                    }
                    self.took(input, count);
                }
                Step::More => return Ok(()),
                Step::End => self.end()?,
            }
        }
        Ok(())
    }

    fn took(&mut self, input: &mut Buffer, count: usize) {
        self.body.took(count);
        self.data += count as u64;
        input.consume(count);
    }

    fn end(&mut self) -> Result<(), Bad> {
        self.ended = true;
        if self.chunked {
            self.out.extend_from_slice(b"0\r\n");
            trailers(self.body.trailers(), &mut self.out)?;
            self.out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    /// Sends what is gathered; and when there is nothing of that, data as it was read.
    fn send(&mut self, context: &mut Context, input: &mut Buffer, sink: &Stream) -> Poll<io::Result<()>> {
        loop {
            let bytes = if self.sent < self.out.len() {
                &self.out[self.sent..]
            } else {
                self.sent = 0;
                // What follows a head is sent as it was read, unless chunks are made of it.
                if self.chunked {
                    self.out.clear();
                } else {
                    self.out = Bytes::default();
                }
                match self.body.step(input.filled()) {
                    Ok(Step::Data(count)) if !self.chunked => &input.filled()[..count],
                    Ok(Step::Skip(count)) => {
                        input.consume(count);
                        continue;
                    }
                    _ => return Poll::Ready(Ok(())),
                }
            };
            let sent = if self.closes && self.ended { sink.try_write_last(bytes) } else { sink.try_write(bytes) };
            match sent {
                Ok(count) => {
                    self.bytes += count as u64;
                    if self.out.is_empty() { self.took(input, count) } else { self.sent += count }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready!(sink.poll_write_ready(context))?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// Those that may be there.
fn trailers(lines: &[u8], out: &mut Vec<u8>) -> Result<(), Bad> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    match httparse::parse_headers(lines, &mut headers) {
        Ok(httparse::Status::Complete((end, fields))) if end == lines.len() => {
            for one in fields.iter().filter(|one| Name::may_trail(one.name)) {
                field(out, one.name.as_bytes(), one.value);
            }
            Ok(())
        }
        _ => Err(Bad("a field of the trailer is wrong")),
    }
}
