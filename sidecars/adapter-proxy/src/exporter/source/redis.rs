//! Replies of Redis. <https://redis.io/docs/latest/develop/reference/protocol-spec/>

use super::too_long;
use std::ops::Range;

/// Of a line that says what follows.
const LONGEST_LINE: usize = 512;

#[derive(PartialEq, Eq, Debug)]
pub enum Reply {
    /// There is more to come
    More,
    /// The first text that is longer than a line is there
    Text(Range<usize>),
}

/// # Errors
/// When it is an error, or no reply, or longer than `most` bytes.
pub fn reply(bytes: &[u8], most: usize) -> Result<Reply, String> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(end) = memchr::memmem::find(rest, b"\r\n") else {
            return if rest.len() > LONGEST_LINE {
                Err("it answers no reply of Redis".into())
            } else {
                Ok(Reply::More)
            };
        };
        let (kind, line) = (rest.first(), rest.get(1..end).unwrap_or_default());
        let line = String::from_utf8_lossy(line.get(..LONGEST_LINE).unwrap_or(line));
        at += end + 2;
        match kind {
            // To what was sent before, such as `AUTH`.
            Some(b'+') => {}
            Some(b'-') => return Err(format!("it answers: {line}")),
            Some(b'$') => {
                let length: usize = line.parse().map_err(|_| "it answers nothing")?;
                if length > most {
                    return Err(too_long(most));
                }
                let whole = bytes.len() >= at + length + 2;
                return Ok(if whole { Reply::Text(at..at + length) } else { Reply::More });
            }
            _ => return Err("it answers no reply of Redis".into()),
        }
    }
    Ok(Reply::More)
}

#[cfg(test)]
mod tests {
    use super::{Reply, reply};

    #[test]
    fn in_pieces() {
        let bytes = b"+OK\r\n$12\r\n# Server\r\na:\r\n";
        for end in 0..bytes.len() {
            assert_eq!(reply(&bytes[..end], 100), Ok(Reply::More), "{end}");
        }
        assert_eq!(reply(bytes, 100), Ok(Reply::Text(10..22)));
    }

    #[test]
    fn what_is_none() {
        for (bytes, expected) in [
            ("-NOAUTH Authentication required.\r\n", "it answers: NOAUTH"),
            ("+OK\r\n-ERR\r\n", "it answers: ERR"),
            ("$-1\r\n", "it answers nothing"),
            ("$101\r\n", "it is longer than 100 bytes"),
            ("HTTP/1.1 400 Bad Request\r\n", "it answers no reply"),
            ("\r\n", "it answers no reply"),
            (&"x".repeat(600), "it answers no reply"),
        ] {
            let said = reply(bytes.as_bytes(), 100).unwrap_err();
            assert!(said.starts_with(expected), "{said}");
        }
    }
}
