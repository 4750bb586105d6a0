//! One check of one endpoint, on a connection of its own.

use super::Endpoint;
use crate::address::Address;
use crate::config::Check;
use crate::stream::{Stream, is_own_fault};
use std::io::{self, ErrorKind};

/// The line with the status is in these, or it is no HTTP.
const LINE: usize = 1024;

/// Connects, and checks it; `None` when there is nothing to connect with here, which says nothing of the endpoint.
///
/// # Errors
/// What is wrong, for a message.
pub async fn check(check: &Check, endpoint: &Endpoint) -> Result<Option<()>, String> {
    match Stream::connect(&endpoint.address).await {
        Ok(stream) => talk(check, endpoint, &stream).await.map(Some),
        Err(error) if is_own_fault(&error) => Ok(None),
        Err(error) => Err(format!("cannot connect: {error}")),
    }
}

async fn talk(check: &Check, endpoint: &Endpoint, stream: &Stream) -> Result<(), String> {
    match check {
        Check::Tcp {} => Ok(()),
        Check::Http { path, status, host } => {
            let host = host.as_deref().unwrap_or(match endpoint.address {
                Address::Socket(_) => &endpoint.name,
                Address::Unix(_) => "localhost",
            });
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: adapter-proxy\r\naccept: */*\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await.map_err(|error| format!("GET {path}: {error}"))?;
            let line = until(stream, |read| read.contains(&b'\n') || read.len() >= LINE).await;
            let line = line.map_err(|error| format!("GET {path}: {error}"))?;
            let found = status_of(&line).ok_or_else(|| format!("GET {path}: no HTTP: {}", shown(&line)))?;
            if status.map_or((200..300).contains(&found), |status| status == found) {
                return Ok(());
            }
            let expected = status.map_or("2xx".into(), |status| status.to_string());
            Err(format!("GET {path}: status {found}, expected {expected}"))
        }
        Check::Talk { send, expect } => {
            let failed = |error: io::Error| format!("sent {}: {error}", shown(send.as_bytes()));
            stream.write_all(send.as_bytes()).await.map_err(failed)?;
            let expect = expect.as_bytes();
            // Who answers something else is not waited for.
            let answer = until(stream, |read| read.len() >= expect.len() || !expect.starts_with(read)).await;
            let answer = answer.map_err(failed)?;
            if answer.starts_with(expect) {
                return Ok(());
            }
            Err(format!("sent {}: answered {}, expected {}", shown(send.as_bytes()), shown(&answer), shown(expect)))
        }
    }
}

/// RFC 9112, section 4.
fn status_of(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(1..))?.strip_prefix(b" ")?;
    let digits = rest.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What is read until that is enough, or there is no more.
async fn until(stream: &Stream, enough: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let (mut read, mut buffer) = (vec![], [0; 512]);
    while !enough(&read) {
        match stream.read(&mut buffer).await? {
            0 if read.is_empty() => {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "closed without an answer"));
            }
            0 => break,
            length => read.extend_from_slice(&buffer[..length]),
        }
    }
    Ok(read)
}

/// The beginning of it, on one line.
fn shown(bytes: &[u8]) -> String {
    let beginning = &bytes[..bytes.len().min(40)];
    format!("`{}`", beginning.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::status_of;

    #[test]
    fn status_lines() {
        assert_eq!(status_of(b"HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status_of(b"HTTP/1.0 503\r\n"), Some(503));
        for wrong in [&b""[..], b"HTTP/1.", b"HTTP/1.1", b"HTTP/1.1 20", b"HTTP/2 200", b"+PONG\r\n", b"HTTP/1.1 2x0 "]
        {
            assert_eq!(status_of(wrong), None);
        }
    }
}
