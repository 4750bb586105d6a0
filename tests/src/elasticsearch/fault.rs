//! What goes wrong with a request, when a test says so.

use super::http::{Answer, Connection, Head};
use std::io;
use std::time::Duration;

/// What happens in place of the right answer, and when.
#[derive(Clone, Debug)]
pub struct Fault {
    pub when: When,
    pub how: How,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Before the body is read
    Unread,
    /// Once the request is read, before any of it is stored
    Read,
    /// After all of it has been stored: the answer is lost, as when one of the two crashes
    Stored,
}

#[derive(Clone, Debug)]
pub enum How {
    /// An answer that is none of `_bulk`: a status, headers, and a body
    Answer(Answer),
    /// None, for as long as the client waits
    Never,
    /// The right one, byte by byte with a pause between each two
    Slowly(Duration),
    /// The connection is closed
    Close,
    /// Nothing more is sent, but the connection stays
    HalfClose,
    /// The connection is reset
    Reset,
    /// What is not HTTP
    Rubbish,
    /// The right status, and a body that is no JSON
    NotJson,
    /// The right answer, whose JSON ends in the middle
    Cut,
    /// The right answer, and the connection is closed in the middle of it
    Short,
    /// A body without an end
    Endless,
    /// A head without an end
    EndlessHead,
}

impl Fault {
    /// For a request that was read, of which nothing is stored.
    pub fn instead(how: How) -> Self {
        Self { when: When::Read, how }
    }

    /// For a request of which all is stored.
    pub fn after_storing(how: How) -> Self {
        Self { when: When::Stored, how }
    }

    /// Another status than 200, for the whole request.
    pub fn status(status: u16) -> Self {
        let kind = if status == 429 { "es_rejected_execution_exception" } else { "status_exception" };
        let refusal = super::refusal::Refusal::new(status, kind, format!("the test says {status}"));
        Self::instead(How::Answer(Answer::json(status, &refusal.body())))
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let How::Answer(answer) = &mut self.how {
            answer.headers.push((name, value.into()));
        }
        self
    }

    /// Elsewhere, please.
    pub fn redirect(to: &str) -> Self {
        Self::status(307).with("location", to)
    }
}

impl How {
    /// Does it. `right` is what should have been answered. Whether the connection goes on.
    pub(super) fn perform(&self, connection: &mut Connection, head: &Head, right: &Answer) -> io::Result<bool> {
        let bytes = || right.bytes(head);
        match self {
            Self::Answer(answer) => connection.write(&answer.bytes(head)).map(|()| true),
            Self::Never => {
                connection.until_gone();
                Ok(false)
            }
            Self::Slowly(pause) => {
                for byte in bytes() {
                    connection.write(&[byte])?;
                    std::thread::sleep(*pause);
                }
                Ok(true)
            }
            Self::Close => Ok(false),
            Self::HalfClose => {
                connection.finish();
                connection.until_gone();
                Ok(false)
            }
            Self::Reset => {
                connection.reset_when_dropped();
                Ok(false)
            }
            Self::Rubbish => connection.write(b"\x15\x03\x03 220 welcome to the mail server\r\n\r\n").map(|()| false),
            Self::NotJson => {
                let headers = vec![("content-type", "text/html".into())];
                let body = b"<html><body>It works!</body></html>".into();
                connection.write(&Answer { status: 200, headers, body }.bytes(head)).map(|()| true)
            }
            Self::Cut => {
                let body = right.body[..right.body.len() / 2].into();
                connection.write(&Answer { body, ..right.clone() }.bytes(head)).map(|()| true)
            }
            Self::Short => {
                let bytes = bytes();
                connection.write(&bytes[..bytes.len() - right.body.len() / 2 - 1]).map(|()| false)
            }
            Self::Endless => {
                connection.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
                connection.write(b"a\r\n{\"items\":[\r\n")?;
                let chunk = [&b"1000\r\n"[..], &[b' '; 0x1000], b"\r\n"].concat();
                loop {
                    connection.write(&chunk)?;
                }
            }
            Self::EndlessHead => {
                connection.write(b"HTTP/1.1 200 OK\r\n")?;
                let header = [&b"x-filler: "[..], &[b'x'; 1000], b"\r\n"].concat();
                loop {
                    connection.write(&header)?;
                }
            }
        }
    }
}
