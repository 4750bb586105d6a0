//! HTTP/1.1 as it should be: what reaches the upstream, byte by byte.

use e2e::process::until;
use e2e::proxy::break_off;
use e2e::proxy::http::{Backend, Proxy};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::socket::{MsgFlags, send};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What the upstream gets of a request.
fn passed_on(http: &str, request: &str) -> String {
    let backend = Backend::answering(OK);
    let proxy = Proxy::start(&[backend.address], http);
    let mut client = proxy.client();
    client.send(request);
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"), "{request}: {answer:?}");
    proxy.sidecar.finish();
    let seen = backend.seen();
    assert_eq!(seen.len(), 1);
    format!("{}{}", seen[0].head, seen[0].body)
}

#[test]
fn heads_are_written_anew() {
    for (request, expected) in [
        ("GET /a?b=c HTTP/1.1\r\nHost: app\r\nX-Y: z\r\n\r\n", "GET /a?b=c HTTP/1.1\r\nHost: app\r\nX-Y: z\r\n\r\n"),
        ("\r\nGET / HTTP/1.1\r\nhost:app:80 \r\n\r\n", "GET / HTTP/1.1\r\nHost: app:80\r\n\r\n"),
        ("GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: \r\n\r\n"),
        ("GET http://there:81/a HTTP/1.1\r\nHost: here\r\n\r\n", "GET /a HTTP/1.1\r\nHost: there:81\r\n\r\n"),
        ("GET HTTP://there HTTP/1.1\r\nHost: here\r\n\r\n", "GET / HTTP/1.1\r\nHost: there\r\n\r\n"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("OPTIONS http://a HTTP/1.1\r\nHost: b\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nX-Other: 2\r\n\
             Proxy-Connection: x\r\nProxy-Authorization: y\r\nTE: gzip\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX-Other: 2\r\n\r\n",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length, Host\r\nContent-Length: 2\r\n\r\nhi",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: TE\r\nTE: trailers, deflate\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: TE\r\nTE: trailers\r\n\r\n",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0000\r\nX-Sum: 6\r\nHost: b\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n",
        ),
    ] {
        assert_eq!(passed_on("via: off", request), expected, "{request:?}");
    }
}

#[test]
fn who_it_came_through() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 x\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=9.9.9.9\r\n\r\n";
    let begin = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (http, expected) in [
        (
            "via: off",
            "Via: 1.0 x\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=9.9.9.9\r\n\r\n",
        ),
        (
            "",
            "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=9.9.9.9\r\nVia: 1.0 x, 1.1 adapter-proxy\r\n\r\n",
        ),
        (
            "via: off, x-forwarded: append, forwarded: append",
            "Via: 1.0 x\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 9.9.9.9, 127.0.0.1\r\nX-Forwarded-Host: a\r\n\
             Forwarded: for=9.9.9.9, for=127.0.0.1;host=\"a\";proto=http\r\n\r\n",
        ),
        (
            "via: off, x-forwarded: replace, forwarded: replace",
            "Via: 1.0 x\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\
             Forwarded: for=127.0.0.1;host=\"a\";proto=http\r\n\r\n",
        ),
    ] {
        assert_eq!(passed_on(http, request), format!("{begin}{expected}"), "{http}");
    }
    let expected = "GET / HTTP/1.1\r\nHost: api.example\r\n\r\n";
    assert_eq!(passed_on("via: off, host: api.example", &format!("{begin}\r\n")), expected);
}

#[test]
fn requests_in_a_row_are_answered_in_order() {
    let backend = Backend::start(|request, stream| {
        let target = request.head.split(' ').nth(1).unwrap_or_default();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}", target.len()).is_ok()
    });
    let proxy = Proxy::start(&[backend.address], "");
    let mut client = proxy.client();
    let requests = (0..100).map(|number| format!("POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
    client.send(&requests.collect::<Vec<_>>().concat());
    for number in 0..100 {
        assert_eq!(client.answer().body, format!("/{number}"));
    }
    assert!(backend.seen().iter().all(|request| request.connection == 0), "over one connection");
    proxy.sidecar.finish();
}

#[test]
fn connections_outlive_their_clients() {
    let backend = Backend::answering(OK);
    let proxy = Proxy::start(&[backend.address], "");
    for _ in 0..5 {
        assert!(
            proxy
                .talk("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .ends_with("\r\nConnection: close\r\n\r\nok")
        );
        assert!(proxy.talk("GET / HTTP/1.0\r\n\r\n").ends_with("\r\nConnection: close\r\n\r\nok"));
    }
    let mut client = proxy.client();
    for _ in 0..2 {
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert!(client.answer().head.contains("\r\nConnection: keep-alive\r\n"));
    }
    assert!(backend.seen().iter().all(|request| request.connection == 0), "{:?}", backend.seen());
    assert!(proxy.metric("adapter_proxy_http_upstream_connects_total") < 2.0);
    proxy.sidecar.finish();
}

#[test]
fn idle_connections_cost_next_to_nothing() {
    let backend = Backend::answering(OK);
    setrlimit(Resource::RLIMIT_NOFILE, 8192, 8192).unwrap();
    let proxy = Proxy::start(&[backend.address], "");
    proxy.client().get("/");
    let before = proxy.sidecar.resident();
    let mut clients: Vec<_> = (0..1000).map(|_| proxy.client()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").status, 200);
    }
    let more = proxy.sidecar.resident() - before;
    assert!(more < 10_000, "{more} KiB for 1,000 connections");
    proxy.sidecar.finish();
}

/// It is named as what it was, though it has gone by the time that its request is read.
#[test]
fn who_it_was() {
    let backend = Backend::answering(OK);
    let proxy = Proxy::start(&[backend.address], "x-forwarded: replace, forwarded: replace");
    proxy.sidecar.stopped(|| {
        let mut client = proxy.client();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        break_off(client.stream.into_inner());
    });
    until("it has come", || !backend.seen().is_empty());
    let head = &backend.seen()[0].head;
    assert!(head.contains("\r\nX-Forwarded-For: 127.0.0.1\r\n") && head.contains("for=127.0.0.1;"), "{head}");
    proxy.sidecar.finish();
}

/// What is behind an urgent byte (tcp(7)) is there as well.
#[test]
fn an_urgent_byte() {
    let backend = Backend::answering(OK);
    let proxy = Proxy::start(&[backend.address], "");
    let mut client = proxy.client();
    client.get("/");
    proxy.sidecar.stopped(|| {
        client.send("GET / HTTP/1.1\r\nHost: a\r\nX: a");
        assert_eq!(send(client.stream.get_ref().as_raw_fd(), b"b", MsgFlags::MSG_OOB), Ok(1));
        client.send("c\r\n\r\n");
    });
    assert_eq!(client.answer().status, 200);
    assert!(backend.seen()[1].head.contains("\r\nX: abc\r\n"), "{:?}", backend.seen()[1]);
    proxy.sidecar.finish();
}

/// One that closes idle connections, and refuses heads that do not come, after so long.
fn impatient(backend: &Backend, idle: &str, head: &str) -> Proxy {
    let text = |listen| {
        format!(
            "listeners: [{{listen: '{listen}', protocol: http, cluster: c, idle-timeout: {idle}, http: {{header-timeout: {head}}}}}]\n\
             clusters: {{c: {{endpoints: ['{}']}}}}\n",
            backend.address
        )
    };
    Proxy::of(text, |launch| launch)
}

/// A few clients end a request with one line too many: that begins no other one.
#[test]
fn an_empty_line_begins_nothing() {
    let backend = Backend::answering(OK);
    let proxy = impatient(&backend, "1s", "100ms");
    for empty in ["\r\n", "\r\n\r\n"] {
        let mut client = proxy.client();
        client.send(&format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{empty}"));
        assert_eq!(client.answer().status, 200);
        assert_eq!(client.rest(), "", "it is idle, and closed when it has been for long enough");
    }
    let answer = proxy.talk(&"\r\n".repeat(2000));
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    proxy.sidecar.finish();
}

/// Nor when it comes in two pieces.
#[test]
fn an_empty_line_in_pieces_begins_nothing() {
    let backend = Backend::answering(OK);
    let proxy = impatient(&backend, "5s", "2s");
    let begun = Instant::now();
    let mut client = proxy.client();
    client.send("\r");
    until("it has been read", || proxy.count("adapter_proxy_http_buffered_bytes") > 0);
    client.send("\n");
    assert_eq!(client.rest(), "");
    assert!(begun.elapsed() >= Duration::from_secs(5), "{:?}", begun.elapsed());
    proxy.sidecar.finish();
}
