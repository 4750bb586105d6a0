//! What could be read in two ways is refused, and reaches nobody.

use e2e::proxy::http::{Backend, Proxy};
use std::io::Write;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn requests_that_smuggle() {
    let backend = Backend::answering(OK);
    let proxy = Proxy::start(&[backend.address], "");
    let cases = [
        (
            "both lengths",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "both, the other way round",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        ),
        ("two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        ("the same length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"),
        ("a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na"),
        ("a length with a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na"),
        ("a negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\na"),
        ("a hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na"),
        ("an empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\na"),
        ("too large a length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\na"),
        ("bare LFs", "GET / HTTP/1.1\nHost: a\n\n"),
        ("a bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
        ("a bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
        ("a bare CR", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n"),
        ("a space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 0\r\n\r\n"),
        ("a tab before the colon", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n"),
        ("a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
        ("a fold first", "GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n"),
        ("no name", "GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n"),
        ("no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"),
        ("gzip, chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ("chunked, identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("xchunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        (
            "chunked with a vertical tab",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "chunked twice",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
        ("a NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n"),
        ("a control character", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n"),
        ("a method that is none", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("no method", " / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a version that is none", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("HTTP/0.9", "GET /\r\n\r\n"),
        ("a version in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n"),
        ("a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a tab in the target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("no path", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a user in the target", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        ("no Host", "GET / HTTP/1.1\r\n\r\n"),
        ("a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        ("a Host with a list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
        ("TLS", "\x16\x03\x01\x02"),
    ];
    for (what, bytes) in cases {
        let answer = proxy.talk(bytes);
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{what}: {answer:?}");
        assert!(
            answer.contains("\r\nConnection: close\r\n") && answer.contains("\r\nX-Proxy-Error: "),
            "{what}: {answer}"
        );
    }
    assert_eq!(backend.seen().len(), 0, "{:?}", backend.seen());
    // Nothing of it follows a request that is right.
    for (what, bytes) in cases {
        let answer = proxy.talk(&format!("GET /right HTTP/1.1\r\nHost: a\r\n\r\n{bytes}"));
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("HTTP/1.1 400 "), "{what}: {answer:?}");
    }
    assert!(backend.seen().iter().all(|request| request.head.starts_with("GET /right HTTP/1.1\r\n")));
    proxy.sidecar.finish();
}

#[test]
fn bodies_that_smuggle() {
    let backend = Backend::answering(OK);
    let proxy = Proxy::start(&[backend.address], "");
    for body in [
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5;\0\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloo\r\n0\r\n\r\n",
        "10000000000000000\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: a\n\r\n",
        "5\r\nhello\r\n0\r\nX : a\r\n\r\n",
    ] {
        let answer = proxy.talk(&format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{body:?}: {answer:?}");
    }
    assert_eq!(backend.seen().len(), 0, "none of them was whole: {:?}", backend.seen());
    proxy.sidecar.finish();
}

#[test]
fn other_refusals() {
    let backend = Backend::answering(OK);
    let proxy = Proxy::start(&[backend.address], "max-head: 1KiB, max-headers: 5, max-body: 10, header-timeout: 200ms");
    let head = |fields: &str| format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n");
    for (status, bytes) in [
        ("431", head(&format!("X: {}\r\n", "a".repeat(2000)))),
        ("431", "a".repeat(2000)),
        ("431", head(&"X: a\r\n".repeat(10))),
        ("413", head("Content-Length: 11\r\n") + "hello world"),
        ("413", head("Content-Length: 1000000\r\n")),
        ("413", head("Transfer-Encoding: chunked\r\n") + "b\r\nhello world\r\n0\r\n\r\n"),
        ("417", head("Expect: the unexpected\r\n")),
        ("405", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("408", "GET / HTTP/1.1\r\nHost:".into()),
    ] {
        let answer = proxy.talk(&bytes);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {bytes:.60}: {answer:?}");
    }
    assert_eq!(backend.seen().len(), 0, "{:?}", backend.seen());
    let mut client = proxy.client();
    client.send(&(head("Content-Length: 10\r\n") + "hello worl"));
    assert_eq!(client.answer().status, 200);
    proxy.sidecar.finish();
}

#[test]
fn answers_that_make_no_sense() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 20 What\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "+PONG\r\n",
        "\r\n",
    ] {
        let backend = Backend::start(move |_, stream| stream.write_all(bytes.as_bytes()).is_ok());
        let proxy = Proxy::start(&[backend.address], "");
        let answer = proxy.client().get("/");
        assert_eq!(answer.status, 502, "{bytes:?}: {answer:?}");
        assert!(answer.head.contains("\r\nX-Proxy-Error: bad-answer\r\n"), "{answer:?}");
        assert_eq!(backend.seen().len(), 1, "what is wrong is not asked for again");
        let said = proxy.sidecar.finish();
        assert!(said.contains(&format!("endpoint {}", backend.address)), "{said}");
    }
}

/// Who speaks HTTP/1.0 is told that there can be another request, also by what is not from an upstream.
#[test]
fn of_http_1_0_that_is_kept() {
    let proxy = Proxy::start(&[e2e::sidecar::free_port()], "");
    let mut client = proxy.client();
    for _ in 0..2 {
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let answer = client.answer();
        assert_eq!(answer.status, 502);
        assert!(answer.head.contains("\r\nConnection: keep-alive\r\n"), "{answer:?}");
    }
    assert!(proxy.talk("GET / HTTP/1.0\r\n\r\n").contains("\r\nConnection: close\r\n"));
    proxy.sidecar.finish();
}
