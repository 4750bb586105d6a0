//! Answers of the proxy's own.

use super::reply::{Manner, Reply};

/// All requests together hold as much as they may.
pub const MEMORY: Refusal = Refusal(503, "memory");

/// The status, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal(pub u16, pub &'static str);

impl Refusal {
    /// All bytes of it. An app can tell by `X-Proxy-Error` that it is not from the upstream.
    pub fn answer(self, manner: Manner, out: &mut Vec<u8>) {
        let Self(status, why) = self;
        let fields = format!("X-Proxy-Error: {why}\r\nContent-Type: text/plain; charset=utf-8\r\n");
        let body = format!("{why}\n");
        Reply { status, reason: None, fields: fields.as_bytes(), body: body.as_bytes() }.write(manner, out);
    }
}
