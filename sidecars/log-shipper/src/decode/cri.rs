//! What containerd and CRI-O write: `2016-10-06T00:17:09.669794202Z stdout F message`.
//! <https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md>

use crate::encode::time::Time;
use crate::event::Stream;
use memchr::memchr;

/// A line, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// RFC 3339, checked
    pub time: &'a str,
    pub stream: Stream,
    /// Whether the line goes on in the next entry of the same stream
    pub partial: bool,
    pub text: &'a [u8],
}

/// Takes a line apart, which has no newline at its end any more.
pub fn parse(line: &[u8]) -> Option<Entry<'_>> {
    let (time, rest) = word(line);
    let (stream, rest) = word(rest?);
    let (tags, text) = word(rest?);
    let stream = match stream {
        b"stdout" => Stream::Stdout,
        b"stderr" => Stream::Stderr,
        _ => return None,
    };
    // There may be more tags one day, after a colon each.
    let partial = match tags {
        b"F" | [b'F', b':', ..] => false,
        b"P" | [b'P', b':', ..] => true,
        _ => return None,
    };
    Time::parse(time)?.strict.then_some(())?;
    Some(Entry { time: str::from_utf8(time).ok()?, stream, partial, text: text.unwrap_or_default() })
}

/// What is before the first space, and what is behind it.
fn word(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr(b' ', text) {
        Some(space) => (&text[..space], Some(&text[space + 1..])),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, parse};
    use crate::event::Stream;

    #[test]
    fn entries() {
        let time = "2016-10-06T00:17:09.669794202Z";
        let entry = |line: &'static str| parse(line.as_bytes()).map(|entry| (entry.stream, entry.partial, entry.text));
        let whole = parse(b"2016-10-06T00:17:09.669794202Z stdout F The content").unwrap();
        assert_eq!(whole, Entry { time, stream: Stream::Stdout, partial: false, text: b"The content" });
        assert_eq!(entry("2016-10-06T00:17:09Z stderr P  x "), Some((Stream::Stderr, true, &b" x "[..])));
        assert_eq!(entry("2016-10-06T00:17:09+02:00 stdout F:more x"), Some((Stream::Stdout, false, &b"x"[..])));
        assert_eq!(entry("2016-10-06T00:17:09Z stdout F "), Some((Stream::Stdout, false, &b""[..])));
        assert_eq!(entry("2016-10-06T00:17:09Z stdout F"), Some((Stream::Stdout, false, &b""[..])));
        for other in [
            "",
            "   ",
            "2016-10-06T00:17:09Z",
            "2016-10-06T00:17:09Z stdin F x",
            "2016-10-06T00:17:09Z stdout Q x",
            "now stdout F x",
            "2016-10-06T00:17:09Z  stdout F x",
            "2016-10-06 00:17:09 stdout F x",
        ] {
            assert_eq!(entry(other), None, "{other}");
        }
    }
}
