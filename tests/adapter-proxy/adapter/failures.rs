//! Bodies that do not fit, and upstreams that fail while theirs are read: the client is never left with half of something
//! that looks whole.

use super::{JSON, Text, answer, field, post, problem, say, send, start};
use e2e::proxy::http::{Backend, Proxy};
use e2e::sidecar::get;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// What the page of endpoints says of the state of the first one.
fn state(proxy: &Proxy) -> String {
    let (_, page) = get(proxy.admin, "/endpoints").expect("a page");
    let endpoints: serde_json::Value = serde_json::from_str(&page).expect("JSON");
    endpoints[0]["state"].as_str().expect("a state").into()
}

#[test]
fn a_request_that_does_not_fit() {
    let backend = Backend::answering(OK);
    let proxy = start(
        &backend,
        "{name: xml, match: {path: /xml}, request: {body: {from: xml, to: json}}, failure: {request: 422}},
         {name: json, request: {body: {filter: .a.b, max-body: 1KiB}}}",
    );
    let mut client = proxy.client();
    for (target, body, status, at) in [
        ("/", "{\"a\":\n {\"b\": 1,}}", 400, Some("line 2, column 10")),
        ("/", "{\"a\": 1}", 400, Some("line 1, column 4 of the filter")),
        ("/", "[", 400, Some("line 1, column 2")),
        ("/", "\u{7f}", 400, Some("line 1, column 1")),
        ("/xml", "<a><b></a>", 422, Some("line 1, column 7")),
        ("/xml", "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", 422, Some("line 1, column 1")),
    ] {
        let problem = problem(&post(&mut client, target, body), status, "body-unfit");
        assert_eq!(problem["route"], if target == "/" { "json" } else { "xml" });
        assert_eq!(problem["mapping"], "request.body");
        assert_eq!(problem.get("at").and_then(serde_json::Value::as_str), at, "{body}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
    }
    assert_eq!(post(&mut client, "/", "x".repeat(2000)).status, 413);
    assert!(backend.seen().is_empty(), "none of them is sent");
    proxy.sidecar.until_said("route xml: ");
    assert_eq!(post(&mut proxy.client(), "/", "{\"a\":{\"b\":1}}").status, 200);
    assert_eq!(backend.seen().len(), 1);
}

/// What does not fit is the upstream's fault, and none of its connection's.
#[test]
fn an_answer_that_does_not_fit() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope");
    let text = Text {
        routes: "{name: r, responses: [{body: {filter: .a}}], failure: {response: 599}}",
        cluster: "outlier: {failures: 1, eject-for: 30s}, ",
        ..Text::default()
    };
    let proxy = text.start(&[backend.address]);
    let mut client = proxy.client();
    for _ in 0..20 {
        let problem = problem(&client.get("/"), 599, "body-unfit");
        assert_eq!((&problem["route"], &problem["at"]), (&"r".into(), &"line 1, column 1".into()));
        assert_eq!(problem["mapping"], "responses[0].body");
    }
    assert_eq!(state(&proxy), "up");
    assert!(backend.seen().iter().all(|request| request.connection == 0), "its connection goes on");
}

/// What it says before it breaks off would do as an answer, if nobody minded its length.
#[test]
fn an_answer_that_breaks_off() {
    for half in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\":1}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}XX",
    ] {
        let backend = Backend::start(move |_, stream| {
            say(stream, half);
            false
        });
        let routes = "{name: r, responses: [{body: {filter: .a}}]}";
        let cluster = "outlier: {failures: 1, eject-for: 30s}, ";
        let proxy = Text { routes, cluster, ..Text::default() }.start(&[backend.address]);
        let mut client = proxy.client();
        let answer = client.get("/");
        assert_eq!(answer.status, 502, "{half:?}: {answer:?}");
        assert!(field(&answer.head, "x-proxy-error").is_some(), "{answer:?}");
        assert!(!answer.body.contains('1'), "{answer:?}");
        assert_ne!(state(&proxy), "up", "that is a fault of the endpoint's");
    }
}

#[test]
fn an_answer_that_is_too_large() {
    let backend = Backend::start(|request, stream| {
        let body = format!("\"{}\"", "x".repeat(if request.head.starts_with("GET /more") { 1023 } else { 1022 }));
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        if request.head.contains("/chunked") {
            say(stream, &format!("{chunked}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
        } else {
            say(stream, &answer(JSON, &body))
        }
    });
    let proxy = start(&backend, "{name: r, responses: [{body: {filter: length, max-body: 1KiB}}]}");
    let mut client = proxy.client();
    for end in ["", "/chunked"] {
        assert_eq!(client.get(&format!("/as-much{end}")).body, "1022");
        let problem = problem(&client.get(&format!("/more{end}")), 502, "body-unfit");
        assert_eq!(problem["detail"], "it is larger than `max-body`");
    }
}

#[test]
fn what_is_made_is_too_large_or_none() {
    let backend = Backend::answering(OK);
    let routes = "{name: much, match: {path: /much}, responses: [{body: {filter: '[range(2000)]'}}]},
        {name: none, match: {path: /none}, responses: [{body: {filter: empty}}]},
        {name: two, match: {path: /two}, responses: [{body: {filter: '1, 2'}}]},
        {name: error, match: {path: /error}, responses: [{body: {filter: 'error(\"mine\")'}}]},
        {name: halt, match: {path: /halt}, responses: [{body: {filter: halt}}]},
        {name: xml, match: {path: /xml}, responses: [{body: {to: xml, filter: '[1]'}}]},
        {name: status, match: {path: /status}, responses: [{body: {status: '\"200\"'}}]},
        {name: high, match: {path: /high}, responses: [{body: {status: '1e9'}}]}";
    let proxy = Text { routes, more: "filters: {max-output: 1KiB}", ..Text::default() }.start(&[backend.address]);
    let mut client = proxy.client();
    for name in ["much", "none", "two", "error", "halt", "xml", "status", "high"] {
        let problem = problem(&client.get(&format!("/{name}")), 502, "body-unfit");
        assert_eq!(problem["route"], name);
    }
    assert_eq!(client.get("/").status, 200);
}

/// One that may be sent twice is sent as it was made, and one that may not is sent once.
#[test]
fn mapped_requests_that_are_sent_again() {
    let broken = Backend::start(|_, _| false);
    let routes = "{name: r, request: {body: {filter: .a}}}";
    for method in ["PUT", "POST"] {
        let times = AtomicUsize::new(0);
        let backend = Backend::start(move |_, stream| {
            times.fetch_add(1, Ordering::SeqCst) > 0 && stream.write_all(OK.as_bytes()).is_ok()
        });
        let text = Text { routes, http: "retries: {at-least: 100}", ..Text::default() };
        let proxy = text.start(&[backend.address, broken.address]);
        let before = broken.seen().len();
        let mut client = proxy.client();
        let mut answered = 0;
        for _ in 0..10 {
            send(&mut client, &format!("{method} / HTTP/1.1\r\nHost: a\r\n"), "{\"a\":[1,2]}");
            answered += usize::from(client.answer().status == 200);
        }
        let all: Vec<_> = backend.seen().into_iter().chain(broken.seen().into_iter().skip(before)).collect();
        assert!(all.iter().all(|request| request.body == "[1,2]"), "{all:?}");
        match method {
            "PUT" => assert!(answered >= 9 && all.len() > 10, "{answered} {}", all.len()),
            _ => assert_eq!(all.len(), 10, "each is sent once"),
        }
    }
}

/// What arrives while the answer is early is no body of the next request.
#[test]
fn requests_that_are_refused_before_they_are_whole() {
    let backend = Backend::answering(OK);
    let proxy = start(&backend, "{name: r, request: {body: {max-body: 1KiB}}}");
    let mut client = proxy.client();
    let inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    send(&mut client, "POST / HTTP/1.1\r\nHost: a\r\n", inner);
    let answer = client.answer();
    assert_eq!((answer.status, field(&answer.head, "connection")), (413, Some("close")));
    assert_eq!(client.rest(), "");
    for bad in ["Transfer-Encoding: chunked\r\n\r\nXX\r\n", "Transfer-Encoding: chunked\r\n\r\n1\r\nabc"] {
        let answer = proxy.talk(&format!("POST / HTTP/1.1\r\nHost: a\r\n{bad}"));
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("Connection: close\r\n"), "{answer}");
    }
    // Nobody is asked to send what nobody wants.
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1025\r\n\r\n");
    assert_eq!(client.answer().status, 413);
    assert!(backend.seen().is_empty());
}
