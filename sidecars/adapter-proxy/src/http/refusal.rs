//! Answers of the proxy's own.

use super::reply::reason;
use std::io::Write;

/// The status, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal(pub u16, pub &'static str);

impl Refusal {
    /// All bytes of it. An app can tell by `X-Proxy-Error` that it is not from the upstream.
    pub fn answer(self, is_head: bool, closes: bool, out: &mut Vec<u8>) {
        let Self(status, why) = self;
        let name = reason(status);
        let connection = if closes { "Connection: close\r\n" } else { "" };
        let body = if is_head { "" } else { why };
        let newline = if is_head { "" } else { "\n" };
        let length = why.len() + 1;
        // A vector takes anything.
        let _ = write!(
            out,
            "HTTP/1.1 {status} {name}\r\nX-Proxy-Error: {why}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {length}\r\n{connection}\r\n{body}{newline}"
        );
    }
}
