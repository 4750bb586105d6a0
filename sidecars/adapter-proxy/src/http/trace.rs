//! W3C trace context: <https://www.w3.org/TR/trace-context/#traceparent-header>. It is passed on as it is. Where requests
//! are logged and one has none, it gets one, so that the log of both sides can be joined.

use super::names::Name;
use httparse::Header;
use rustix::rand::{GetRandomFlags, getrandom};
use std::fmt::Write;

/// The trace that a request is part of; not if what it says of that is wrong, and then its state is of no use, either.
pub fn of<'a>(headers: &[Header<'a>]) -> Option<&'a [u8]> {
    let mut all = headers.iter().filter(|header| Name::of(header.name) == Name::Traceparent);
    let first = all.next()?.value;
    (all.next().is_none() && is_one(first)).then_some(first)
}

/// Whether a value is `VERSION-TRACE-PARENT-FLAGS` in lower-case hexadecimal digits, and neither id is zero.
fn is_one(value: &[u8]) -> bool {
    let hex = |bytes: &[u8]| bytes.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte));
    let id = |bytes: &[u8]| hex(bytes) && bytes.iter().any(|byte| *byte != b'0');
    let parts: Vec<&[u8]> = value.splitn(5, |byte| *byte == b'-').collect();
    let [version, trace, parent, flags, rest @ ..] = &parts[..] else { return false };
    version.len() == 2
        && hex(version)
        && *version != b"ff"
        && (rest.is_empty() || *version != b"00")
        && trace.len() == 32
        && id(trace)
        && parent.len() == 16
        && id(parent)
        && flags.len() == 2
        && hex(flags)
}

/// A new one, not sampled: that is for who records spans to say.
pub fn new() -> String {
    let mut random = [0u8; 24];
    // The kernel has random bytes since it was up; where it has not, an id that is no secret may be a bad one.
    let _ = getrandom(&mut random, GetRandomFlags::NONBLOCK);
    for id in [0..16, 16..24] {
        // One of zeros is none.
        if random[id.clone()].iter().all(|byte| *byte == 0) {
            random[id.start] = 1;
        }
    }
    let mut text = String::from("00-");
    for (index, byte) in random.iter().enumerate() {
        let _ = write!(text, "{}{byte:02x}", if index == 16 { "-" } else { "" }); // a string takes anything
    }
    text + "-00"
}

#[cfg(test)]
mod tests {
    use super::{is_one, new};

    #[test]
    fn ids() {
        assert!(is_one(new().as_bytes()), "{}", new());
        assert_ne!(new(), new());
        assert!(is_one(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        assert!(is_one(b"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"));
        for wrong in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        ] {
            assert!(!is_one(wrong.as_bytes()), "{wrong}");
        }
    }
}
