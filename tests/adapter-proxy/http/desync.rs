//! What lets two sides see different messages in the same bytes, beside what `refusals` has.

use e2e::proxy::http::{Backend, Proxy};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn hosts_that_are_none() {
    let backend = Backend::answering(OK);
    let proxy = Proxy::start(&[backend.address], "");
    for (target, host) in [
        ("http://:80/", "a"),
        ("http://a:b/", "a"),
        ("http://a:1:2/", "a"),
        ("/", "a:b"),
        ("/", "a:1:2"),
        ("/", "[::1"),
        ("/", "[::1]x"),
        ("/", "::1"),
        ("/", "a[b]"),
        ("/", "a]:80"),
    ] {
        let answer = proxy.talk(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target} {host}: {answer:?}");
    }
    assert_eq!(backend.seen().len(), 0, "{:?}", backend.seen());
    let mut client = proxy.client();
    for host in ["a", "a:", "a:80", "[::1]", "[fe80::1%25eth0]:80", "a_b.c-d", ""] {
        client.send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(client.answer().status, 200, "{host}");
    }
    proxy.sidecar.finish();
}

#[test]
fn the_target_says_which_host_it_is() {
    let backend = Backend::answering(OK);
    let proxy = Proxy::start(&[backend.address], "via: off, x-forwarded: replace, forwarded: replace");
    let mut client = proxy.client();
    client.send("GET http://there:81/ HTTP/1.1\r\nHost: here\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    let head = &backend.seen()[0].head;
    let expected = "GET / HTTP/1.1\r\nHost: there:81\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n\
                    X-Forwarded-Host: there:81\r\nForwarded: for=127.0.0.1;host=\"there:81\";proto=http\r\n\r\n";
    assert_eq!(head, expected);
    proxy.sidecar.finish();
}

/// An empty line before it is for requests alone; here it is what was left of some other answer.
#[test]
fn an_answer_begins_with_its_first_byte() {
    let backend = Backend::answering("\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Proxy::start(&[backend.address], "");
    let answer = proxy.client().get("/");
    assert_eq!(answer.status, 502, "{answer:?}");
    proxy.sidecar.finish();
}

/// It says that something follows where nothing may: when that comes, it is not to be the next one's answer.
#[test]
fn after_an_answer_that_contradicts_itself() {
    for fields in ["Content-Length: 45", "Transfer-Encoding: chunked"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let proxy = Proxy::start(&[listener.local_addr().expect("a port")], "");
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let (mut upstream, _) = listener.accept().expect("the proxy connects");
        upstream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        assert!(upstream.read(&mut [0; 1024]).expect("a request") > 0);
        write!(upstream, "HTTP/1.1 204 No Content\r\n{fields}\r\n\r\n").expect("the proxy reads");
        assert_eq!(client.answer().status, 204);
        assert_eq!(upstream.read(&mut [0; 1024]).expect("an end"), 0, "{fields}: it is closed");
        proxy.sidecar.finish();
    }
}

/// To close with something unread would take back the answer that is on its way.
#[test]
fn what_follows_the_last_request_costs_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::start(&[listener.local_addr().expect("a port")], "");
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let (mut upstream, _) = listener.accept().expect("the proxy connects");
    assert!(upstream.read(&mut [0; 1024]).expect("a request") > 0);
    client.send("GET /more HTTP/1.1\r\nHost: a\r\n\r\n");
    // More than the sockets between them hold, so that some of it is on its way when the proxy has sent all.
    let size = 1 << 20;
    write!(upstream, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{}", "x".repeat(size)).expect("it is taken");
    let answer = client.rest();
    assert!(answer.len() > size, "{} bytes", answer.len());
    proxy.sidecar.finish();
}
