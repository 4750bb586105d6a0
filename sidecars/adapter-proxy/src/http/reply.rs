//! Answers that are written here, as a whole.

use std::io::Write;

pub struct Reply<'a> {
    pub status: u16,
    /// What the status is called, where that is known better than here
    pub reason: Option<&'a [u8]>,
    /// Lines of the head, each with its end
    pub fields: &'a [u8],
    pub body: &'a [u8],
}

/// What of the request, and of the connection, it depends on.
#[derive(Clone, Copy)]
pub struct Manner {
    pub is_head: bool,
    pub http10: bool,
    /// The connection ends with it
    pub closes: bool,
}

impl Reply<'_> {
    /// All bytes of it.
    pub fn write(&self, manner: Manner, out: &mut Vec<u8>) {
        let reason = self.reason.unwrap_or_else(|| reason(self.status).as_bytes());
        // A vector takes anything.
        let _ = write!(out, "HTTP/1.1 {} ", self.status);
        out.extend_from_slice(reason);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.fields);
        let has_body = !matches!(self.status, 204 | 304);
        if has_body {
            let _ = write!(out, "Content-Length: {}\r\n", self.body.len());
        }
        out.extend_from_slice(manner.connection());
        out.extend_from_slice(b"\r\n");
        if has_body && !manner.is_head {
            out.extend_from_slice(self.body);
        }
    }
}

impl Manner {
    /// The line that says what becomes of the connection, if one has to.
    pub fn connection(self) -> &'static [u8] {
        match self {
            Self { closes: true, .. } => b"Connection: close\r\n",
            Self { http10: true, .. } => b"Connection: keep-alive\r\n",
            _ => b"",
        }
    }
}

/// What a status is called (RFC 9110, 15).
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        200..300 => "Success",
        300..400 => "Redirection",
        _ => "Error",
    }
}
