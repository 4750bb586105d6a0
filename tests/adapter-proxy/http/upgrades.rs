//! Requests to speak something else, and what becomes of them.

use e2e::process::until;
use e2e::proxy::http::{Backend, Client, Proxy, file};
use e2e::sidecar::with;
use std::ffi::OsStr;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

const ASKS: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHES: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

/// It stays HTTP, and what follows is a request, or is none.
#[test]
fn one_that_is_refused() {
    for status in ["200 OK", "400 Bad Request", "426 Upgrade Required"] {
        let backend =
            Backend::start(move |_, stream| write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno").is_ok());
        let proxy = Proxy::start(&[backend.address], "");
        let mut client = proxy.client();
        for _ in 0..2 {
            client.send(ASKS);
            let answer = client.answer();
            assert_eq!((&answer.head[9..9 + status.len()], answer.body.as_str()), (status, "no"));
            assert!(!answer.head.contains("Upgrade:"), "{answer:?}");
        }
        client.send(&format!("{ASKS}\0\x01\x02"));
        assert_eq!(client.answer().body, "no");
        assert_eq!(client.answer().status, 400);
        let seen = backend.seen();
        assert_eq!(seen.len(), 3, "{seen:?}");
        assert!(seen.iter().all(|request| request.connection == 0), "{seen:?}");
        proxy.sidecar.finish();
    }
}

/// RFC 9110, 7.8: who speaks HTTP/1.0 cannot ask for it.
#[test]
fn one_of_http_1_0() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Proxy::start(&[backend.address], "");
    let mut client = proxy.client();
    client.send(&ASKS.replace("1.1", "1.0"));
    assert_eq!(client.answer().status, 200);
    assert!(!backend.seen()[0].head.contains("pgrade"), "{:?}", backend.seen());
    proxy.sidecar.finish();
}

/// A proxy, and both ends of a connection that is not HTTP any more.
fn switched() -> (Proxy, Client, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::start(&[listener.local_addr().expect("a port")], "");
    let mut client = proxy.client();
    client.send(ASKS);
    let (mut upstream, _) = listener.accept().expect("the proxy connects");
    assert!(upstream.read(&mut [0; 1024]).expect("a request") > 0);
    upstream.write_all(SWITCHES).expect("the proxy reads");
    assert_eq!(client.answer().status, 101);
    (proxy, client, upstream)
}

/// What was relayed is not to look whole when it is not.
#[test]
fn one_whose_endpoint_breaks_off() {
    let (proxy, mut client, mut upstream) = switched();
    client.send("hello");
    upstream.read_exact(&mut [0; 4]).expect("some of it");
    drop(upstream); // one byte is unread, which makes it a reset
    let end = client.stream.read(&mut [0; 16]).map_err(|error| error.kind());
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
    proxy.sidecar.finish();
}

/// And the other way round.
#[test]
fn one_whose_client_breaks_off() {
    let (proxy, mut client, mut upstream) = switched();
    upstream.write_all(b"hello").expect("the proxy reads");
    let mut hello = [0; 5];
    client.stream.read_exact(&mut hello).expect("what was relayed");
    upstream.write_all(b"more").expect("the proxy reads");
    let stream = client.stream.into_inner();
    assert_eq!(stream.peek(&mut [0; 1]).expect("more"), 1);
    drop(stream); // that is unread, which makes it a reset
    let end = upstream.read(&mut [0; 16]).map_err(|error| error.kind());
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
    proxy.sidecar.finish();
}

/// What a client that does not read has been sent, and has not got, is missing: that must not look like the end.
#[test]
fn one_that_is_stuck_at_the_deadline() {
    let backend = Backend::start(|_, stream| {
        let (_, piece) = (stream.write_all(SWITCHES), vec![b'x'; 64 << 10]);
        while stream.write_all(&piece).is_ok() {}
        false
    });
    let end: [&dyn AsRef<OsStr>; 4] = [&"--quiet-for", &"50ms", &"--drain-timeout", &"500ms"];
    let proxy = Proxy::of(|listen| file(listen, &[backend.address], "", ""), |launch| with(launch, &end));
    let mut client = proxy.client();
    client.send(ASKS);
    assert_eq!(client.answer().status, 101);
    let sent = || proxy.count("adapter_proxy_sent_bytes_total");
    let mut before = 0;
    until("nothing moves any more", || {
        let now = sent();
        std::mem::replace(&mut before, now) == now && now > 1 << 20
    });
    let ended = proxy.sidecar.terminate();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("connections are cut off: 1 of "), "{}", ended.stderr);
    let (mut piece, mut end) = (vec![0; 1 << 20], Ok(1));
    while matches!(end, Ok(1..)) {
        end = client.stream.read(&mut piece).map_err(|error| error.kind());
    }
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}
