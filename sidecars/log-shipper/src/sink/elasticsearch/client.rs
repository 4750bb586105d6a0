//! One request, and its answer.

use super::answer::{Answer, Reader, explain};
use super::auth::Credentials;
use super::body::{Payload, Whole};
use super::connection::Connection;
use super::failure::{Failure, Kind, hint};
use super::retry::retry_after;
use super::tls::Trust;
use super::urls::Url;
use crate::config::Elasticsearch as Config;
use anyhow::Result;
use hyper::body::Incoming;
use hyper::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT,
};
use hyper::{Request, Response, StatusCode};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

const CONNECT: Duration = Duration::from_secs(10);

/// When it has failed to connect before. A kernel asks again each second, at first; later it would notice too late
/// that the sink is back.
const RECONNECT: Duration = Duration::from_secs(4);

/// Of the body that explains a status
const EXPLANATION: usize = 16 << 10;

const EXPLAINED_WITHIN: Duration = Duration::from_secs(1);

/// Of an explanation that is no JSON
const LINE: usize = 200;

const US: &str = concat!("log-shipper/", env!("CARGO_PKG_VERSION"));

pub struct Client {
    pub urls: Vec<Url>,
    /// For each URL, connections that wait for a request
    idle: Vec<Mutex<Vec<Connection>>>,
    credentials: Option<Credentials>,
    trust: Trust,
    timeout: Duration,
}

/// Events on their way.
#[derive(Clone, Copy)]
pub struct Bulk<'a> {
    /// From the server's root
    pub path: &'a str,
    /// Nobody else has it
    pub body: &'a Arc<Vec<u8>>,
    /// Of the body, from its beginning
    pub length: usize,
    pub encoding: Option<&'static str>,
    pub items: usize,
    pub own_ids: bool,
}

impl Client {
    /// # Errors
    /// When the configuration makes no sense.
    pub fn new(config: &Config) -> Result<Self> {
        let urls = config.urls.iter().map(|url| Url::parse(url)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            idle: urls.iter().map(|_| Mutex::default()).collect(),
            urls,
            credentials: config.auth.as_ref().map(Credentials::new),
            trust: Trust::new(&config.tls)?,
            timeout: config.timeout,
        })
    }

    /// Sends it once, and reads the answer. When this returns, or is dropped, nothing else has a hold on the body.
    /// `down` is whether one could not connect last time.
    ///
    /// # Errors
    /// When there is no answer for each item. What has become of them is not known.
    pub async fn send(&self, url: usize, bulk: Bulk<'_>, down: bool) -> Result<Answer, Failure> {
        let exchange = timeout(self.timeout, self.exchange(url, bulk, down)).await;
        let result = exchange.unwrap_or_else(|_| Err(Failure::timed_out(self.timeout)));
        if result.as_ref().is_err_and(Failure::is_this_url) {
            self.idle[url].lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        result
    }

    async fn exchange(&self, url: usize, bulk: Bulk<'_>, down: bool) -> Result<Answer, Failure> {
        let kept = self.idle[url].lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(connection) = kept.filter(Connection::is_fresh) {
            match self.exchange_on(connection, url, bulk).await {
                // A server may close a connection that has been quiet just when the next request comes.
                Err(failure) if failure.kind == Kind::Broken => {}
                result => return result,
            }
        }
        let connection = self.connect(&self.urls[url], down).await?;
        self.exchange_on(connection, url, bulk).await
    }

    async fn connect(&self, url: &Url, down: bool) -> Result<Connection, Failure> {
        if url.tls {
            self.trust.config().map_err(|error| Failure::unprepared(&error))?;
        }
        let limit = self.timeout.min(if down { RECONNECT } else { CONNECT });
        match timeout(limit, Connection::open(url, &self.trust)).await {
            Ok(connection) => connection.map_err(|error| Failure::unreachable(&error)),
            Err(_) => Err(Failure::new(Kind::Unreachable, format!("no connection within {limit:?}"))),
        }
    }

    async fn exchange_on(&self, mut connection: Connection, url: usize, bulk: Bulk<'_>) -> Result<Answer, Failure> {
        let mut response = connection.send(self.request(&self.urls[url], bulk)?).await?;
        let result = if response.status() == StatusCode::OK {
            Ok(read(&mut connection, response.body_mut(), bulk).await?)
        } else {
            let (failure, ended) = refused(&mut connection, response).await;
            if !ended {
                return Err(failure);
            }
            Err(failure)
        };
        // A server that answers before it has read everything leaves a connection that is of no more use.
        if Arc::strong_count(bulk.body) == 1 {
            self.idle[url].lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        result
    }

    fn request(&self, url: &Url, bulk: Bulk) -> Result<Request<Whole>, Failure> {
        let mut head = Request::post(url.target(bulk.path))
            .header(HOST, url.authority.clone())
            .header(USER_AGENT, US)
            .header(CONTENT_TYPE, "application/x-ndjson");
        if let Some(encoding) = bulk.encoding {
            head = head.header(CONTENT_ENCODING, encoding);
        }
        if let Some(credentials) = &self.credentials {
            head = head.header(AUTHORIZATION, credentials.header().map_err(|error| Failure::unprepared(&error))?);
        }
        let payload = Payload::new(bulk.body.clone(), bulk.length);
        head.body(Whole::new(payload)).map_err(|error| Failure::new(Kind::Unprepared, error.to_string()))
    }
}

async fn read(connection: &mut Connection, body: &mut Incoming, bulk: Bulk<'_>) -> Result<Answer, Failure> {
    let mut reader = Reader::new(bulk.items, bulk.own_ids);
    // The answer may have each event in it, and more than once.
    let mut room = bulk.length.saturating_mul(16).saturating_add(bulk.items * 1024 + (1 << 20));
    while let Some(bytes) = connection.read(body).await? {
        reader.feed(&bytes)?;
        room = room.checked_sub(bytes.len()).ok_or_else(|| Failure::new(Kind::Nonsense, "the answer has no end"))?;
    }
    Ok(reader.finish()?)
}

/// What another status than 200 means, and whether the whole answer has been read.
async fn refused(connection: &mut Connection, mut response: Response<Incoming>) -> (Failure, bool) {
    let status = response.status();
    let text = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let hint = hint(status.as_u16(), text(LOCATION));
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value, SystemTime::now()));
    let mut body = vec![];
    let explained = timeout(EXPLAINED_WITHIN, async {
        while let Some(bytes) = connection.read(response.body_mut()).await? {
            body.extend_from_slice(&bytes);
            if body.len() > EXPLANATION {
                return Ok(false);
            }
        }
        Ok::<_, Failure>(true)
    });
    let ended = matches!(explained.await, Ok(Ok(true)));
    let text = format!("it answers {status}{}{hint}", explanation(&body));
    (Failure { kind: Kind::Status(status.as_u16()), text, wait }, ended)
}

/// What Elasticsearch says of an error, or the first line of what something else says.
fn explanation(body: &[u8]) -> String {
    if let Ok(answer) = serde_json::from_slice::<Value>(body)
        && let Some(error) = answer.get("error")
    {
        let (kind, text) = explain(Some(error));
        let kind = if error.is_string() { "" } else { kind };
        return [kind, &text].iter().filter(|said| !said.is_empty()).flat_map(|said| [": ", said]).collect();
    }
    let text = String::from_utf8_lossy(&body[..body.len().min(LINE)]);
    match text.trim().lines().next() {
        Some(line) if !line.starts_with('<') => format!(": {line}"),
        _ => String::new(), // nothing, or HTML
    }
}
