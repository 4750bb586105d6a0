//! What the fields of a request's head say, and those that are sent on.

use super::super::framing::{Bad, Body, length};
use super::super::names::{Name, list};
use super::super::trace;
use super::super::{ClientAddress, Refusal};
use super::{field, is_host};
use crate::config::{Forward, Http};
use httparse::Header;
use std::io::Write;

/// What the fields say of the message as such.
pub struct Fields<'a> {
    pub host: Option<&'a [u8]>,
    pub body: Body,
    /// All that `Connection` names
    pub connection: Vec<&'a [u8]>,
    upgrade: Option<&'a [u8]>,
    pub expects: bool,
    trailers: bool,
    length: Option<&'a [u8]>,
    chunked: bool,
    /// The body is sent on as another one, whose length is not known yet
    pub is_mapped: bool,
    /// What `Connection` names is out already, and what a route has put in is not to be
    pub is_edited: bool,
}

impl<'a> Fields<'a> {
    pub fn of(headers: &[Header<'a>], http10: bool) -> Result<Self, Refusal> {
        let mut fields = Self {
            host: None,
            body: Body::NONE,
            connection: vec![],
            upgrade: None,
            expects: false,
            trailers: false,
            length: None,
            chunked: false,
            is_mapped: false,
            is_edited: false,
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

    pub fn keep_alive(&self, http10: bool) -> bool {
        !self.says("close") && (!http10 || self.says("keep-alive"))
    }

    /// What the connection is to become. HTTP/2 is nothing that could be looked into afterwards, and a body would be in
    /// the way: then the request is answered as if it had not asked.
    pub fn upgrade(&self) -> Option<&'a [u8]> {
        let is_http2 =
            |value: &[u8]| list(value).any(|one| one.get(..2).is_some_and(|one| one.eq_ignore_ascii_case(b"h2")));
        self.upgrade.filter(|value| self.says("upgrade") && self.body.has_ended() && !self.chunked && !is_http2(value))
    }

    /// All of `headers` that is sent on; and the trace that it is part of, if that is to be logged.
    pub fn write(
        &self,
        headers: &[Header],
        settings: &Http,
        client: &ClientAddress,
        out: &mut Vec<u8>,
    ) -> Option<String> {
        let (forwards, replaced) = (settings.x_forwarded, |forward| forward == Forward::Replace);
        let (mut seen_for, mut via, mut forwarded) = (vec![], vec![], vec![]);
        let trace = settings.logs().then(|| trace::of(headers));
        for header in headers {
            let value = header.value;
            match Name::of(header.name) {
                Name::Host | Name::Hop | Name::Connection | Name::Te | Name::TransferEncoding | Name::Upgrade => {}
                Name::Expect if !self.expects || self.is_mapped => {}
                Name::ContentLength if self.is_mapped => {}
                Name::Via if settings.via.is_some() => join(&mut via, value),
                Name::XForwardedFor if forwards == Forward::Append => join(&mut seen_for, value),
                Name::XForwardedFor | Name::XForwardedHost | Name::XForwardedProto if replaced(forwards) => {}
                // The first proxy knows them, and it was not this one.
                Name::Forwarded if settings.forwarded == Forward::Append => join(&mut forwarded, value),
                Name::Forwarded if replaced(settings.forwarded) => {}
                Name::Traceparent | Name::Tracestate if trace == Some(None) => {}
                name => {
                    // What `Connection` names is for this hop alone; but how the message is read, it cannot change.
                    if name == Name::ContentLength || self.is_edited || !self.says(header.name) {
                        field(out, header.name.as_bytes(), value);
                    }
                }
            }
        }
        if self.chunked && !self.is_mapped {
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
        trace.map(|trace| {
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
