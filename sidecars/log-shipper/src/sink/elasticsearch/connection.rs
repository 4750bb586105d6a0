//! A connection to one URL, which is kept for the next request.

use super::body::Whole;
use super::failure::Failure;
use super::tls::Trust;
use super::urls::Url;
use super::wire::{Stream, Wire};
use anyhow::{Context, Result, anyhow};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// What is between us and the sink forgets connections that are quiet for long, most often after 60 s, and tells
/// neither end.
const QUIET: Duration = Duration::from_secs(30);

/// Memory for what is read, an answer's head included
const BUFFER: usize = 16 << 10;

/// It is driven by whoever waits for something of it; there is no task that would outlive a dropped request.
pub struct Connection {
    requests: SendRequest<Whole>,
    driver: Driver,
    used: Instant,
}

type Driver = Option<Pin<Box<http1::Connection<TokioIo<Wire>, Whole>>>>;

impl Connection {
    /// # Errors
    /// When there is nobody, or not who is trusted.
    pub async fn open(url: &Url, trust: &Trust) -> Result<Self> {
        let stream = TcpStream::connect((url.host.as_str(), url.port)).await.context("cannot connect")?;
        // A request is written at once, but the last bit of a body must not wait for the answer to the one before.
        stream.set_nodelay(true).context("cannot connect")?;
        let stream =
            if url.tls { Stream::Tls(Box::new(secure(stream, url, trust).await?)) } else { Stream::Plain(stream) };
        let mut builder = http1::Builder::new();
        let handshake = builder.read_buf_exact_size(Some(BUFFER)).handshake(TokioIo::new(Wire::new(stream)));
        let (requests, driver) = handshake.await.context("cannot connect")?;
        Ok(Self { requests, driver: Some(Box::pin(driver)), used: Instant::now() })
    }

    /// Whether it can be expected to work.
    pub fn is_fresh(&self) -> bool {
        self.used.elapsed() < QUIET
    }

    /// # Errors
    /// When it has ended.
    pub async fn send(&mut self, request: Request<Whole>) -> Result<Response<Incoming>, Failure> {
        let broken = |error: hyper::Error| Failure::broken(&error);
        drive(&mut self.driver, self.requests.ready()).await.map_err(broken)?;
        drive(&mut self.driver, self.requests.send_request(request)).await.map_err(broken)
    }

    /// The next piece of an answer's body; nothing at its end.
    ///
    /// # Errors
    /// When the connection ends before the body does.
    pub async fn read(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
        loop {
            match drive(&mut self.driver, body.frame()).await {
                None => {
                    self.used = Instant::now();
                    return Ok(None);
                }
                Some(Ok(frame)) => {
                    // Trailers say nothing to us.
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(error)) => return Err(Failure::broken(&error)),
            }
        }
    }
}

/// Waits for something that comes through a connection. One that has ended lets go of all it had.
async fn drive<F: Future>(driver: &mut Driver, awaited: F) -> F::Output {
    let mut awaited = pin!(awaited);
    poll_fn(|cx| {
        if let Some(connection) = driver
            && connection.as_mut().poll(cx).is_ready()
        {
            *driver = None;
        }
        awaited.as_mut().poll(cx)
    })
    .await
}

async fn secure(stream: TcpStream, url: &Url, trust: &Trust) -> Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let name =
        ServerName::try_from(url.host.clone()).map_err(|_| anyhow!("`{}` cannot be in a certificate", url.host))?;
    let connector = TlsConnector::from(trust.config()?);
    connector.connect(name, stream).await.map_err(|error| {
        let certificate = matches!(tls_error(&error), Some(rustls::Error::InvalidCertificate(_)));
        let hint = if certificate { "\nhint: see `tls`: `verify: ca` and `ca-file` name a CA of your own" } else { "" };
        anyhow::Error::new(error).context(format!("no TLS{hint}"))
    })
}

fn tls_error(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
