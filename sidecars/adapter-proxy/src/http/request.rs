//! The head of a request: read, checked, and written anew for whoever will answer it.

use super::framing::{Bad, Body, length};
use super::names::{Name, list};
use super::trace;
use super::{ClientAddress, Refusal};
use crate::config::{Forward, Http};
use httparse::{Error, Header};
use std::io::Write;
use std::mem::MaybeUninit;

/// What the proxy needs to know of it.
#[derive(Debug)]
pub struct Request {
    pub is_head: bool,
    pub http10: bool,
    /// Whether the client would send another one
    pub keep_alive: bool,
    pub body: Body,
    /// Whether the client waits for `100 Continue` before it sends that
    pub expects: bool,
    /// Whether it may be done twice: by its method, or because the configuration says so
    pub idempotent: bool,
    /// Whether it only asks (RFC 9110, 9.2.1): it may be done twice at the same time, and in any order
    pub safe: bool,
    /// What it asks the connection to become
    pub upgrade: Option<Vec<u8>>,
    /// For the access log
    pub line: Option<Line>,
}

#[derive(Debug)]
pub struct Line {
    pub method: String,
    pub target: String,
    pub trace: String,
}

/// The most that the configuration can ask for.
pub const MOST_HEADERS: usize = 256;

/// Reads a whole head, and writes to `out` what is sent upstream.
///
/// # Errors
/// Why it is refused. Nothing that could be read in two ways is sent on.
pub fn parse(head: &[u8], settings: &Http, client: &ClientAddress, out: &mut Vec<u8>) -> Result<Request, Refusal> {
    let mut headers = [const { MaybeUninit::uninit() }; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut []);
    match parsed.parse_with_uninit_headers(head, &mut headers[..settings.max_headers.min(MOST_HEADERS)]) {
        Ok(httparse::Status::Complete(end)) if end == head.len() => {}
        Ok(_) => return Err(Refusal(400, "the head does not end where it should")),
        Err(Error::TooManyHeaders) => return Err(Refusal(431, "there are too many header fields")),
        Err(Error::Version) => return Err(Refusal(400, "the version is not HTTP/1.0 or HTTP/1.1")),
        Err(Error::HeaderName) => return Err(Refusal(400, "the name of a header field is wrong")),
        Err(Error::HeaderValue) => return Err(Refusal(400, "the value of a header field is wrong")),
        Err(_) => return Err(Refusal(400, "the request line is wrong")),
    }
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(Refusal(400, "the request line is wrong"));
    };
    let mut fields = Fields::of(parsed.headers, version == 0)?;
    let (authority, target) = split(method, target)?;
    // It is the target that says so, where it does (RFC 9112, 3.2.2).
    fields.host = authority.map(str::as_bytes).or(fields.host);
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let host = settings.host.as_deref().map(str::as_bytes).or(fields.host);
    field(out, b"Host", host.unwrap_or_default());
    let trace = fields.write(parsed.headers, settings, client, out);
    out.extend_from_slice(b"\r\n");
    Ok(Request {
        is_head: method == "HEAD",
        http10: version == 0,
        keep_alive: fields.keep_alive(version == 0),
        idempotent: settings.retries.methods.iter().any(|one| one == method),
        safe: matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE"),
        upgrade: fields.upgrade().map(<[u8]>::to_vec),
        expects: fields.expects,
        body: fields.body,
        line: trace.map(|trace| Line { method: method.into(), target: target.into(), trace }),
    })
}

/// A field, as it is sent.
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The host that the target names, and what is left of it for who is that host (RFC 9112, 3.2).
fn split<'a>(method: &str, target: &'a str) -> Result<(Option<&'a str>, &'a str), Refusal> {
    if method == "CONNECT" {
        return Err(Refusal(405, "this is no tunnel"));
    }
    if !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Refusal(400, "the target has a character that it must not have"));
    }
    if target.starts_with('/') || method == "OPTIONS" && target == "*" {
        return Ok((None, target));
    }
    let scheme = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"));
    let rest = scheme.and_then(|_| target.get(7..)).ok_or(Refusal(400, "the target is no path"))?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if authority.is_empty() || authority.starts_with(':') || !is_host(authority.as_bytes()) {
        return Err(Refusal(400, "the target names no host"));
    }
    match path {
        "" if method == "OPTIONS" => Ok((Some(authority), "*")),
        "" => Ok((Some(authority), "/")),
        // `http://host?query` would need a slash that is not there.
        path if path.starts_with('?') => Err(Refusal(400, "the target has no path")),
        path => Ok((Some(authority), path)),
    }
}

/// A name or an address, IPv6 in brackets, and perhaps a port.
fn is_host(host: &[u8]) -> bool {
    let is_of =
        |bytes: &[u8], more: &[u8]| bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || more.contains(byte));
    let bracketed = host.strip_prefix(b"[").and_then(|rest| Some(rest.split_at(memchr::memchr(b']', rest)?)));
    let (is_name, port) = if let Some((address, rest)) = bracketed {
        (is_of(address, b":.-_~%"), &rest[1..])
    } else {
        let (name, port) = host.split_at(memchr::memchr(b':', host).unwrap_or(host.len()));
        (is_of(name, b"-._~!$&'()*+;=%"), port)
    };
    is_name && (port.is_empty() || port[0] == b':' && port[1..].iter().all(u8::is_ascii_digit))
}

/// What the fields say of the message as such.
struct Fields<'a> {
    host: Option<&'a [u8]>,
    body: Body,
    /// All that `Connection` names
    connection: Vec<&'a [u8]>,
    upgrade: Option<&'a [u8]>,
    expects: bool,
    trailers: bool,
    length: Option<&'a [u8]>,
    chunked: bool,
}

impl<'a> Fields<'a> {
    fn of(headers: &[Header<'a>], http10: bool) -> Result<Self, Refusal> {
        let mut fields = Self {
            host: None,
            body: Body::NONE,
            connection: vec![],
            upgrade: None,
            expects: false,
            trailers: false,
            length: None,
            chunked: false,
        };
        for header in headers {
            let value = header.value;
            match Name::of(header.name) {
                Name::Host if fields.host.is_some() => return Err(Refusal(400, "there is more than one Host")),
                Name::Host if !is_host(value) => return Err(Refusal(400, "Host is no host")),
                Name::Host => fields.host = Some(value),
                Name::ContentLength if fields.length.is_some() => {
                    return Err(Refusal(400, "there is more than one Content-Length"));
                }
                Name::ContentLength => {
                    fields.body = Body::Length(length(value).map_err(|Bad(why)| Refusal(400, why))?);
                    fields.length = Some(value);
                }
                Name::TransferEncoding if fields.chunked || http10 || !value.eq_ignore_ascii_case(b"chunked") => {
                    return Err(Refusal(400, "Transfer-Encoding is something else than chunked, once, in HTTP/1.1"));
                }
                Name::TransferEncoding => fields.chunked = true,
                Name::Connection => fields.connection.extend(list(value)),
                Name::Upgrade if !http10 => fields.upgrade = Some(value),
                Name::Expect if value.eq_ignore_ascii_case(b"100-continue") => fields.expects = !http10,
                Name::Expect => return Err(Refusal(417, "Expect is something else than 100-continue")),
                Name::Te => fields.trailers |= list(value).any(|one| one.eq_ignore_ascii_case(b"trailers")),
                _ => {}
            }
        }
        if fields.host.is_none() && !http10 {
            return Err(Refusal(400, "there is no Host"));
        }
        if fields.chunked && fields.length.is_some() {
            return Err(Refusal(400, "there are both Content-Length and Transfer-Encoding"));
        }
        if fields.chunked {
            fields.body = Body::chunked();
        }
        Ok(fields)
    }

    fn says(&self, option: &str) -> bool {
        self.connection.iter().any(|one| one.eq_ignore_ascii_case(option.as_bytes()))
    }

    fn keep_alive(&self, http10: bool) -> bool {
        !self.says("close") && (!http10 || self.says("keep-alive"))
    }

    /// What the connection is to become. HTTP/2 is nothing that could be looked into afterwards, and a body would be in
    /// the way: then the request is answered as if it had not asked.
    fn upgrade(&self) -> Option<&'a [u8]> {
        let is_http2 =
            |value: &[u8]| list(value).any(|one| one.get(..2).is_some_and(|one| one.eq_ignore_ascii_case(b"h2")));
        self.upgrade.filter(|value| self.says("upgrade") && self.body.has_ended() && !self.chunked && !is_http2(value))
    }

    /// All that is sent on; and the trace that it is part of, if that is to be logged.
    fn write(&self, headers: &[Header], settings: &Http, client: &ClientAddress, out: &mut Vec<u8>) -> Option<String> {
        let (forwards, replaced) = (settings.x_forwarded, |forward| forward == Forward::Replace);
        let (mut seen_for, mut via, mut forwarded, mut trace) = (vec![], vec![], vec![], None);
        for header in headers {
            let value = header.value;
            match Name::of(header.name) {
                Name::Host | Name::Hop | Name::Connection | Name::Te | Name::TransferEncoding | Name::Upgrade => {}
                Name::Expect if !self.expects => {}
                Name::Via if settings.via.is_some() => join(&mut via, value),
                Name::XForwardedFor if forwards == Forward::Append => join(&mut seen_for, value),
                Name::XForwardedFor | Name::XForwardedHost | Name::XForwardedProto if replaced(forwards) => {}
                // The first proxy knows them, and it was not this one.
                Name::Forwarded if settings.forwarded == Forward::Append => join(&mut forwarded, value),
                Name::Forwarded if replaced(settings.forwarded) => {}
                Name::Traceparent if settings.logs() && (trace.is_some() || !trace::is_one(value)) => {}
                name => {
                    if name == Name::Traceparent {
                        trace = Some(value);
                    }
                    // What `Connection` names is for this hop alone; but how the message is read, it cannot change.
                    if name == Name::ContentLength || !self.says(header.name) {
                        field(out, header.name.as_bytes(), value);
                    }
                }
            }
        }
        if self.chunked {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        if let Some(upgrade) = self.upgrade() {
            out.extend_from_slice(b"Connection: Upgrade\r\n");
            field(out, b"Upgrade", upgrade);
        } else if self.trailers {
            out.extend_from_slice(b"Connection: TE\r\nTE: trailers\r\n");
        }
        if let Some(name) = &settings.via {
            join(&mut via, b"1.1 ");
            via.extend_from_slice(name.as_bytes());
            field(out, b"Via", &via);
        }
        self.forward(headers, settings, client, (seen_for, forwarded), out);
        settings.logs().then(|| {
            let made;
            let trace = if let Some(trace) = trace {
                trace
            } else {
                made = trace::new();
                field(out, b"traceparent", made.as_bytes());
                made.as_bytes()
            };
            String::from_utf8_lossy(trace.get(3..35).unwrap_or_default()).into_owned()
        })
    }

    /// Who asked, and how.
    fn forward(
        &self,
        headers: &[Header],
        settings: &Http,
        client: &ClientAddress,
        (mut seen_for, mut forwarded): (Vec<u8>, Vec<u8>),
        out: &mut Vec<u8>,
    ) {
        let host = self.host.unwrap_or_default();
        if settings.x_forwarded != Forward::Off {
            let is_new = |name| {
                settings.x_forwarded == Forward::Replace || !headers.iter().any(|one| Name::of(one.name) == name)
            };
            join(&mut seen_for, client.plain.as_bytes());
            field(out, b"X-Forwarded-For", &seen_for);
            if is_new(Name::XForwardedProto) {
                field(out, b"X-Forwarded-Proto", b"http");
            }
            if is_new(Name::XForwardedHost) && !host.is_empty() {
                field(out, b"X-Forwarded-Host", host);
            }
        }
        if settings.forwarded != Forward::Off {
            join(&mut forwarded, b"");
            // RFC 7239, 4: what is no token is quoted, and `is_host` lets no quote through.
            let _ = write!(forwarded, "for={};host=\"{}\";proto=http", client.quoted, String::from_utf8_lossy(host));
            field(out, b"Forwarded", &forwarded);
        }
    }
}

/// One more element of a list.
fn join(to: &mut Vec<u8>, element: &[u8]) {
    if !to.is_empty() {
        to.extend_from_slice(b", ");
    }
    to.extend_from_slice(element);
}
