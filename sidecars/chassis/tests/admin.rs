//! The admin endpoint as its clients see it, and those who mean no good.

use chassis::admin::{self, Address, Page, Service};
use chassis::probe::{Which, probe};
use chassis::{exposition::Exposition, service};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

struct Program {
    ready: Arc<AtomicBool>,
}

impl Service for Program {
    fn ready(&self) -> Result<(), String> {
        if self.ready.load(Ordering::Relaxed) { Ok(()) } else { Err("positions cannot be read".into()) }
    }

    fn metrics(&self) -> String {
        let mut metrics = Exposition::new();
        metrics.gauge("app_up", "Whether it is").sample(&[], 1);
        metrics.finish()
    }

    fn post(&self, path: &str) -> Option<String> {
        (path == "/unready").then(|| {
            self.ready.store(false, Ordering::Relaxed);
            "done\n".into()
        })
    }

    fn page(&self, path: &str) -> Option<Page> {
        (path == "/big").then(|| Page { content_type: "application/octet-stream", body: "x".repeat(8 << 20) })
    }
}

/// A program with an admin endpoint, which runs to the end of this process.
fn start() -> (SocketAddr, Arc<AtomicBool>) {
    let ready = Arc::new(AtomicBool::new(true));
    let (told, address) = mpsc::channel();
    let program = Program { ready: ready.clone() };
    thread::spawn(move || {
        service::run(async {
            let listener = admin::bind("127.0.0.1:0".parse().unwrap())?.unwrap();
            told.send(listener.local_addr()?)?;
            admin::serve(Some(listener), Rc::new(program)).await;
            Ok(())
        })
        .unwrap();
    });
    (address.recv().unwrap(), ready)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_write_timeout(Some(LIMIT)).unwrap();
    stream
}

/// The whole answer, on a connection of its own.
fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(format!("{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn has(answer: &str, status: u16, head: &str, body: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.to_lowercase().contains(&format!("\r\n{head}\r\n")), "{answer}");
    assert_eq!(answer.split_once("\r\n\r\n").unwrap().1, body, "{answer}");
}

/// A request that leaves the connection open.
fn ask_again(stream: &mut TcpStream) {
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = vec![];
    while !answer.ends_with(b"\r\n\r\nok\n") {
        let mut some = [0; 1024];
        let read = stream.read(&mut some).unwrap();
        assert!(read > 0, "it was closed after {}", String::from_utf8_lossy(&answer));
        answer.extend(&some[..read]);
    }
}

#[test]
fn what_there_is() {
    let (address, ready) = start();
    let text = "content-type: text/plain; charset=utf-8";
    has(&ask(address, "GET /livez"), 200, text, "ok\n");
    has(&ask(address, "GET /livez?verbose"), 200, text, "ok\n");
    has(&ask(address, "HEAD /livez"), 200, "content-length: 3", "");
    has(&ask(address, "GET /readyz"), 200, text, "ok\n");
    ready.store(false, Ordering::Relaxed);
    has(&ask(address, "GET /readyz"), 503, text, "positions cannot be read\n");
    has(&ask(address, "HEAD /readyz"), 503, "content-length: 25", "");
    has(&ask(address, "GET /livez"), 200, text, "ok\n");
    let metrics = "# HELP app_up Whether it is\n# TYPE app_up gauge\napp_up 1\n";
    has(&ask(address, "GET /metrics"), 200, "content-type: text/plain; version=0.0.4; charset=utf-8", metrics);
    has(&ask(address, "GET /big"), 200, "content-type: application/octet-stream", &"x".repeat(8 << 20));
    has(&ask(address, "GET /"), 404, text, "there are /livez, /readyz, /metrics\n");
    has(&ask(address, "GET /livez/"), 404, text, "there are /livez, /readyz, /metrics\n");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        has(&ask(address, &format!("{method} /livez")), 405, "allow: get, head", "only GET and HEAD\n");
    }
}

#[test]
fn a_connection_serves_again() {
    let (address, _) = start();
    let mut stream = connect(address);
    for _ in 0..100 {
        ask_again(&mut stream);
    }
}

/// Who connects and says nothing is sent away, and who has asked may keep the connection for longer.
#[test]
fn silent_ones_go_and_idle_ones_stay() {
    let (address, _) = start();
    let begin = Instant::now();
    let (mut silent, mut slow, mut idle) = (connect(address), connect(address), connect(address));
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost: ").unwrap();
    ask_again(&mut idle);
    for stream in [&mut silent, &mut slow] {
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    }
    assert!(begin.elapsed() > Duration::from_secs(4), "it had no time to ask");
    ask_again(&mut idle);
}

/// There are no more than 16 connections, and it is not the newest that does without one.
#[test]
fn nobody_is_shut_out() {
    let (address, _) = start();
    let begin = Instant::now();
    let mut held: Vec<_> = (0..16).map(|_| connect(address)).collect();
    for stream in &mut held {
        ask_again(stream);
    }
    has(&ask(address, "GET /livez"), 200, "content-length: 3", "ok\n");
    assert_eq!(held[0].read(&mut [0; 1]).unwrap(), 0, "the oldest one is still there");
    for stream in &mut held[1..] {
        ask_again(stream);
    }
    // Those who ask for much and read nothing of it are connections like any other.
    let greedy: Vec<_> = (0..64).map(|_| connect(address)).collect();
    for mut stream in &greedy {
        let _ = stream.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    has(&ask(address, "GET /readyz"), 200, "content-length: 3", "ok\n");
    assert!(begin.elapsed() < LIMIT);
}

#[test]
fn rubbish() {
    let (address, _) = start();
    let long = format!("GET /livez HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n", "x".repeat(64 << 10));
    let many = format!("GET /livez HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(2_000));
    let endless = "x".repeat(1 << 20);
    let body = format!("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n{}", "x".repeat(1 << 20));
    for request in [
        &*long,
        &many,
        &endless,
        &body,
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "\0\u{1}\u{16}\u{3}",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = connect(address);
        // It may hang up in the middle, with an answer or without.
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = vec![];
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused || request == body, "{request:.20}: {answer}");
        has(&ask(address, "GET /livez"), 200, "content-length: 3", "ok\n");
    }
}

#[test]
fn addresses_that_cannot_be_had() {
    service::run(async {
        assert!(admin::bind(Address::Off)?.is_none());
        let first = admin::bind("127.0.0.1:0".parse().unwrap())?.unwrap();
        let address = first.local_addr()?;
        let said = format!("{:#}", admin::bind(Address::At(address)).unwrap_err());
        assert!(said.starts_with(&format!("cannot listen on {address}\nhint: ")) && said.contains("--admin"), "{said}");
        assert!(said.contains("in use"), "{said}");
        let said = format!("{:#}", admin::bind("192.0.2.1:1".parse().unwrap()).unwrap_err());
        assert!(said.contains("an address of this pod"), "{said}");
        drop(first);
        assert!(admin::bind(Address::At(address))?.is_some());
        Ok(())
    })
    .unwrap();
}

#[test]
fn probes() {
    let (address, ready) = start();
    let said = |address, which| format!("{:#}", probe(address, which).unwrap_err());
    let here = Address::At(address);
    probe(here, Which::Live).unwrap();
    probe(here, Which::Ready).unwrap();
    ready.store(false, Ordering::Relaxed);
    probe(here, Which::Live).unwrap();
    assert_eq!(said(here, Which::Ready), "not ready: positions cannot be read");

    let off = probe(Address::Off, Which::Live).unwrap_err();
    assert!(off.to_string().contains("is off") && off.is::<chassis::exit::Usage>(), "{off}");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap(); // the kernel accepts, and that is all
    let there = silent.local_addr().unwrap();
    let said_of_silent = said(Address::At(there), Which::Live);
    assert!(said_of_silent.starts_with(&format!("not live: no answer from {there}\nhint: ")), "{said_of_silent}");
    assert!(said_of_silent.ends_with(": timed out"), "{said_of_silent}");
    drop(silent);
    let said_of_none = said(Address::At(there), Which::Ready);
    assert!(said_of_none.contains("not ready: no answer from") && said_of_none.contains("refused"), "{said_of_none}");
}

/// Another program's port: one that says something else, and one that never stops.
#[test]
fn probes_of_strangers() {
    for answer in [&b"220 mail ESMTP\r\n"[..], b"HTTP/1.1 404 Not Found\r\n\r\n", b"", b"\xff\xfe"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stranger = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(answer).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let _ = stream.read_to_end(&mut vec![]);
        });
        let said = format!("{:#}", probe(Address::At(address), Which::Ready).unwrap_err());
        assert!(said.contains("answers something else\nhint: another program"), "{said}");
        stranger.join().unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stranger = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(&[b'x'; 1024]).is_ok() {}
    });
    assert!(probe(Address::At(address), Which::Ready).is_err());
    stranger.join().unwrap();
}

#[test]
fn what_a_post_does() {
    let (address, ready) = start();
    let text = "content-type: text/plain; charset=utf-8";
    for path in ["/livez", "/metrics", "/nothing", "/big"] {
        has(&ask(address, &format!("POST {path}")), 405, "allow: get, head", "only GET and HEAD\n");
    }
    assert!(ask(address, "GET /unready").starts_with("HTTP/1.1 404 "));
    for method in ["PUT", "DELETE", "OPTIONS"] {
        assert!(ask(address, &format!("{method} /unready")).starts_with("HTTP/1.1 405 "));
    }
    // A page of somebody else's, in a browser of one who has the port forwarded
    let mut stream = connect(address);
    let head = "POST /unready HTTP/1.1\r\nHost: a\r\nOrigin: http://example.org\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    has(&answer, 403, text, "not for browsers\n");
    assert!(ready.load(Ordering::Relaxed), "nothing has come of all that");
    has(&ask(address, "POST /unready"), 200, text, "done\n");
    assert!(!ready.load(Ordering::Relaxed));
}
