//! HTTP byte by byte: upstreams that answer what a test says and remember what they got, and clients that send anything.

use crate::launch::Launch;
use crate::process::until;
use crate::proxy::{Place, launch};
use crate::sidecar::{Sidecar, free_port, with};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as an upstream got it.
#[derive(Clone, Debug)]
pub struct Request {
    /// With the empty line that ends it
    pub head: String,
    /// With its framing
    pub body: String,
    /// Which of the upstream's connections it came on, from 0
    pub connection: usize,
}

/// An upstream whose every connection is one thread.
pub struct Backend {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    closed: Arc<AtomicUsize>,
}

/// What answers a request: `false` closes the connection.
pub type Handler = dyn Fn(&Request, &mut TcpStream) -> bool + Send + Sync;

impl Backend {
    pub fn start(handler: impl Fn(&Request, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), handler)
    }

    /// # Panics
    /// If somebody has that port.
    pub fn at(address: SocketAddr, handler: impl Fn(&Request, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("a port");
        let seen = Arc::new(Mutex::new(vec![]));
        let closed = Arc::new(AtomicUsize::new(0));
        let (handler, all, gone): (Arc<Handler>, _, _) = (Arc::new(handler), seen.clone(), closed.clone());
        // It ends with the process: there is nobody to tell it earlier.
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let (handler, all, gone) = (handler.clone(), all.clone(), gone.clone());
                thread::spawn(move || {
                    converse(&*handler, &all, number, stream);
                    gone.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        Self { address, seen, closed }
    }

    /// One that always answers the same bytes.
    pub fn answering(answer: &'static str) -> Self {
        Self::start(move |_, stream| stream.write_all(answer.as_bytes()).is_ok())
    }

    /// Connections that it has closed. On loopback the other side knows by then.
    pub fn closed(&self) -> usize {
        self.closed.load(Ordering::Relaxed)
    }

    /// # Panics
    /// If a handler did.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("no handler panics").clone()
    }
}

fn converse(handler: &Handler, all: &Mutex<Vec<Request>>, connection: usize, stream: TcpStream) {
    let (Ok(mut writer), Ok(())) = (stream.try_clone(), stream.set_nodelay(true)) else { return };
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match reader.read_line(&mut head) {
                Ok(1..) => {}
                _ => return,
            }
        }
        let lower = head.to_ascii_lowercase();
        let value = |name: &str| Some(lower.split_once(&format!("\r\n{name}: "))?.1.split_once("\r\n")?.0.to_owned());
        if value("expect").is_some() && writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_err() {
            return;
        }
        let mut body = String::new();
        if value("transfer-encoding").is_some() {
            while !(body == "0\r\n\r\n" || body.contains("\r\n0\r\n") && body.ends_with("\r\n\r\n")) {
                match reader.read_line(&mut body) {
                    Ok(1..) => {}
                    _ => return,
                }
            }
        } else if let Some(length) = value("content-length").and_then(|length| length.parse().ok()) {
            // A body that is not whole is a request, too, for who answers early.
            if lower.contains("\r\nx-early:") {
                let request = Request { head, body, connection };
                all.lock().expect("no handler panics").push(request.clone());
                handler(&request, &mut writer);
                return;
            }
            if reader.by_ref().take(length).read_to_string(&mut body).is_err() {
                return;
            }
        }
        let request = Request { head, body, connection };
        all.lock().expect("no handler panics").push(request.clone());
        if !handler(&request, &mut writer) {
            return;
        }
    }
}

/// A running adapter-proxy that speaks HTTP.
pub struct Proxy {
    pub address: SocketAddr,
    pub admin: SocketAddr,
    pub sidecar: Sidecar,
    place: Place,
}

/// A file with one listener. `http` is what it says of HTTP and `cluster` what it says of the cluster besides its
/// endpoints, both in YAML's flow style.
pub fn file(listen: SocketAddr, endpoints: &[SocketAddr], http: &str, cluster: &str) -> String {
    let mut text = format!(
        "listeners: [{{listen: \"{listen}\", protocol: http, cluster: c, http: {{{http}}}}}]\nclusters: {{c: {{{cluster}endpoints: ["
    );
    for endpoint in endpoints {
        let _ = write!(text, "\"{endpoint}\", "); // a string takes anything
    }
    text + "]}}\n"
}

impl Proxy {
    /// For these endpoints; `http` as for [`file`].
    pub fn start(endpoints: &[SocketAddr], http: &str) -> Self {
        Self::with(endpoints, http, |launch| launch)
    }

    /// The same, launched in some other way.
    pub fn with(endpoints: &[SocketAddr], http: &str, change: impl FnOnce(Launch) -> Launch) -> Self {
        // What the end waits for is another test's.
        let end: [&dyn AsRef<OsStr>; 4] = [&"--quiet-for", &"0s", &"--drain-timeout", &"100ms"];
        Self::of(|listen| file(listen, endpoints, http, ""), |launch| change(with(launch, &end)))
    }

    /// For the file that `text` is when it listens there.
    pub fn of(text: impl FnOnce(SocketAddr) -> String, change: impl FnOnce(Launch) -> Launch) -> Self {
        let (address, admin) = (free_port(), free_port());
        let place = Place::new(&text(address));
        let launch = launch(&[&"--config", &place.config(), &"--admin", &admin.to_string()]);
        let sidecar = Sidecar::start(change(launch));
        sidecar.until_ready(admin);
        Self { address, admin, sidecar, place }
    }

    /// Gives it another file, and waits until it follows that.
    pub fn follow(&self, text: &str) {
        let followed = || self.metric("adapter_proxy_reloads_total{result=\"followed\"}");
        let before = followed();
        self.place.write(text);
        until("it follows the new file", || followed() > before);
    }

    /// Gives it another file, which it may refuse.
    pub fn write(&self, text: &str) {
        self.place.write(text);
    }

    pub fn client(&self) -> Client {
        Client::to(self.address)
    }

    /// What comes back for these bytes, up to the end of the connection.
    pub fn talk(&self, bytes: &str) -> String {
        let mut client = self.client();
        client.send(bytes);
        client.rest()
    }

    /// A metric of it that is a whole number.
    ///
    /// # Panics
    /// If there is none.
    pub fn count(&self, name: &str) -> u64 {
        let (_, page) = crate::sidecar::get(self.admin, "/metrics").expect("metrics");
        let line = page.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        value.unwrap_or_else(|| panic!("no number {name} in {page}"))
    }

    /// A metric of it, or 0.
    pub fn metric(&self, name: &str) -> f64 {
        let page = crate::sidecar::get(self.admin, "/metrics").map(|(_, page)| page).unwrap_or_default();
        crate::sidecar::metric(&page, name).unwrap_or_default()
    }
}

/// One connection to a proxy.
pub struct Client {
    pub stream: BufReader<TcpStream>,
}

/// An answer as a client got it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// With the empty line that ends it
    pub head: String,
    /// Without its framing
    pub body: String,
}

impl Client {
    /// # Panics
    /// If nobody listens there.
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the proxy listens");
        stream.set_read_timeout(Some(crate::process::DEADLINE)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Self { stream: BufReader::new(stream) }
    }

    /// Whether the other side takes it is seen by its answer.
    pub fn send(&mut self, bytes: &str) {
        let _ = self.stream.get_mut().write_all(bytes.as_bytes());
    }

    /// # Panics
    /// If none comes.
    pub fn answer(&mut self) -> Answer {
        self.try_answer().expect("an answer")
    }

    /// A GET of this target, and its answer.
    ///
    /// # Panics
    /// If none comes.
    pub fn get(&mut self, target: &str) -> Answer {
        self.send(&format!("GET {target} HTTP/1.1\r\nHost: app\r\n\r\n"));
        self.answer()
    }

    /// Reads the begin of an answer, until these words have come.
    ///
    /// # Panics
    /// If they do not come.
    pub fn until_heard(&mut self, words: &str) {
        let mut heard = vec![];
        while !heard.ends_with(words.as_bytes()) {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("the answer begins");
            heard.push(byte[0]);
        }
    }

    /// `None` when the connection ends before it does.
    pub fn try_answer(&mut self) -> Option<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if !matches!(self.stream.read_line(&mut head), Ok(1..)) {
                return None;
            }
        }
        let status = head.get(9..12)?.parse().ok()?;
        let lower = head.to_ascii_lowercase();
        let mut body = String::new();
        if lower.contains("\r\ntransfer-encoding: chunked\r\n") {
            loop {
                let mut line = String::new();
                self.stream.read_line(&mut line).ok()?;
                let size = u64::from_str_radix(line.trim_end(), 16).ok()?;
                let mut chunk = String::new();
                self.stream.by_ref().take(size + 2).read_to_string(&mut chunk).ok()?;
                body.push_str(chunk.strip_suffix("\r\n")?);
                if size == 0 {
                    break;
                }
            }
        } else if let Some((_, rest)) = lower.split_once("\r\ncontent-length: ") {
            let length = rest.split_once("\r\n")?.0.parse().ok()?;
            let count = self.stream.by_ref().take(length).read_to_string(&mut body).ok()?;
            if count as u64 != length {
                return None;
            }
        }
        Some(Answer { status, head, body })
    }

    /// All that comes up to the end of the connection, or its reset.
    pub fn rest(&mut self) -> String {
        let (mut bytes, mut buffer) = (vec![], [0; 4096]);
        while let Ok(count @ 1..) = self.stream.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Numbers that no two requests have.
pub fn id() -> usize {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}
