//! Streams whose items are dealt with one by one: lines of JSON, and server-sent events.

use serde::Deserialize;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// A value a line
    Ndjson,
    /// `text/event-stream` (WHATWG HTML, 9.2): what is after `data:`
    Sse,
}

impl Stream {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Sse => "text/event-stream",
        }
    }

    /// Where the last item that is whole ends; 0 when there is none. What is before `from` has none, as was seen earlier.
    pub fn end(self, bytes: &[u8], from: usize) -> usize {
        let fresh = bytes.get(from..).unwrap_or_default();
        match self {
            Self::Ndjson => memchr::memrchr(b'\n', fresh).map_or(0, |end| from + end + 1),
            Self::Sse => {
                // An event ends with an empty line; each line ends with CR LF, LF or CR.
                let start = from.saturating_sub(3);
                let bytes = bytes.get(start..).unwrap_or_default();
                (1..=bytes.len()).rev().find(|end| ends_event(&bytes[..*end])).map_or(0, |end| start + end)
            }
        }
    }
}

fn ends_event(bytes: &[u8]) -> bool {
    // A CR that is the last may be half of a CR LF: what follows tells, and then that is the end.
    bytes.ends_with(b"\n\n") || bytes.ends_with(b"\r\n\r\n") || bytes.ends_with(b"\r\r") || bytes.ends_with(b"\n\r\n")
}

/// The lines of an event, each without its end.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        let skip = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = rest.get(end + skip..).unwrap_or_default();
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_last_whole_item_is_found_however_the_stream_is_cut() {
        assert_eq!(Stream::Ndjson.end(b"{}\n[]\n1", 0), 6);
        assert_eq!(Stream::Ndjson.end(b"{}", 0), 0);
        for (text, end) in [
            ("data: 1\n\ndata: 2\n\nda", 18),
            ("data: 1\r\n\r\ndata", 11),
            ("data: 1\r\rdata", 9),
            ("data: 1\n\r\nx", 10),
            ("data: 1\ndata: 2\n", 0),
            ("", 0),
        ] {
            let text = text.as_bytes();
            assert_eq!(Stream::Sse.end(text, 0), end, "{text:?}");
            // The same when it comes byte by byte.
            let (mut seen, mut kept) = (0, vec![]);
            for byte in text {
                let from = kept.len();
                kept.push(*byte);
                let end = Stream::Sse.end(&kept, from);
                seen += kept.drain(..end).count();
            }
            assert_eq!(seen, end, "{text:?}");
        }
    }

    #[test]
    fn lines_end_in_three_ways() {
        let all: Vec<_> = lines(b"a\r\nb\rc\n\nd").collect();
        assert_eq!(all, [&b"a"[..], b"b", b"c", b"", b"d"]);
    }
}
