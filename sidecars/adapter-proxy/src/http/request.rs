//! The head of a request: read, checked, and written anew for whoever will answer it.

mod fields;
mod routed;

pub use routed::{OF_BODIES, Routed};

use super::framing::Body;
use super::routing::Routing;
use super::{ClientAddress, Refusal};
use crate::config::Http;
use crate::route::Asked;
use fields::Fields;
use httparse::Error;
use routed::Taken;
use std::mem::MaybeUninit;

/// What the proxy needs to know of it.
#[derive(Debug)]
pub struct Request {
    pub is_head: bool,
    /// Whether the upstream is asked for a head only, too
    pub sent_head: bool,
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
    /// The route that takes it, if one does
    pub routed: Option<Box<Routed>>,
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

/// Reads a whole head, and writes to `out` what is sent upstream: without the empty line, where a body is put behind it
/// that is still to be made.
///
/// # Errors
/// Why it is refused. Nothing that could be read in two ways is sent on.
pub fn parse(
    head: &[u8],
    settings: &Http,
    client: &ClientAddress,
    routing: &Routing,
    out: &mut Vec<u8>,
) -> Result<Request, Refusal> {
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
    let host = fields.host.unwrap_or_default();
    let asked = Asked::new(method, std::str::from_utf8(host).unwrap_or_default(), target, parsed.headers);
    let taken = Taken::of(head, &asked, routing)?;
    let rewrite = taken.as_ref().map(|taken| &taken.rewrite);
    let sent_method = taken.as_ref().map_or(method, |taken| taken.method(method));
    out.extend_from_slice(sent_method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(rewrite.and_then(|rewrite| rewrite.target.as_deref()).unwrap_or(target).as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let sent_host = rewrite.and_then(|rewrite| rewrite.host).or(settings.host.as_deref());
    field(out, b"Host", sent_host.map_or(host, str::as_bytes));
    let edited = taken.as_ref().map(|taken| taken.headers(parsed.headers, &fields.connection));
    if let Some(taken) = &taken {
        fields.is_mapped = taken.maps_body();
        fields.is_edited = true;
    }
    let trace = fields.write(edited.as_deref().unwrap_or(parsed.headers), settings, client, out);
    if !fields.is_mapped {
        out.extend_from_slice(b"\r\n");
    }
    Ok(Request {
        is_head: method == "HEAD",
        http10: version == 0,
        keep_alive: fields.keep_alive(version == 0),
        idempotent: settings.retries.methods.iter().any(|one| one == sent_method),
        safe: matches!(sent_method, "GET" | "HEAD" | "OPTIONS" | "TRACE"),
        upgrade: fields.upgrade().map(<[u8]>::to_vec),
        expects: fields.expects,
        body: fields.body,
        line: trace.map(|trace| Line { method: method.into(), target: target.into(), trace }),
        sent_head: sent_method == "HEAD",
        routed: taken.map(|taken| Box::new(taken.routed)),
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
