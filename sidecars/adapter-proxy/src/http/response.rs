//! The head of an answer: read with the same strictness as a request's, and written anew for the client.

use super::framing::{Bad, Body, length};
use super::names::{Name, list};
use super::reply::reason;
use super::request::{MOST_HEADERS, OF_BODIES, Routed, field};
use crate::config;
use crate::filter::{Coding, variables};
use crate::route::{Answered, Known, Route, Unfit, keep_one_type};
use httparse::{Header, ParserConfig};
use serde_json::Value;
use std::io::Write;
use std::mem::MaybeUninit;

#[derive(Debug)]
pub struct Response {
    /// Of the upstream
    pub status: u16,
    /// For the client
    pub sent_status: u16,
    /// What is left of it for the client
    pub body: Body,
    /// Whether the upstream's connection can take another request afterwards
    pub reusable: bool,
    /// Whether the end of the body can be told without the end of the connection
    pub delimited: bool,
    /// Whether the body is sent in chunks
    pub chunked: bool,
    /// Whether the client gets another body, which is still to be made
    pub mapped: Option<Mapped>,
    /// Why the client cannot get it
    pub unfit: Option<Unfit>,
}

/// What is known of an answer before its body is there. Its fields are written, without those that say how it is framed.
#[derive(Debug)]
pub struct Mapped {
    /// Which of the route's responses it is
    pub number: usize,
    /// How the body is packed; `None` when it is in a way that is not known
    pub coding: Option<Coding>,
    pub reason: String,
    /// The upstream's fields, where a filter names them
    pub headers: Value,
}

/// What of the request an answer depends on.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub is_head: bool,
    /// Whether the upstream was asked for a head only, too
    pub sent_head: bool,
    pub http10: bool,
    /// Whether the client's connection goes on afterwards
    pub keep_alive: bool,
    pub upgrade: bool,
    /// The route that took it
    pub routed: Option<(&'a Route, &'a Routed)>,
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
    let (mut body, delimited) = match fields.body.take() {
        _ if is_interim || status == 204 || status == 304 || asked.sent_head => (Body::NONE, true),
        Some(body) => (body, true),
        None => (Body::UntilClose, false),
    };
    let persists = if version == 0 { fields.says("keep-alive") } else { !fields.says("close") };
    let mut reusable = persists && delimited && !is_upgrade && !contradicts;
    let reply = asked.routed.filter(|_| !is_interim).and_then(|(route, routed)| Reply::of(route, routed, status));
    let sent_status = reply.as_ref().and_then(|reply| reply.response.set_status).unwrap_or(status);
    let mut has_body = !(body.has_ended() && delimited);
    if has_body && (asked.is_head || matches!(sent_status, 204 | 304)) {
        // It comes, and nobody is to have it.
        (body, reusable, has_body) = (Body::NONE, false, false);
    }
    let maps = reply.as_ref().is_some_and(|reply| reply.response.body.is_some()) && (has_body || asked.is_head);
    let reason = parsed.reason.filter(|_| sent_status == status).unwrap_or_else(|| reason(sent_status));
    let chunked = has_body && fields.length.is_none() && !asked.http10;
    // Without either the client knows the end of the body by that of the connection.
    let closes = !is_interim && (!asked.keep_alive || has_body && fields.length.is_none() && !chunked);
    let is_made = maps && has_body;
    if !is_made {
        let _ = write!(out, "HTTP/1.1 {sent_status} {reason}\r\n"); // a vector takes anything
    }
    // An answer that never has a body became one that might: its end is to be told.
    let emptied = !(is_interim || asked.is_head || matches!(sent_status, 204 | 304))
        && (matches!(status, 204 | 304) || asked.sent_head);
    let with_length = !(is_interim || sent_status == 204 || maps || emptied);
    let mut unfit = None;
    if let Some(reply) = &reply {
        unfit = reply.write(&mut fields, (status, parsed.headers), with_length, maps, out).err();
    } else {
        fields.write(parsed.headers, with_length, out);
    }
    let mut response =
        Response { status, sent_status, body, reusable, delimited: !closes, chunked, mapped: None, unfit };
    if let Some(reply) = reply.filter(|_| is_made) {
        response.mapped = Some(Mapped {
            number: reply.number,
            coding: fields.coding,
            reason: reason.into(),
            headers: reply.headers(parsed.headers),
        });
        return Ok(response);
    }
    if emptied {
        out.extend_from_slice(b"Content-Length: 0\r\n");
    } else if chunked {
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
    Ok(response)
}

/// What a route makes of an answer.
struct Reply<'a> {
    route: &'a Route,
    routed: &'a Routed,
    /// Which of the route's responses it is
    number: usize,
    response: &'a config::Response,
}

impl<'a> Reply<'a> {
    fn of(route: &'a Route, routed: &'a Routed, status: u16) -> Option<Self> {
        let mut responses = route.responses.iter().enumerate();
        let (number, response) = responses.find(|(_, response)| response.status.contains(status))?;
        Some(Self { route, routed, number, response })
    }

    fn headers(&self, headers: &[Header]) -> Value {
        let names = |body: &config::BodyMapping| body.variables.names().any(|name| name == "$response_headers");
        if self.response.body.as_ref().is_some_and(names) { variables::headers(headers) } else { Value::Null }
    }

    /// Writes the fields that the client gets; of a body that becomes another one, those that go with it.
    fn write(
        &self,
        fields: &mut Fields,
        (status, headers): (u16, &[Header]),
        with_length: bool,
        maps: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Unfit> {
        let stays = |header: &&Header| {
            let of_body = || OF_BODIES.iter().any(|name| header.name.eq_ignore_ascii_case(name));
            let of_parts = || header.name.eq_ignore_ascii_case("accept-ranges");
            !(fields.says(header.name) || maps && (of_body() || of_parts()))
        };
        let kept: Vec<Header> = headers.iter().filter(stays).copied().collect();
        fields.is_edited = true;
        let written = self.routed.again(self.route, |asked, parts| {
            let answer = Some(Answered { status, headers });
            let known = Known { asked: *asked, parts, answer };
            let reply = match self.response.reply(&known) {
                Ok(reply) => reply,
                Err(unfit) => return Some(Err(unfit)),
            };
            let mut sent = reply.headers.apply(kept.iter().copied());
            if maps {
                keep_one_type(&mut sent);
            }
            fields.write(&sent, with_length, out);
            Some(Ok(()))
        });
        written.unwrap_or_else(|| Err(Unfit("the request is not there any more".into())))
    }
}

struct Fields<'a> {
    body: Option<Body>,
    connection: Vec<&'a [u8]>,
    upgrade: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
    /// How the body is packed; `None` when it is in a way that is not known
    coding: Option<Coding>,
    /// What `Connection` names is out already, and what a route has put in is not to be
    is_edited: bool,
}

impl<'a> Fields<'a> {
    fn of(headers: &[Header<'a>], http10: bool) -> Result<Self, Bad> {
        let mut fields = Self {
            body: None,
            connection: vec![],
            upgrade: None,
            length: None,
            coding: Some(Coding::Identity),
            is_edited: false,
        };
        let (mut chunked, mut packings) = (false, 0);
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
                Name::Other if header.name.eq_ignore_ascii_case("content-encoding") => {
                    packings += 1;
                    fields.coding = Coding::of(value).filter(|_| packings == 1);
                }
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
                _ if !self.is_edited && self.says(header.name) => {}
                _ => field(out, header.name.as_bytes(), header.value),
            }
        }
    }
}
