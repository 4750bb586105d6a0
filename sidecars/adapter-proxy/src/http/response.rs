//! The head of an answer: read with the same strictness as a request's, and written anew for the client.

use super::framing::{Bad, Body, length};
use super::names::{Name, list};
use super::request::{MOST_HEADERS, field};
use httparse::{Header, ParserConfig};
use std::mem::MaybeUninit;

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub body: Body,
    /// Whether the upstream's connection can take another request afterwards
    pub reusable: bool,
    /// Whether the end of the body can be told without the end of the connection
    pub delimited: bool,
    /// Whether the body is sent in chunks
    pub chunked: bool,
}

/// What of the request an answer depends on.
#[derive(Clone, Copy)]
pub struct Asked {
    pub is_head: bool,
    pub http10: bool,
    /// Whether the client's connection goes on afterwards
    pub keep_alive: bool,
    pub upgrade: bool,
}

/// Reads a whole head, and writes to `out` what the client gets.
///
/// # Errors
/// Why it is none.
pub fn parse(head: &[u8], asked: Asked, out: &mut Vec<u8>) -> Result<Response, Bad> {
    let mut headers = [const { MaybeUninit::uninit() }; MOST_HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    // The strictest that there is, which is the default.
    let read = ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, head, &mut headers);
    match read {
        // The parser takes empty lines before it. Here they are what is left of something else.
        Ok(httparse::Status::Complete(end)) if end == head.len() && head.starts_with(b"HTTP") => {}
        Ok(_) => return Err(Bad("its head does not begin and end where it should")),
        Err(httparse::Error::TooManyHeaders) => return Err(Bad("it has too many header fields")),
        Err(_) => return Err(Bad("its head is no HTTP/1.1")),
    }
    let (Some(status), Some(version)) = (parsed.code, parsed.version) else { return Err(Bad("it has no status")) };
    let mut fields = Fields::of(parsed.headers, version == 0)?;
    let is_upgrade = status == 101;
    if !(100..600).contains(&status) || is_upgrade && !(asked.upgrade && fields.upgrade.is_some()) {
        return Err(Bad("it has a status that makes no sense here"));
    }
    let is_interim = status < 200;
    // What is said to follow may come, and is no answer to the next request.
    let contradicts = status == 204 && fields.body.as_ref().is_some_and(|body| !body.has_ended());
    let (body, delimited) = match fields.body.take() {
        _ if is_interim || status == 204 || status == 304 || asked.is_head => (Body::NONE, true),
        Some(body) => (body, true),
        None => (Body::UntilClose, false),
    };
    let has_body = !(body.has_ended() && delimited);
    let chunked = has_body && fields.length.is_none() && !asked.http10;
    // Without either the client knows the end of the body by that of the connection.
    let closes = !is_interim && (!asked.keep_alive || has_body && fields.length.is_none() && !chunked);
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&head[9..12]);
    out.push(b' ');
    out.extend_from_slice(parsed.reason.unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    fields.write(parsed.headers, !is_interim && status != 204, out);
    if chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if is_upgrade {
        out.extend_from_slice(b"Connection: Upgrade\r\n");
        field(out, b"Upgrade", fields.upgrade.unwrap_or_default());
    } else if closes {
        out.extend_from_slice(b"Connection: close\r\n");
    } else if asked.http10 && !is_interim {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
    }
    out.extend_from_slice(b"\r\n");
    let persists = if version == 0 { fields.says("keep-alive") } else { !fields.says("close") };
    let reusable = persists && delimited && !is_upgrade && !contradicts;
    Ok(Response { status, body, reusable, delimited: !closes, chunked })
}

struct Fields<'a> {
    body: Option<Body>,
    connection: Vec<&'a [u8]>,
    upgrade: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn of(headers: &[Header<'a>], http10: bool) -> Result<Self, Bad> {
        let mut fields = Self { body: None, connection: vec![], upgrade: None, length: None };
        let mut chunked = false;
        for header in headers {
            let value = header.value;
            match Name::of(header.name) {
                Name::ContentLength if fields.length.is_some() => {
                    return Err(Bad("it has more than one Content-Length"));
                }
                Name::ContentLength => {
                    fields.body = Some(Body::Length(length(value)?));
                    fields.length = Some(value);
                }
                Name::TransferEncoding if chunked || http10 || !value.eq_ignore_ascii_case(b"chunked") => {
                    return Err(Bad("its Transfer-Encoding is something else than chunked, once, in HTTP/1.1"));
                }
                Name::TransferEncoding => chunked = true,
                Name::Connection => fields.connection.extend(list(value)),
                Name::Upgrade => fields.upgrade = Some(value),
                _ => {}
            }
        }
        if chunked && fields.length.is_some() {
            return Err(Bad("it has both Content-Length and Transfer-Encoding"));
        }
        if chunked {
            fields.body = Some(Body::chunked());
        }
        Ok(fields)
    }

    fn says(&self, option: &str) -> bool {
        self.connection.iter().any(|one| one.eq_ignore_ascii_case(option.as_bytes()))
    }

    fn write(&self, headers: &[Header], with_length: bool, out: &mut Vec<u8>) {
        for header in headers {
            match Name::of(header.name) {
                Name::Hop | Name::Connection | Name::TransferEncoding | Name::Upgrade => {}
                // RFC 9110, 8.6: there is none in an answer without content, whatever its sender thinks.
                Name::ContentLength if !with_length => {}
                Name::ContentLength => field(out, header.name.as_bytes(), header.value),
                _ if self.says(header.name) => {}
                _ => field(out, header.name.as_bytes(), header.value),
            }
        }
    }
}
