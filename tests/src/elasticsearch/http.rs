//! HTTP/1.1 from the server's side, on bytes, since a test server must be able to do it wrong.

use super::encoding::{self, decoded, gzipped};
use nix::sys::socket::{setsockopt, sockopt};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

/// A head larger than this is no request's.
const HEAD: usize = 64 << 10;

/// A connection to a client.
pub struct Connection {
    stream: Stream,
    /// What was read and not taken
    buffer: Vec<u8>,
    /// Where it is read to
    piece: Box<[u8]>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

/// The first lines of a request.
#[derive(Clone, Debug)]
pub struct Head {
    pub method: String,
    /// Without the query
    pub path: String,
    /// `name=value` pairs, decoded
    pub query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Head {
    /// The first header of this name, which is to be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }
}

/// Why there is no body.
pub enum Unread {
    /// It is larger than allowed
    TooLarge,
    /// It is not what its encoding says
    Broken(String),
    Io(io::Error),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Connection {
    pub fn new(socket: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        let stream = match tls {
            None => Stream::Plain(socket),
            Some(config) => {
                let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
                Stream::Tls(Box::new(StreamOwned::new(connection, socket)))
            }
        };
        Ok(Self { stream, buffer: vec![], piece: vec![0; 64 << 10].into() })
    }

    /// The next request's head; none when the client has no more.
    pub fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut request = httparse::Request::new(&mut headers);
            let parsed = request.parse(&self.buffer).map_err(|error| invalid(&error.to_string()))?;
            if let httparse::Status::Complete(length) = parsed {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let target = request.path.unwrap_or_default();
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                let pairs = query.split('&').filter(|pair| !pair.is_empty());
                let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
                let head = Head {
                    method: request.method.unwrap_or_default().into(),
                    path: path.into(),
                    query: pairs.map(|(name, value)| (decoded(name), decoded(value))).collect(),
                    headers: request.headers.iter().map(|h| (h.name.to_lowercase(), text(h.value))).collect(),
                };
                self.buffer.drain(..length);
                return Ok(Some(head));
            }
            if self.buffer.len() > HEAD {
                return Err(invalid("the head does not end"));
            }
            if !self.more()? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// The body that belongs to `head`, decoded, and how many bytes came over the line for it.
    pub fn body(&mut self, head: &Head, most: usize) -> Result<(Vec<u8>, usize), Unread> {
        if head.header("expect").is_some_and(|expected| expected.eq_ignore_ascii_case("100-continue")) {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let raw = match (head.header("transfer-encoding"), head.header("content-length")) {
            (Some(_), Some(_)) => return Err(invalid("a length and an encoding").into()),
            (Some("chunked"), None) => self.chunks()?,
            (Some(other), None) => return Err(invalid(other).into()),
            (None, length) => {
                let length = length.map_or(Ok(0), str::parse).map_err(|_| invalid("the content's length"))?;
                self.exactly(length)?
            }
        };
        let length = raw.len();
        if length > most {
            return Err(Unread::TooLarge);
        }
        let body = match head.header("content-encoding").unwrap_or("identity") {
            "identity" => raw,
            "gzip" => encoding::gunzip(&raw, most).map_err(Unread::Broken)?,
            "zstd" => encoding::unzstd(&raw, most).map_err(Unread::Broken)?,
            other => return Err(Unread::Broken(format!("no such encoding: {other}"))),
        };
        if body.len() > most { Err(Unread::TooLarge) } else { Ok((body, length)) }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = vec![];
        loop {
            let size = self.line()?;
            let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16);
            let size = size.map_err(|_| invalid("a chunk's size"))?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.exactly(size)?);
            if !self.line()?.is_empty() {
                return Err(invalid("a chunk's end"));
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(|_| invalid("a line"));
            }
            if !self.more()? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            if !self.more()? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    fn more(&mut self) -> io::Result<bool> {
        let length = self.stream.read(&mut self.piece)?;
        self.buffer.extend(&self.piece[..length]);
        Ok(length > 0)
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Waits until the client, or the server's own end, closes the connection.
    pub fn until_gone(&mut self) {
        while matches!(self.more(), Ok(true)) {
            self.buffer.clear();
        }
    }

    /// Says that nothing more will come, and goes on listening.
    pub fn finish(&mut self) {
        let _ = self.socket().shutdown(Shutdown::Write);
    }

    /// Has the kernel say that the connection is broken, once it is dropped.
    pub fn reset_when_dropped(&mut self) {
        let now = libc::linger { l_onoff: 1, l_linger: 0 };
        let _ = setsockopt(self.socket(), sockopt::Linger, &now);
    }

    fn socket(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// What is to be answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, headers: vec![("content-type", "application/json".into())], body: body.to_string().into() }
    }

    /// As it goes over the line; compressed if the client asked for that.
    pub fn bytes(&self, head: &Head) -> Vec<u8> {
        let gzip = head.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip"));
        let mut headers = self.headers.clone();
        headers.push(("x-elastic-product", "Elasticsearch".into()));
        let body = if gzip && !self.body.is_empty() {
            headers.push(("content-encoding", "gzip".into()));
            gzipped(&self.body)
        } else {
            self.body.clone()
        };
        headers.push(("content-length", body.len().to_string()));
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>();
        let mut bytes =
            format!("HTTP/1.1 {} {}\r\n{}\r\n", self.status, reason(self.status), headers.concat()).into_bytes();
        if head.method != "HEAD" {
            bytes.extend(body);
        }
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        413 => "Request Entity Too Large",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Other",
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("no HTTP: {what}"))
}
