//! The fields that mean something to a proxy.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Name {
    Connection,
    ContentLength,
    Expect,
    Forwarded,
    Host,
    /// Of one connection only, whatever `Connection` says: Keep-Alive, Proxy-Connection, the fields of a proxy's
    /// authentication, and what goes with an upgrade to HTTP/2, which nobody here would follow
    Hop,
    Te,
    TransferEncoding,
    Traceparent,
    Tracestate,
    Upgrade,
    Via,
    XForwardedFor,
    XForwardedHost,
    XForwardedProto,
    Other,
}

impl Name {
    pub fn of(name: &str) -> Self {
        // By its length first: most names are compared with nothing.
        let candidates: &[(&str, Self)] = match name.len() {
            2 => &[("te", Self::Te)],
            3 => &[("via", Self::Via)],
            4 => &[("host", Self::Host)],
            6 => &[("expect", Self::Expect)],
            7 => &[("upgrade", Self::Upgrade)],
            9 => &[("forwarded", Self::Forwarded)],
            10 => &[("connection", Self::Connection), ("keep-alive", Self::Hop), ("tracestate", Self::Tracestate)],
            11 => &[("traceparent", Self::Traceparent)],
            14 => &[("content-length", Self::ContentLength), ("http2-settings", Self::Hop)],
            15 => &[("x-forwarded-for", Self::XForwardedFor)],
            16 => &[("x-forwarded-host", Self::XForwardedHost), ("proxy-connection", Self::Hop)],
            17 => &[("transfer-encoding", Self::TransferEncoding), ("x-forwarded-proto", Self::XForwardedProto)],
            18 => &[("proxy-authenticate", Self::Hop)],
            19 => &[("proxy-authorization", Self::Hop)],
            _ => &[],
        };
        candidates.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or(Self::Other, |(_, known)| *known)
    }

    /// Whether a trailer may have it: not what says how a message is read, or where it goes (RFC 9110, 6.5.1).
    pub fn may_trail(name: &str) -> bool {
        let known = ["authorization", "cache-control", "content-encoding", "content-range", "content-type", "trailer"];
        Self::of(name) == Self::Other && !known.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The elements of a list, such as `close, TE`.
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Name, list};

    #[test]
    fn names_in_any_case() {
        assert_eq!(Name::of("Transfer-ENCODING"), Name::TransferEncoding);
        assert_eq!(Name::of("content-length"), Name::ContentLength);
        assert_eq!(Name::of("Content_Length"), Name::Other);
        assert_eq!(Name::of(""), Name::Other);
        assert!(Name::may_trail("x-checksum") && !Name::may_trail("Content-Length") && !Name::may_trail("TRAILER"));
    }

    #[test]
    fn lists() {
        assert_eq!(list(b" a ,, b,").collect::<Vec<_>>(), [b"a", b"b"]);
    }
}
