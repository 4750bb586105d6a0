//! The access log: a line for each request, and why it went wrong if it did.

use e2e::launch::pipe;
use e2e::process::until;
use e2e::proxy::http::{Backend, Proxy};
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn lines(reader: OwnedFd) -> Vec<Value> {
    let mut log = String::new();
    File::from(reader).read_to_string(&mut log).expect("a log");
    log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_log_and_the_trace() {
    let backend = Backend::answering(OK);
    let (reader, writer) = pipe().expect("a pipe");
    let proxy = Proxy::with(&[backend.address], "access-log: json", |launch| launch.redirected(1, writer));
    let mut client = proxy.client();
    client.get("/first\"quoted");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    client.send(&format!("POST /second HTTP/1.1\r\nHost: a\r\ntraceparent: 00-{trace}-b7ad6b7169203331-01\r\nContent-Length: 3\r\n\r\nabc"));
    client.answer();
    let seen = backend.seen();
    assert!(seen[0].head.contains("\r\ntraceparent: 00-"), "{:?}", seen[0]);
    assert!(seen[1].head.contains(&format!("\r\ntraceparent: 00-{trace}-b7ad6b7169203331-01\r\n")), "{:?}", seen[1]);
    proxy.sidecar.finish();
    let lines = lines(reader);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!((&lines[0]["target"], &lines[0]["status"]), (&"/first\"quoted".into(), &200.into()));
    assert!(seen[0].head.contains(lines[0]["trace_id"].as_str().expect("an id")));
    assert_eq!((&lines[1]["trace_id"], &lines[1]["received"]), (&trace.into(), &3.into()));
    assert_eq!((&lines[1]["endpoint"], &lines[1]["error"]), (&backend.address.to_string().into(), &"-".into()));
}

/// Also of what is no request, and of those that nobody has answered.
#[test]
fn why_it_went_wrong() {
    let backend = Backend::start(|request, stream| {
        if request.head.starts_with("GET /held") {
            std::thread::park();
        }
        if request.head.starts_with("GET /broken") {
            return false;
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nnot all");
        if request.head.starts_with("GET /ended") {
            std::thread::park();
        }
        false
    });
    let (reader, writer) = pipe().expect("a pipe");
    let settings = "access-log: json, hedge: false, retries: {tries: 1}, max-head: 256B, header-timeout: 100ms";
    let proxy = Proxy::with(&[backend.address], settings, |launch| launch.redirected(1, writer));
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    proxy.talk("GET / HTTP/1.1\r\n\r\n");
    proxy.talk("\x16\x03\x01");
    proxy.talk(&format!("GET /{}", "x".repeat(300)));
    proxy.talk(&format!("GET /cookie HTTP/1.1\r\nCookie: {}\r\n\r\n", "x".repeat(300)));
    proxy.talk("GET / HT");
    proxy.talk(&get("/cut"));
    proxy.talk(&get("/broken"));
    let mut held = proxy.client();
    held.send(&get("/held"));
    until("it is there", || backend.seen().len() == 3);
    drop(held);
    until("it is noticed", || proxy.count("adapter_proxy_http_active_requests") == 0);
    let mut ended = proxy.client();
    ended.send(&get("/ended"));
    ended.stream.read_exact(&mut [0; 40]).expect("it begins");
    assert_eq!(proxy.sidecar.terminate().code, 1, "something is cut off");
    let seen: Vec<_> = lines(reader)
        .into_iter()
        .map(|line| {
            assert!(line["client"] == "127.0.0.1" && line["duration_ms"].as_f64() < Some(60e3), "{line}");
            let word = |name| line[name].as_str().expect("a word").to_owned();
            (word("method"), word("target"), line["status"].as_u64().expect("a number"), word("error"))
        })
        .collect();
    let expected = [
        ("GET", "/", 400, "there is no Host"),
        ("-", "-", 400, "this is TLS, and no HTTP/1.1"),
        ("-", "-", 431, "the head is too long"),
        ("GET", "/cookie", 431, "the head is too long"),
        ("-", "-", 408, "the head does not come"),
        ("GET", "/cut", 200, "cut-off"),
        ("GET", "/broken", 502, "connection-broken"),
        ("GET", "/held", 0, "client-gone"),
        ("GET", "/ended", 200, "proxy-ended"),
    ];
    let expected = expected.map(|(method, target, status, error)| (method.into(), target.into(), status, error.into()));
    assert_eq!(seen, expected);
}

/// One trace, and what is said of its state, or neither (<https://www.w3.org/TR/trace-context/#mutating-the-tracestate-field>).
#[test]
fn a_trace_that_is_none() {
    let backend = Backend::answering(OK);
    let proxy = Proxy::start(&[backend.address], "access-log: text");
    let mut client = proxy.client();
    let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for traces in ["zz".to_owned(), format!("{good}\r\ntraceparent: {good}")] {
        client.send(&format!("GET / HTTP/1.1\r\nHost: a\r\ntraceparent: {traces}\r\ntracestate: a=b\r\n\r\n"));
        assert_eq!(client.answer().status, 200);
        let head = backend.seen().pop().expect("a request").head;
        assert!(head.matches("traceparent").count() == 1 && !head.contains(good), "{head}");
        assert!(!head.contains("tracestate"), "{head}");
    }
    client.send(&format!("GET / HTTP/1.1\r\nHost: a\r\ntraceparent: {good}\r\ntracestate: a=b\r\n\r\n"));
    assert_eq!(client.answer().status, 200);
    let head = backend.seen().pop().expect("a request").head;
    assert!(head.contains(&format!("\r\ntraceparent: {good}\r\ntracestate: a=b\r\n")), "{head}");
    proxy.sidecar.finish();
}

#[test]
fn lines_that_nobody_can_read_are_counted() {
    let backend = Backend::answering(OK);
    let full = File::options().write(true).open("/dev/full").expect("a device");
    let proxy = Proxy::with(&[backend.address], "access-log: text", |launch| launch.redirected(1, full.into()));
    for _ in 0..3 {
        assert_eq!(proxy.client().get("/").status, 200);
    }
    until("they are counted", || proxy.count("adapter_proxy_access_log_left_out_total") == 3);
    proxy.sidecar.finish();
}
