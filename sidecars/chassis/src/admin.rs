//! The admin endpoint: `/livez`, `/readyz`, `/metrics`, and pages of a program's own. It is for whoever can reach it, so
//! it is on 127.0.0.1 unless told otherwise, it changes nothing but what a program has asked for, and what it costs is
//! bounded.

mod address;
mod connections;

pub use address::Address;

use anyhow::Result;
use connections::Connections;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, ORIGIN};
use hyper::{Method, Request, Response, StatusCode};
use std::future::pending;
use std::io::ErrorKind;
use std::net;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the endpoint tells about a program. It is asked on the program's one thread, so it answers at once.
pub trait Service {
    /// Whether the program can do its part, whatever becomes of those it talks to.
    ///
    /// # Errors
    /// Why it cannot, in one line.
    fn ready(&self) -> Result<(), String>;

    /// What [`crate::exposition::Exposition`] writes.
    fn metrics(&self) -> String;

    /// What else there is; `path` begins with a slash and is not decoded.
    fn page(&self, path: &str) -> Option<Page> {
        let _ = path;
        None
    }

    /// The paths of all of these.
    fn pages(&self) -> &'static [&'static str] {
        &[]
    }

    /// Does what a POST of `path` is for, and tells that in a line; `None` when that does nothing, as by default. What
    /// comes with the request is not read.
    fn post(&self, path: &str) -> Option<String> {
        let _ = path;
        None
    }
}

pub struct Page {
    pub content_type: &'static str,
    pub body: String,
}

/// Takes the port; `None` for `off`. Within a runtime.
///
/// # Errors
/// When the address is in use, or none of this pod's.
pub fn bind(address: Address) -> Result<Option<TcpListener>> {
    let Address::At(address) = address else { return Ok(None) };
    let listen = || {
        let listener = net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    let listener = listen().map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => {
                "\nhint: the containers of a pod share its ports: choose another one with `--admin`"
            }
            ErrorKind::AddrNotAvailable => "\nhint: `--admin` takes an address of this pod, or 0.0.0.0 for all of them",
            ErrorKind::PermissionDenied => "\nhint: choose a port from 1024 on with `--admin`",
            _ => "\nhint: choose another address with `--admin`, or `off`",
        };
        anyhow::Error::new(error).context(format!("cannot listen on {address}{hint}"))
    });
    listener.map(Some)
}

/// Answers, for ever, if there is something to listen on. Dropping it closes all connections.
pub async fn serve<S: Service + ?Sized + 'static>(listener: Option<TcpListener>, service: Rc<S>) {
    let Some(listener) = listener else { return pending().await };
    let tasks = LocalSet::new();
    let accept = async {
        let mut connections = Connections::default();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let service = service.clone();
                    connections.add(stream, move |request| answer(&*service, request));
                    // It reads what is there before the next one may take its place.
                    tokio::task::yield_now().await;
                }
                // Gone again, or there is no descriptor left: it will be the same at once, but not for ever.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    };
    tasks.run_until(accept).await;
}

fn answer<S: Service + ?Sized>(service: &S, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    match *request.method() {
        Method::GET | Method::HEAD => {}
        // A browser says so when a page of somebody else's has it ask.
        Method::POST if request.headers().contains_key(ORIGIN) => {
            return response(StatusCode::FORBIDDEN, TEXT, "not for browsers\n");
        }
        Method::POST if let Some(done) = service.post(request.uri().path()) => {
            return response(StatusCode::OK, TEXT, done);
        }
        _ => {
            let mut refusal = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
            refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refusal;
        }
    }
    match request.uri().path() {
        "/livez" => response(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" => match service.ready() {
            Ok(()) => response(StatusCode::OK, TEXT, "ok\n"),
            Err(reason) => response(StatusCode::SERVICE_UNAVAILABLE, TEXT, reason + "\n"),
        },
        "/metrics" => response(StatusCode::OK, METRICS, service.metrics()),
        path => service.page(path).map_or_else(
            || {
                let known = [&["/livez", "/readyz", "/metrics"], service.pages()].concat().join(", ");
                response(StatusCode::NOT_FOUND, TEXT, format!("there are {known}\n"))
            },
            |page| response(StatusCode::OK, page.content_type, page.body),
        ),
    }
}

fn response(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
