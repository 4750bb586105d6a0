//! HTTP/1.1, over TCP or a Unix socket: a connection for each request.

use super::{Secrets, too_long};
use crate::config::metrics::Request;
use crate::exporter::fetched::Body;
use crate::http::framing::{self, Step};
use crate::http::response::{self, Asked};
use crate::http::scan::{Found, Scan};
use crate::stream::Stream;
use std::fmt::Write as _;

const LONGEST_HEAD: usize = 64 << 10;

const ASKED: Asked =
    Asked { is_head: false, sent_head: false, http10: false, keep_alive: false, upgrade: false, routed: None };

/// The body, or one for each name; a name that is not found has none.
pub async fn read(request: &Request, secrets: &Secrets, most: usize) -> Result<Body, String> {
    let (mut named, mut left) = (vec![], most);
    for name in &request.names {
        let path = request.path.replace("{name}", name);
        match get(request, &path, secrets, left).await? {
            (404, _) if !request.statuses.contains(&404) => {}
            (status, body) => {
                left -= body.len();
                named.push((name.clone(), fit(request, &path, status, body)?));
            }
        }
    }
    match (request.names.is_empty(), named.is_empty()) {
        (true, _) => {
            let (status, body) = get(request, &request.path, secrets, most).await?;
            fit(request, &request.path, status, body).map(Body::One)
        }
        (false, true) => Err(format!("{} {}: none of the names is there", request.method, request.path)),
        (false, false) => Ok(Body::Named(named)),
    }
}

fn fit(request: &Request, path: &str, status: u16, body: Vec<u8>) -> Result<Vec<u8>, String> {
    if request.statuses.contains(&status) {
        return Ok(body);
    }
    let mut text = format!("{} {path}: status {status}", request.method);
    if status == 401 || status == 403 {
        text.push_str("\nhint: `headers: {authorization: \"Bearer {token}\"}, secrets: {token: /run/secrets/token}`");
    }
    Err(text)
}

/// The status, and the body.
async fn get(request: &Request, path: &str, secrets: &Secrets, most: usize) -> Result<(u16, Vec<u8>), String> {
    let head = head(request, path, secrets)?;
    let failed = |wrong: String| format!("{} {path}: {wrong}", request.method);
    exchange(request, &head, most).await.map_err(failed)
}

async fn exchange(request: &Request, sent: &[u8], most: usize) -> Result<(u16, Vec<u8>), String> {
    let stream = Stream::connect(&request.place.address).await;
    let mut answer = Answer::of(stream.map_err(|error| format!("cannot connect: {error}"))?);
    answer.stream.write_all(sent).await.map_err(|error| error.to_string())?;
    let (status, framing) = loop {
        let parsed = answer.head().await?;
        // Those below are followed by another one.
        if parsed.status >= 200 {
            break (parsed.status, parsed.body);
        }
    };
    Ok((status, answer.body(framing, most).await?))
}

fn head(request: &Request, path: &str, secrets: &Secrets) -> Result<Vec<u8>, String> {
    let mut text = format!("{} {path} HTTP/1.1\r\n", request.method);
    let mut field = |name: &str, value: &str| write!(text, "{name}: {value}\r\n").unwrap_or_default();
    let own = [("host", request.place.host.as_str()), ("user-agent", "adapter-proxy"), ("accept", "*/*")];
    for (name, value) in own {
        if !request.headers.keys().any(|set| set.eq_ignore_ascii_case(name)) {
            field(name, value);
        }
    }
    for (name, value) in &request.headers {
        let value = secrets.fill(value)?;
        if value.bytes().any(|byte| byte < b' ' && byte != b'\t') {
            return Err(format!("the field `{name}` would have a line end in it\nhint: it is in a secret's file"));
        }
        field(name, &value);
    }
    let body = request.body.as_deref().map(|body| secrets.fill(body)).transpose()?;
    if body.is_some() || request.method != "GET" {
        field("content-length", &body.as_ref().map_or(0, String::len).to_string());
    }
    field("connection", "close");
    text.push_str("\r\n");
    text.push_str(body.as_deref().unwrap_or_default());
    Ok(text.into())
}

/// What comes back.
struct Answer {
    stream: Stream,
    read: Vec<u8>,
}

impl Answer {
    fn of(stream: Stream) -> Self {
        Self { stream, read: vec![] }
    }

    /// Reads more, and says whether there was some.
    async fn more(&mut self) -> Result<bool, String> {
        let mut buffer = [0; 8 << 10];
        let length = self.stream.read(&mut buffer).await.map_err(|error| error.to_string())?;
        self.read.extend_from_slice(buffer.get(..length).unwrap_or_default());
        Ok(length > 0)
    }

    async fn head(&mut self) -> Result<response::Response, String> {
        let mut scan = Scan::default();
        let end = loop {
            match scan.find(&self.read) {
                Found::End(end) => break end,
                Found::BareLf => return Err("a line of the answer ends in a bare LF".into()),
                Found::More if self.read.len() > LONGEST_HEAD => {
                    return Err("the head of the answer is too long".into());
                }
                Found::More => {}
            }
            if !self.more().await? {
                return Err("the connection was closed before an answer".into());
            }
        };
        let head: Vec<_> = self.read.drain(..end).collect();
        let parsed = response::parse(&head, ASKED, &mut vec![]);
        parsed.map_err(|bad| format!("the answer is no HTTP/1.1: {}", bad.0))
    }

    async fn body(&mut self, mut framing: framing::Body, most: usize) -> Result<Vec<u8>, String> {
        let mut body = vec![];
        loop {
            let step = framing.step(&self.read).map_err(|bad| format!("the body of the answer: {}", bad.0))?;
            match step {
                Step::Skip(count) => drop(self.read.drain(..count)),
                Step::Data(count) => {
                    if count > most - body.len() {
                        return Err(too_long(most));
                    }
                    body.extend(self.read.drain(..count));
                    framing.took(count);
                }
                Step::End => return Ok(body),
                Step::More => {
                    if !self.more().await? {
                        let whole = matches!(framing, framing::Body::UntilClose);
                        return if whole { Ok(body) } else { Err("the body of the answer is cut off".into()) };
                    }
                }
            }
        }
    }
}
