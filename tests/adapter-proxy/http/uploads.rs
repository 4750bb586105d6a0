//! Bodies that are on their way while something happens.

use e2e::network;
use e2e::process::until;
use e2e::proxy::http::{Backend, Proxy, file};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;
use std::{fs, thread};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn listen() -> (TcpListener, Proxy) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::start(&[listener.local_addr().expect("a port")], "");
    (listener, proxy)
}

/// Takes a connection of the proxy's, and reads up to the end of these bytes.
fn accept(listener: &TcpListener, up_to: &str) -> TcpStream {
    listener.set_nonblocking(true).expect("a socket");
    let mut upstream = None;
    until("the proxy connects", || {
        upstream = listener.accept().ok();
        upstream.is_some()
    });
    let (mut upstream, _) = upstream.expect("until it does");
    upstream.set_nonblocking(false).expect("a socket");
    // Less than what waits for the next request is kept for.
    upstream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
    read(&mut upstream, up_to);
    upstream
}

fn read(stream: &mut TcpStream, up_to: &str) {
    let (mut seen, mut byte) = (vec![], [0]);
    while !seen.ends_with(up_to.as_bytes()) {
        stream.read_exact(&mut byte).expect("more of it");
        seen.push(byte[0]);
    }
}

/// It may have reached the upstream, and it is not there any more to be sent again.
#[test]
fn an_upstream_that_dies_under_a_put() {
    let (listener, proxy) = listen();
    for chunked in [false, true] {
        let mut client = proxy.client();
        client.send("PUT / HTTP/1.1\r\nHost: a\r\n");
        client.send(if chunked {
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        } else {
            "Content-Length: 1000\r\n\r\nhello"
        });
        drop(accept(&listener, "hell")); // which is a reset, with something unread
        let answer = client.answer();
        assert_eq!((answer.status, answer.body.as_str()), (502, "connection-broken\n"), "{answer:?}");
        assert!(answer.head.contains("\r\nConnection: close\r\n"), "{answer:?}");
        assert_eq!(client.rest(), "");
    }
    assert_eq!(proxy.count("adapter_proxy_http_retries_total"), 0);
    proxy.sidecar.finish();
}

#[test]
fn interim_answers_before_the_request_is_whole() {
    let (listener, proxy) = listen();
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\nfirst");
    let mut upstream = accept(&listener, "first");
    for (interim, part) in [("102 Processing", "again"), ("103 Early Hints", "third")] {
        write!(upstream, "HTTP/1.1 {interim}\r\n\r\n").expect("the proxy reads");
        assert_eq!(client.answer().head, format!("HTTP/1.1 {interim}\r\n\r\n"));
        client.send(part);
        read(&mut upstream, part);
    }
    upstream.write_all(OK.as_bytes()).expect("the proxy reads");
    assert_eq!(client.answer().body, "ok");
    // All of it was read, so that both connections go on.
    client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    read(&mut upstream, "GET /next HTTP/1.1\r\nHost: a\r\nVia: 1.1 adapter-proxy\r\n\r\n");
    upstream.write_all(OK.as_bytes()).expect("the proxy reads");
    assert_eq!(client.answer().body, "ok");
    proxy.sidecar.finish();
}

#[test]
fn interim_answers_without_end() {
    let (listener, proxy) = listen();
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut upstream = accept(&listener, "\r\n\r\n");
    let mut interim = 0;
    while upstream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() && interim < 1000 {
        interim += 1;
    }
    let answers: Vec<_> =
        std::iter::from_fn(|| Some(client.answer().status)).take_while(|status| *status == 102).collect();
    assert_eq!(answers.len(), 32);
    proxy.sidecar.finish();
}

/// The rest of the request is what it would read as the next one.
#[test]
fn an_early_answer_of_who_keeps_the_connection() {
    let (listener, proxy) = listen();
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello");
    let mut upstream = accept(&listener, "hello");
    upstream.write_all(OK.as_bytes()).expect("the proxy reads");
    let answer = client.answer();
    assert_eq!(answer.body, "ok");
    assert!(answer.head.contains("\r\nConnection: close\r\n"), "{answer:?}");
    client.send("GET /not-a-request HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.rest(), "");
    let mut rest = String::new();
    let end = upstream.read_to_string(&mut rest).map_err(|error| error.kind());
    assert!(matches!(end, Ok(_) | Err(ErrorKind::ConnectionReset)), "it does not end: {end:?}");
    assert!(!rest.contains("HTTP/1.1"), "{rest}");
    // The next one has a connection of its own.
    let mut client = proxy.client();
    client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut upstream = accept(&listener, "\r\n\r\n");
    upstream.write_all(OK.as_bytes()).expect("the proxy reads");
    assert_eq!(client.answer().body, "ok");
    proxy.sidecar.finish();
}

/// Who waits for a client does nothing wrong.
#[test]
fn a_client_that_does_not_go_on_is_no_fault_of_the_endpoints() {
    let backend = Backend::answering(OK);
    let http = "try-timeout: 100ms, stall-timeout: 100ms";
    let text = |listen| file(listen, &[backend.address], http, "outlier: {failures: 1, eject-for: 1h, longest: 1h}, ");
    let proxy = Proxy::of(text, |launch| launch);
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello");
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.as_str()), (408, "the body does not come\n"), "{answer:?}");
    assert_eq!(client.rest(), "");
    assert_eq!(proxy.count("adapter_proxy_endpoint_ejections_total"), 0);
    // One that does: it does not answer.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let http = "try-timeout: 100ms, stall-timeout: 1h";
    proxy.follow(&file(proxy.address, &[silent.local_addr().expect("a port")], http, "outlier: {failures: 1}, "));
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    client.send("hello");
    assert_eq!(client.answer().body, "try-timeout\n");
    proxy.sidecar.until_said("is left out for");
    // Nor does it say that it wants the body.
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.answer().body, "try-timeout\n");
}

#[test]
fn a_client_that_does_not_read_is_no_fault_of_the_endpoints() {
    let backend = Backend::start(|_, stream| {
        let piece = "x".repeat(1 << 20);
        let _ = write!(stream, "HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(piece.as_bytes()).is_ok() {}
        false
    });
    let http = "stall-timeout: 2s";
    let text = |listen| file(listen, &[backend.address], http, "outlier: {failures: 1, eject-for: 1h, longest: 1h}, ");
    let proxy = Proxy::of(text, |launch| launch);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.0\r\n\r\n");
    until("it is cut off", || backend.closed() == 1);
    assert_eq!(proxy.count("adapter_proxy_endpoint_ejections_total"), 0);
    // It is not to take that for all of it.
    let (mut buffer, mut end) = (vec![0; 1 << 20], Ok(1));
    while matches!(end, Ok(1..)) {
        end = client.stream.read(&mut buffer).map_err(|error| error.kind());
    }
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}

/// What is left of its head must not be taken for the beginning of somebody else's request.
#[test]
fn an_answer_before_the_head_is_sent() {
    if !e2e::is_root() {
        return;
    }
    // The network is its thread's.
    let thread = thread::spawn(|| {
        network::enter().expect("a network");
        for buffers in ["tcp_rmem", "tcp_wmem"] {
            fs::write(format!("/proc/sys/net/ipv4/{buffers}"), "4096 4096 4096").expect("buffers that are soon full");
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let proxy = Proxy::start(&[listener.local_addr().expect("a port")], "max-head: 1 MiB");
        let mut client = proxy.client();
        let mut sender = client.stream.get_ref().try_clone().expect("a socket");
        let long = format!("GET /first HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "a".repeat(900_000));
        let sending = thread::spawn(move || sender.write_all(long.as_bytes()));
        let mut first = accept(&listener, "X-Long: a");
        first.write_all(OK.as_bytes()).expect("the proxy reads");
        assert_eq!(client.answer().status, 200);
        sending.join().expect("no panic").expect("the proxy has read all of it");
        client.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut second = accept(&listener, "GET /second HTTP/1.1\r\n");
        second.write_all(OK.as_bytes()).expect("the proxy reads");
        assert_eq!(client.answer().status, 200);
        drop(client);
        proxy.sidecar.finish();
    });
    thread.join().expect("as it should be");
}

/// Longer than a client is left alone that has asked; there is no event in that, the time itself is what passes.
const LONG: Duration = Duration::from_millis(20);

/// It is answered as if its body had come at once.
#[test]
fn a_client_that_ends_its_side_after_a_slow_body() {
    let (listener, proxy) = listen();
    until("it was soon enough", || {
        let mut client = proxy.client();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
        let mut upstream = accept(&listener, "\r\n\r\n");
        thread::sleep(LONG);
        client.send("abc");
        client.stream.get_ref().shutdown(Shutdown::Write).expect("a connection");
        read(&mut upstream, "abc");
        proxy.sidecar.process().until_state('S'); // it has heard of that, if it wants to
        upstream.write_all(OK.as_bytes()).is_ok() && client.rest().ends_with("ok")
    });
    proxy.sidecar.finish();
}

#[test]
fn a_client_that_goes_after_a_slow_body() {
    let (listener, proxy) = listen();
    for (framing, rest) in [("Content-Length: 3", "abc"), ("Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n")] {
        let mut client = proxy.client();
        client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
        let mut upstream = accept(&listener, "\r\n\r\n");
        thread::sleep(LONG);
        client.send(rest);
        read(&mut upstream, rest);
        drop(client);
        assert_eq!(upstream.read(&mut [0]).map_err(|error| error.kind()), Ok(0), "it is told");
    }
    proxy.sidecar.finish();
}
