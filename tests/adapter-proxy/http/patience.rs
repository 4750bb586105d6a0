//! Whose time it is that passes, and who is blamed when it is over.

use e2e::process::until;
use e2e::proxy::break_off;
use e2e::proxy::http::{Backend, Proxy, file};
use e2e::sidecar::get;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// One failure is enough.
const STRICT: &str = "outlier: {failures: 1, eject-for: 1h, longest: 1h}, ";

/// It reads, and never answers.
fn silent() -> Backend {
    Backend::start(|_, _| {
        thread::park();
        false
    })
}

/// One to this endpoint, which is left out after one failure.
fn strict(backend: &Backend, http: &str) -> Proxy {
    Proxy::of(|listen| file(listen, &[backend.address], http, STRICT), |launch| launch)
}

fn ejections(proxy: &Proxy) -> u64 {
    proxy.count("adapter_proxy_endpoint_ejections_total")
}

/// However its body came, an endpoint that has all of a request has `try-timeout` for it.
#[test]
fn a_request_whose_body_came_later() {
    let backend = silent();
    let proxy = Proxy::start(&[backend.address], "try-timeout: 200ms, stall-timeout: 1h");
    for (head, body) in [("Content-Length: 5", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")] {
        let mut client = proxy.client();
        client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n"));
        client.send(body);
        assert_eq!(client.answer().body, "try-timeout\n", "{head}");
    }
}

/// As long as a client sends its body, its time is `stall-timeout`, from one piece to the next.
#[test]
fn a_client_that_pauses() {
    let backend = Backend::answering(OK);
    let proxy = strict(&backend, "try-timeout: 1s, request-timeout: 1s, stall-timeout: 1h");
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    thread::sleep(Duration::from_millis(1200)); // longer than a try may take
    client.send("hello");
    thread::sleep(Duration::from_millis(1200));
    client.send("hello");
    assert_eq!(client.answer().status, 200);
    assert_eq!(ejections(&proxy), 0);
}

/// What a mapped body takes to come is not the endpoint's time, over a new connection nor over one that there was.
#[test]
fn a_mapped_body_that_comes_slowly() {
    let backend = Backend::answering(OK);
    let text = |listen| {
        format!(
            "listeners: [{{listen: '{listen}', protocol: http, cluster: c, http: {{try-timeout: 1s}}, \
             routes: [{{name: mapped, match: {{path: /mapped}}, request: {{body: {{filter: .}}}}}}]}}]\n\
             clusters: {{c: {{{STRICT}endpoints: ['{}']}}}}\n",
            backend.address
        )
    };
    let proxy = Proxy::of(text, |launch| launch);
    for _ in 0..2 {
        let mut client = proxy.client();
        client.send("POST /mapped HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n{\"a\"");
        thread::sleep(Duration::from_millis(1200)); // longer than a try may take
        client.send(": 1}");
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(ejections(&proxy), 0);
}

/// The endpoint has begun to answer, and waits for what the client does not send.
#[test]
fn a_client_that_keeps_back_what_its_answer_takes() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("a port");
    let text = |listen| file(listen, &[address], "stall-timeout: 2s", STRICT);
    let proxy = Proxy::of(text, |launch| launch);
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello");
    let (mut upstream, _) = listener.accept().expect("the proxy connects");
    upstream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").expect("the proxy reads");
    let mut all = vec![];
    let end = client.stream.read_to_end(&mut all).map_err(|error| error.kind());
    assert_eq!(end, Err(ErrorKind::ConnectionReset), "it is not to look whole");
    assert_eq!(ejections(&proxy), 0);
}

/// How long a client takes to send says nothing of its endpoint.
#[test]
fn what_a_client_takes_is_no_latency() {
    let backend = Backend::answering(OK);
    let proxy = strict(&backend, "stall-timeout: 4s");
    let latency = || proxy.metric("adapter_proxy_endpoint_latency_seconds{");
    for (rest, status) in [("hello", 200), ("", 408)] {
        assert_eq!(proxy.client().get("/").status, 200);
        let mut client = proxy.client();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
        thread::sleep(Duration::from_secs(2)); // longer than an answer takes
        client.send(rest);
        assert_eq!(client.answer().status, status);
        assert!((1e-6..1.0).contains(&latency()), "{} s", latency());
    }
    assert_eq!(ejections(&proxy), 0);
}

/// As of a server that waits for something to tell: that the client goes meanwhile is nobody's fault, and soon known.
#[test]
fn a_client_that_goes_while_nothing_moves() {
    for (routes, content) in
        [("", "text/event-stream"), ("routes: [{name: r, responses: [{body: {filter: .}}]}]", "application/json")]
    {
        let backend = Backend::start(move |_, stream| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content}\r\nTransfer-Encoding: chunked\r\n\r\n");
            let begun = stream.write_all(format!("{head}2\r\n[1\r\n").as_bytes());
            begun.is_ok() && stream.read(&mut [0]).is_ok_and(|count| count > 0)
        });
        let text = |listen| {
            format!(
                "listeners: [{{listen: '{listen}', protocol: http, cluster: c, {routes}}}]\n\
                 clusters: {{c: {{{STRICT}endpoints: ['{}']}}}}\n",
                backend.address
            )
        };
        let proxy = Proxy::of(text, |launch| launch);
        for (number, goes) in [drop, break_off].into_iter().enumerate() {
            let mut client = proxy.client();
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            until("its request is there", || backend.seen().len() > number);
            if routes.is_empty() {
                let mut head = [0; 1024];
                while !head.starts_with(b"HTTP/1.1 200") {
                    assert!(client.stream.read(&mut head).expect("the head") > 0);
                }
            }
            goes(client.stream.into_inner());
            until("its endpoint is told", || backend.closed() > number);
        }
        until("nothing is under way", || proxy.count("adapter_proxy_http_active_requests") == 0);
        assert_eq!(ejections(&proxy), 0);
        // Who has nothing of it was not answered.
        let page = get(proxy.admin, "/metrics").expect("metrics").1;
        let answered = page.lines().find(|line| line.contains("http_requests_total{") && line.contains("code=\"2xx\""));
        let expected = if routes.is_empty() { " 2" } else { " 0" };
        assert!(answered.is_some_and(|line| line.ends_with(expected)), "{page}");
        proxy.sidecar.finish();
    }
}

/// Nobody can do it again, so that the app gets the error: then it is the endpoint's, and said to be.
#[test]
fn a_post_that_breaks_on_a_kept_connection() {
    let backend = Backend::start(|request, stream| request.head.starts_with("GET") && write!(stream, "{OK}").is_ok());
    let proxy = Proxy::start(&[backend.address], "");
    let mut client = proxy.client();
    assert_eq!(client.get("/").status, 200);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(client.answer().status, 502);
    proxy.sidecar.until_said("it closed the connection without an answer");
    let page = get(proxy.admin, "/metrics").expect("metrics").1;
    assert!(page.lines().any(|line| line.contains("result=\"broken\"") && line.ends_with(" 1")), "{page}");
}

/// All that is sent from here may take as long as it likes, as long as it moves.
#[test]
fn a_mapped_answer_that_takes_long() {
    const SIZE: usize = 24 << 20; // more than the kernel's buffers take
    let backend = Backend::start(|_, stream| {
        let body = format!("\"{}\"", "x".repeat(SIZE));
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).is_ok()
    });
    let text = |listen| {
        format!(
            "listeners: [{{listen: '{listen}', protocol: http, cluster: c, http: {{stall-timeout: 2s}}, \
             routes: [{{name: all, responses: [{{body: {{filter: ., max-body: 32MiB}}}}]}}]}}]\n\
             clusters: {{c: {{endpoints: ['{}']}}}}\nfilters: {{max-output: 32MiB, memory: 256MiB}}\n",
            backend.address
        )
    };
    let proxy = Proxy::of(text, |launch| launch);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let (mut piece, mut came) = (vec![0; 64 << 10], 0);
    loop {
        match client.stream.read(&mut piece).expect("all of it comes") {
            0 => break,
            count => came += count,
        }
        thread::sleep(Duration::from_millis(10)); // more than that altogether
    }
    assert!(came > SIZE, "{came} bytes");
    // One that does not read at all is cut off, and sees that.
    let mut client = proxy.client();
    client.send("GET / HTTP/1.0\r\n\r\n");
    until("it is cut off", || proxy.count("adapter_proxy_http_request_seconds_count") == 2);
    let mut end = Ok(1);
    while matches!(end, Ok(1..)) {
        end = client.stream.read(&mut piece).map_err(|error| error.kind());
    }
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}
