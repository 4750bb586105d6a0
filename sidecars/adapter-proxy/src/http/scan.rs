//! Where a head ends. Its lines end in CRLF and in nothing else: who takes a bare LF for one sees other messages in the
//! same bytes than who does not, and that is how requests are smuggled (RFC 9112, 2.2 and 11.2).

/// How far the search has come, so that a head which comes in many pieces is searched once.
#[derive(Clone, Copy, Default)]
pub struct Scan {
    /// What has been looked at
    seen: usize,
    /// Where the line begins that has not ended yet
    line: usize,
    /// Lines that are empty before the first that is not are no end (RFC 9112, 2.2)
    begun: bool,
}

/// What can be said of the bytes up to now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// It ends before this byte
    End(usize),
    More,
    /// A line ends in a LF alone
    BareLf,
}

impl Scan {
    pub fn find(&mut self, bytes: &[u8]) -> Found {
        while let Some(at) = memchr::memchr(b'\n', bytes.get(self.seen..).unwrap_or_default()) {
            let end = self.seen + at;
            if end == self.line || bytes[end - 1] != b'\r' {
                return Found::BareLf;
            }
            let is_empty = end - 1 == self.line;
            (self.seen, self.line) = (end + 1, end + 1);
            if is_empty && self.begun {
                return Found::End(self.line);
            }
            self.begun |= !is_empty;
        }
        self.seen = bytes.len();
        Found::More
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, Scan};

    #[test]
    fn ends() {
        for (bytes, expected) in [
            ("GET / HTTP/1.1\r\n\r\nmore\n", Found::End(18)),
            ("\r\n\r\nGET\r\na: b\r\n\r\n", Found::End(17)),
            ("GET / HTTP/1.1\r\n", Found::More),
            ("\r\n\r\n\r\n", Found::More),
            ("", Found::More),
            ("GET / HTTP/1.1\n\n", Found::BareLf),
            ("GET / HTTP/1.1\r\n\n", Found::BareLf),
            ("\nGET", Found::BareLf),
            ("GET / HTTP/1.1\r\na: b\n\r\n", Found::BareLf),
        ] {
            assert_eq!(Scan::default().find(bytes.as_bytes()), expected, "{bytes:?}");
            let mut scan = Scan::default();
            let by_bytes = (0..=bytes.len()).map(|end| scan.find(&bytes.as_bytes()[..end]));
            let found = by_bytes.into_iter().find(|found| *found != Found::More).unwrap_or(Found::More);
            assert_eq!(found, expected, "{bytes:?} byte by byte");
        }
    }
}
