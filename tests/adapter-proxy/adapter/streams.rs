//! Answers that go on as they come, item by item.

use super::{Text, field, gate, problem, say, start};
use e2e::proxy::http::{Backend, Client};
use std::io::{BufRead, Read};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

const NDJSON: &str = "{name: r, responses: [{body: {stream: ndjson, filter: .a}}]}";
const SSE: &str = "{name: r, responses: [{body: {stream: sse, filter: .a}}]}";

fn head(client: &mut Client) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(matches!(client.stream.read_line(&mut head), Ok(1..)), "{head}");
    }
    head
}

/// The next chunk; empty when it is the last.
fn next(client: &mut Client) -> String {
    let mut line = String::new();
    client.stream.read_line(&mut line).expect("a chunk");
    let size = usize::from_str_radix(line.trim_end(), 16).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    let mut chunk = vec![0; size + 2];
    client.stream.read_exact(&mut chunk).expect("a chunk");
    chunk.truncate(size);
    String::from_utf8(chunk).expect("text")
}

/// The first item is there before the upstream has said the second.
#[test]
fn items_as_they_come() {
    for (routes, kind, items) in [
        (NDJSON, "application/x-ndjson", [("{\"a\":1}\n", "1\n"), ("{\"a\":[2]}\n", "[2]\n")]),
        (
            SSE,
            "text/event-stream",
            [("data: {\"a\":1}\n\n", "data: 1\n\n"), ("id: 7\r\ndata: {\"a\":2}\r\n\r\n", "id: 7\ndata: 2\n\n")],
        ),
    ] {
        let (gate, waiter) = gate();
        let backend = Backend::start(move |_, stream| {
            say(stream, HEAD);
            for (item, _) in items {
                say(stream, &chunk(item));
                waiter.wait();
            }
            say(stream, "0\r\n\r\n")
        });
        let proxy = start(&backend, routes);
        let mut client = proxy.client();
        for _ in 0..2 {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            let head = head(&mut client);
            assert_eq!(head, format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"));
            for (_, expected) in items {
                assert_eq!(next(&mut client), expected);
                gate.come();
                gate.open();
            }
            assert_eq!(next(&mut client), "");
        }
        assert!(backend.seen().iter().all(|request| request.connection == 0));
    }
}

#[test]
fn items_cut_anywhere() {
    for (routes, sent, expected) in [
        (NDJSON, "{\"a\":1}\n\n{\"a\":\"\u{fc}\"}\r\n{\"a\":3}", "1\n\"\u{fc}\"\n3\n"),
        (
            SSE,
            "data: {\ndata: \"a\":1}\n\nevent: x\nid: 5\nretry: 9\ndata:{\"a\":2}\r\n\r\n: comment\n\ndata: {\"a\":\"\u{fc}\"}\r\rdata: [DONE]\n\ndata: {\"a\":4}\n",
            "data: 1\n\nevent: x\nid: 5\nretry: 9\ndata: 2\n\n: comment\n\ndata: \"\u{fc}\"\n\ndata: [DONE]\n\n",
        ),
    ] {
        let backend = Backend::start(move |request, stream| {
            let target = request.head.split(' ').nth(1).unwrap_or_default();
            let at: usize = target.trim_start_matches('/').parse().unwrap_or(usize::MAX);
            let mut all = HEAD.as_bytes().to_vec();
            let bytes = sent.as_bytes();
            let pieces: Vec<&[u8]> =
                if at > bytes.len() { bytes.chunks(1).collect() } else { vec![&bytes[..at], &bytes[at..]] };
            for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
                all.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                all.extend_from_slice(piece);
                all.extend_from_slice(b"\r\n");
            }
            all.extend_from_slice(b"0\r\n\r\n");
            // In packets of their own, so that they are read apart.
            let middle = all.len() / 2;
            std::io::Write::write_all(stream, &all[..middle]).is_ok()
                && std::io::Write::write_all(stream, &all[middle..]).is_ok()
        });
        let proxy = start(&backend, routes);
        let mut client = proxy.client();
        for at in 0..=sent.len() {
            assert_eq!(client.get(&format!("/{at}")).body, expected, "cut at {at}");
        }
        assert_eq!(client.get("/each").body, expected);
    }
}

#[test]
fn filters_that_give_none_or_many() {
    for (stream, sent, expected) in [
        ("ndjson", "[1,2]\n[]\n[3]\n", "1\n2\n3\n"),
        (
            "sse",
            "id: 1\ndata: [1,2]\n\nid: 2\ndata: []\n\nid: 3\ndata: [3]\n\n",
            "id: 1\ndata: 1\n\nid: 1\ndata: 2\n\nid: 3\ndata: 3\n\n",
        ),
    ] {
        let backend = Backend::start(move |_, stream| say(stream, &format!("{HEAD}{}0\r\n\r\n", chunk(sent))));
        let proxy =
            start(&backend, &format!("{{name: r, responses: [{{body: {{stream: {stream}, filter: '.[]'}}}}]}}"));
        assert_eq!(proxy.client().get("/").body, expected);
    }
}

/// Many that are small come at once: it is each of them that may have so many bytes.
#[test]
fn many_items_at_once() {
    let backend = Backend::start(|_, stream| {
        let items = "{\"a\":\"0123456789\"}\n".repeat(5000);
        say(stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{items}", items.len()))
    });
    let proxy = start(&backend, "{name: r, responses: [{body: {stream: ndjson, filter: .a, max-body: 1KiB}}]}");
    let answer = proxy.client().get("/");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body == "\"0123456789\"\n".repeat(5000), "{} bytes", answer.body.len());
}

#[test]
fn a_bad_item() {
    for (routes, good, bad) in [(NDJSON, "{\"a\":1}\n", "nope\n"), (SSE, "data: {\"a\":1}\n\n", "data: nope\n\n")] {
        let (gate, waiter) = gate();
        let backend = Backend::start(move |request, stream| {
            if request.head.starts_with("GET /first") {
                return say(stream, &format!("{HEAD}{}0\r\n\r\n", chunk(bad)));
            }
            if request.head.starts_with("GET /pieces") {
                let pieces: String = bad.chars().map(|part| chunk(&part.to_string())).collect();
                return say(stream, HEAD) && say(stream, &pieces) && say(stream, "0\r\n\r\n");
            }
            say(stream, &format!("{HEAD}{}", chunk(good)));
            waiter.wait();
            say(stream, &format!("{}0\r\n\r\n", chunk(bad)))
        });
        let proxy = start(&backend, routes);
        let mut client = proxy.client();
        assert_eq!(problem(&client.get("/first"), 502, "body-unfit")["route"], "r");
        assert_eq!(problem(&client.get("/pieces"), 502, "body-unfit")["route"], "r");
        for version in ["1.1", "1.0"] {
            let mut client = proxy.client();
            client.send(&format!("GET /later HTTP/{version}\r\nHost: a\r\n\r\n"));
            let head = head(&mut client);
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            let length = if version == "1.0" { good.len() - 6 } else { 0 };
            if version == "1.1" {
                assert_eq!(next(&mut client), good.replace("{\"a\":1}", "1"));
            } else {
                let mut first = vec![0; length];
                client.stream.read_exact(&mut first).expect("an item");
            }
            gate.come();
            gate.open();
            // Nothing more, and no end that could be taken for one.
            let mut rest = vec![];
            let end = client.stream.read_to_end(&mut rest).map_err(|error| error.kind());
            assert_eq!((end, rest.len()), (Err(std::io::ErrorKind::ConnectionReset), 0), "HTTP/{version}");
        }
    }
}

#[test]
fn a_stream_that_breaks_off() {
    let (gate, waiter) = gate();
    let backend = Backend::start(move |_, stream| {
        say(stream, &format!("{HEAD}{}", chunk("{\"a\":1}\n")));
        waiter.wait();
        false
    });
    let proxy = start(&backend, NDJSON);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    head(&mut client);
    assert_eq!(next(&mut client), "1\n");
    gate.come();
    gate.open();
    let end = client.stream.read_to_end(&mut vec![]).map_err(|error| error.kind());
    assert_eq!(end, Err(std::io::ErrorKind::ConnectionReset));
    proxy.sidecar.until_said("its answer was cut off");
}

/// It is not kept until there is no memory left.
#[test]
fn an_item_that_never_ends() {
    let (_gate, waiter) = gate();
    let backend = Backend::start(move |request, stream| {
        say(stream, "HTTP/1.1 200 OK\r\n\r\n");
        if request.head.starts_with("GET /later") {
            say(stream, "{\"a\":1}\n");
            waiter.tell.lock().expect("no handler panics").send(()).expect("a test");
        }
        let piece = "x".repeat(64 << 10);
        while say(stream, &piece) {}
        false
    });
    let proxy = start(&backend, NDJSON);
    problem(&proxy.client().get("/"), 502, "body-unfit");
    let mut client = proxy.client();
    client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.rest();
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
    assert!(proxy.sidecar.peak() < 16 << 10, "{} kB", proxy.sidecar.peak());
}

#[test]
fn a_client_of_http_1_0() {
    let (gate, waiter) = gate();
    let backend = Backend::start(move |_, stream| {
        say(stream, &format!("{HEAD}{}", chunk("{\"a\":1}\n")));
        waiter.wait();
        say(stream, &format!("{}0\r\n\r\n", chunk("{\"a\":2}\n")))
    });
    let proxy = start(&backend, NDJSON);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let head = head(&mut client);
    assert_eq!((field(&head, "connection"), field(&head, "transfer-encoding")), (Some("close"), None), "{head}");
    let mut first = [0; 2];
    client.stream.read_exact(&mut first).expect("an item");
    assert_eq!(&first, b"1\n");
    gate.come();
    gate.open();
    assert_eq!(client.rest(), "2\n");
}

#[test]
fn the_status_of_a_stream() {
    let backend = Backend::start(|request, stream| {
        let status = request.head.split(['/', ' ']).nth(2).unwrap_or_default();
        if request.head.starts_with("HEAD") {
            return say(stream, "HTTP/1.1 200 X\r\nContent-Length: 8\r\n\r\n");
        }
        say(stream, &format!("HTTP/1.1 {status} X\r\nX-A: b\r\nContent-Length: 8\r\n\r\n{{\"a\":1}}\n"))
    });
    let routes = "{name: r, responses: [{status: 200, set-status: 207, headers: {set: {x-a: c}}, body: {stream: ndjson, filter: '.a + $status'}}]}";
    let proxy = Text { routes, ..Text::default() }.start(&[backend.address]);
    let mut client = proxy.client();
    let answer = client.get("/200");
    assert_eq!((answer.status, answer.body.as_str(), field(&answer.head, "x-a")), (207, "201\n", Some("c")));
    assert_eq!(field(&answer.head, "content-length"), None);
    assert_eq!(client.get("/404").body, "{\"a\":1}\n");
    client.send("HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(head(&mut client).starts_with("HTTP/1.1 207 "));
}

/// WHATWG HTML, 9.2.5: one in front of a stream is no part of it. Further on it is.
#[test]
fn a_byte_order_mark() {
    for (sent, expected) in [
        ("\u{FEFF}data: {\"a\":1}\n\ndata: {\"a\":2}\n\n", "data: 1\n\ndata: 2\n\n"),
        ("\u{FEFF}: hello\n\ndata: {\"a\":2}\n\n", ": hello\n\ndata: 2\n\n"),
        ("data: {\"a\":1}\n\n\u{FEFF}data: 7\n\n", "data: 1\n\n\u{FEFF}data: 7\n\n"),
    ] {
        let backend = Backend::start(move |request, stream| {
            if request.head.starts_with("GET /whole") {
                return say(stream, &format!("{HEAD}{}0\r\n\r\n", chunk(sent)));
            }
            let pieces = sent.as_bytes().iter().map(|byte| [b"1\r\n", &[*byte][..], b"\r\n"].concat());
            let all = pieces.collect::<Vec<_>>().concat();
            say(stream, HEAD) && std::io::Write::write_all(stream, &all).is_ok() && say(stream, "0\r\n\r\n")
        });
        let proxy = start(&backend, SSE);
        let mut client = proxy.client();
        for target in ["/whole", "/pieces"] {
            assert_eq!(client.get(target).body, expected, "{target}");
        }
    }
}
