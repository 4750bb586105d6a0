//! Routes and mapped bodies, on the way through the running proxy.

mod bodies;
mod bounds;
mod failures;
mod filters;
mod mapping;
mod paths;
mod reload;
mod streams;
mod workers;

use e2e::launch::Launch;
use e2e::proxy::http::{Answer, Backend, Client, Proxy};
use e2e::sidecar::with;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

/// A file with one listener and the cluster `c`, all of it in YAML's flow style.
#[derive(Clone, Copy, Default)]
pub struct Text<'a> {
    pub routes: &'a str,
    pub http: &'a str,
    /// Of the cluster `c`, besides its endpoints
    pub cluster: &'a str,
    /// What else there is, a line each
    pub more: &'a str,
}

impl Text<'_> {
    pub fn file(&self, listen: SocketAddr, endpoints: &[SocketAddr]) -> String {
        let Self { routes, http, cluster, more } = self;
        let mut all = String::new();
        for endpoint in endpoints {
            let _ = write!(all, "'{endpoint}', ");
        }
        format!(
            "listeners: [{{listen: '{listen}', protocol: http, cluster: c, http: {{{http}}}, routes: [{routes}]}}]\n\
             clusters: {{c: {{{cluster}endpoints: [{all}]}}}}\n{more}\n"
        )
    }

    pub fn start(&self, endpoints: &[SocketAddr]) -> Proxy {
        self.launched(endpoints, |launch| launch)
    }

    pub fn launched(&self, endpoints: &[SocketAddr], how: impl FnOnce(Launch) -> Launch) -> Proxy {
        // What the end waits for is another test's.
        let end: [&dyn AsRef<std::ffi::OsStr>; 4] = [&"--quiet-for", &"0s", &"--drain-timeout", &"100ms"];
        Proxy::of(|listen| self.file(listen, endpoints), |launch| how(with(launch, &end)))
    }
}

/// A proxy with these routes to this upstream.
pub fn start(backend: &Backend, routes: &str) -> Proxy {
    Text { routes, http: "via: 'off'", ..Text::default() }.start(&[backend.address])
}

/// An upstream that answers everything with this body.
pub fn answering(kind: &'static str, body: &'static str) -> Backend {
    Backend::start(move |_, stream| stream.write_all(answer(kind, body).as_bytes()).is_ok())
}

/// An answer of 200.
pub fn answer(kind: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

pub const JSON: &str = "application/json";

/// A POST of this body, and its answer.
pub fn post(client: &mut Client, target: &str, body: impl AsRef<[u8]>) -> Answer {
    send(client, &format!("POST {target} HTTP/1.1\r\nHost: a\r\n"), body);
    client.answer()
}

/// Sends a request of these lines, which get the length of the body.
pub fn send(client: &mut Client, lines: &str, body: impl AsRef<[u8]>) {
    let body = body.as_ref();
    let mut request = format!("{lines}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    request.extend_from_slice(body);
    // Whether the proxy takes it is seen by its answer.
    let _ = client.stream.get_mut().write_all(&request);
}

/// The first value of a field of a head, by its name in lower case.
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    fields.into_iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// That an answer says what is wrong, in the form that programs read. Gives all of it.
pub fn problem(answer: &Answer, status: u16, kind: &str) -> serde_json::Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(field(&answer.head, "content-type"), Some("application/problem+json"), "{answer:?}");
    assert_eq!(field(&answer.head, "x-proxy-error"), Some(kind), "{answer:?}");
    let problem: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["type"], "about:blank", "{problem}");
    problem
}

/// Where an upstream waits until a test lets it go on.
pub struct Gate {
    come: Receiver<()>,
    go: Sender<()>,
}

/// The upstream's side of it.
pub struct Waiter {
    tell: Mutex<Sender<()>>,
    told: Mutex<Receiver<()>>,
}

pub fn gate() -> (Gate, Waiter) {
    let ((tell, come), (go, told)) = (channel(), channel());
    (Gate { come, go }, Waiter { tell: Mutex::new(tell), told: Mutex::new(told) })
}

impl Gate {
    /// Returns when the upstream is there.
    pub fn come(&self) {
        self.come.recv_timeout(e2e::process::DEADLINE).expect("it comes");
    }

    pub fn open(&self) {
        self.go.send(()).expect("it waits");
    }
}

impl Waiter {
    pub fn wait(&self) {
        let _ = self.tell.lock().expect("no handler panics").send(());
        let _ = self.told.lock().expect("no handler panics").recv();
    }
}

/// Writes some bytes, and says whether somebody took them.
pub fn say(stream: &mut TcpStream, bytes: &str) -> bool {
    stream.write_all(bytes.as_bytes()).is_ok()
}
