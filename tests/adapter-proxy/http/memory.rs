//! What requests hold, and that others are refused before it is too much.

use e2e::process::until;
use e2e::proxy::http::{Backend, Client, Proxy};
use std::io::Write;
use std::net::TcpListener;

const BUFFERED: &str = "adapter_proxy_http_buffered_bytes";
const REFUSALS: &str = "adapter_proxy_http_memory_refusals_total";

/// Has more and more of these hold something, until others are refused; which they are not any more when these are gone.
fn fills(proxy: &Proxy, slow: impl Fn() -> Client) {
    let (mut all, mut refused) = (vec![], None);
    until("a request is refused", || {
        if all.len() < 200 {
            all.push(slow());
        }
        let mut client = proxy.client();
        refused = Some(client.get("/")).filter(|answer| answer.status != 200);
        refused.is_some() && client.rest().is_empty()
    });
    let answer = refused.expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (503, "memory\n"));
    assert!(answer.head.contains("\r\nX-Proxy-Error: memory\r\n"), "{answer:?}");
    assert!(answer.head.contains("\r\nConnection: close\r\n"), "{answer:?}");
    assert!(all.len() > 5, "{} clients", all.len());
    assert!(proxy.count(REFUSALS) >= 1);
    drop(all);
    until("it is given back", || proxy.count(BUFFERED) == 0);
    assert_eq!(proxy.client().get("/").status, 200);
}

#[test]
fn readers_that_do_not_read() {
    let backend = Backend::start(|request, stream| {
        if !request.head.starts_with("GET /endless") {
            return stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok();
        }
        let length = if request.head.contains("?chunked") { "" } else { "Content-Length: 1000000000\r\n" };
        let _ = write!(stream, "HTTP/1.1 200 OK\r\n{length}\r\n");
        let piece = vec![b'x'; 65536];
        while stream.write_all(&piece).is_ok() {}
        false
    });
    let proxy = Proxy::start(&[backend.address], "max-buffered: 1MiB");
    for target in ["/endless", "/endless?chunked"] {
        fills(&proxy, || {
            let mut client = proxy.client();
            client.send(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
            client
        });
    }
    proxy.sidecar.finish();
}

#[test]
fn servers_that_do_not_answer() {
    let backend = Backend::start(|request, stream| {
        if request.head.starts_with("POST") {
            std::thread::park();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok()
    });
    let proxy = Proxy::start(&[backend.address], "max-buffered: 1MiB");
    let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n{}", "x".repeat(10_000));
    fills(&proxy, || {
        let mut client = proxy.client();
        client.send(&request);
        client
    });
    proxy.sidecar.finish();
}

/// Those that would take too much are refused themselves.
#[test]
fn heads_that_do_not_end() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Proxy::start(&[backend.address], "max-buffered: 1MiB, max-head: 256KiB, header-timeout: 10m");
    let slow = |_| {
        let mut client = proxy.client();
        client.send(&format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(100_000)));
        client
    };
    let clients: Vec<_> = (0..60).map(slow).collect();
    until("what is too much is refused", || proxy.count(REFUSALS) >= 40);
    assert!(proxy.count(BUFFERED) <= 1280 << 10, "{} bytes", proxy.count(BUFFERED));
    drop(clients);
    until("it is given back", || proxy.count(BUFFERED) == 0);
    assert_eq!(proxy.client().get("/").status, 200);
    proxy.sidecar.finish();
}

/// Nor do bodies grow beyond it that are mapped, and so held as a whole: of requests, and of answers.
#[test]
fn bodies_that_are_mapped() {
    let large = format!("\"{}\"", "x".repeat(2 << 20));
    let backend = Backend::start(move |request, stream| {
        let body = if request.head.starts_with("GET /large") { &large } else { "{}" };
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).is_ok()
    });
    let text = |listen| {
        format!(
            "listeners: [{{listen: '{listen}', protocol: http, cluster: c, http: {{max-buffered: 1MiB}}, routes: [\
             {{name: up, match: {{path: /up}}, request: {{body: {{filter: .}}}}}}, \
             {{name: down, match: {{path: /large}}, responses: [{{body: {{filter: ., max-body: 4MiB}}}}]}}]}}]\n\
             clusters: {{c: {{endpoints: ['{}']}}}}\n",
            backend.address
        )
    };
    let proxy = Proxy::of(text, |launch| launch);
    let answer = proxy.client().get("/large");
    assert_eq!((answer.status, answer.body.as_str()), (503, "memory\n"));
    let slow = |_| {
        let mut client = proxy.client();
        client.send(&format!("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n{}", "x".repeat(399_999)));
        client
    };
    let clients: Vec<_> = (0..20).map(slow).collect();
    until("what is too much is refused", || proxy.count(REFUSALS) >= 15);
    assert!(proxy.count(BUFFERED) <= 1 << 20, "{} bytes", proxy.count(BUFFERED));
    drop(clients);
    until("it is given back", || proxy.count(BUFFERED) == 0);
    let mut client = proxy.client();
    client.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(client.answer().status, 200);
    let page = e2e::sidecar::get(proxy.admin, "/metrics").expect("metrics").1;
    assert!(!page.lines().any(|line| line.contains("result=\"broken\"") && !line.ends_with(" 0")), "{page}");
    proxy.sidecar.finish();
}

#[test]
fn the_kernel_has_it_back_after_a_burst() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Proxy::start(&[backend.address], "header-timeout: 10m, idle-upstreams: {connections: 0}");
    assert_eq!(proxy.client().get("/").status, 200);
    let before = proxy.sidecar.resident();
    let slow = |_| {
        let mut client = proxy.client();
        client.send(&format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(16_000)));
        client
    };
    let clients: Vec<_> = (0..600).map(slow).collect();
    until("all are there", || proxy.count(BUFFERED) >= 600 * 16_000);
    assert!(proxy.sidecar.resident() > before + (8 << 10));
    drop(clients);
    until("it is as small as before", || proxy.sidecar.resident() < before + 1024);
    proxy.sidecar.finish();
}

/// However it ends, nothing stays counted.
#[test]
fn all_of_it_is_given_back() {
    let large = "x".repeat(50_000);
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned(),
        format!("HTTP/1.1 200 OK\r\nX: {large}\r\n\r\n{large}"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n{large}\r\n0\r\nX: y\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok".into(),
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n".into(),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nx".into(),
        "nonsense\r\n\r\n".into(),
        String::new(),
    ];
    for answer in answers {
        let backend = Backend::start(move |_, stream| stream.write_all(answer.as_bytes()).is_err());
        let proxy = Proxy::start(&[backend.address], "max-head: 256KiB");
        for request in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "GET / HTTP/1.0\r\n\r\n".into(),
            format!("GET / HTTP/1.1\r\nHost: a\r\nX: {large}{large}\r\n\r\n"),
            format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n{large}"),
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n{large}\r\n0\r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n".into(),
            "nonsense\r\n\r\n".into(),
            String::new(),
        ] {
            let mut client = proxy.client();
            client.send(&request);
            let _ = client.stream.get_ref().shutdown(std::net::Shutdown::Write); // it may have been cut off by now
            client.rest();
        }
        until("all is given back", || proxy.count(BUFFERED) == 0);
        proxy.sidecar.finish();
    }
    // Nor of those that wait for an endpoint, or for its answer.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::start(&[silent.local_addr().expect("a port")], "");
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    until("something is held", || proxy.count(BUFFERED) > 0);
    drop(client);
    until("it is given back", || proxy.count(BUFFERED) == 0);
    proxy.sidecar.finish();
}
