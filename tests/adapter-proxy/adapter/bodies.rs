//! Bodies in each format, however they come, and what goes with them.

use super::{JSON, answering, field, post, problem, say, send, start};
use e2e::proxy::http::Backend;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::fmt::Write as _;
use std::io::Write;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn bodies_of_requests_in_each_format() {
    let backend = Backend::answering(OK);
    for (body, sent, kind, expected) in [
        (
            "from: form, to: json, filter: '{user: .name, tags: .t}'",
            "name=J%C3%B6rg+A&t=1&t=2",
            JSON,
            "{\"user\":\"Jörg A\",\"tags\":[\"1\",\"2\"]}",
        ),
        ("from: xml, to: json, filter: .a.b", "<?xml version='1.0'?><a><b>x</b><b>y</b></a>", JSON, "[\"x\",\"y\"]"),
        (
            "to: xml, filter: '{r: {\"@id\": 7, x: .x}}'",
            "{\"x\":[1,\"<\"]}",
            "application/xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<r id=\"7\"><x>1</x><x>&lt;</x></r>",
        ),
        ("to: form", "{\"a\":\"x y\",\"b\":[1,2]}", "application/x-www-form-urlencoded", "a=x+y&b=1&b=2"),
        ("from: yaml, to: json", "a: [1, two]\n", JSON, "{\"a\":[1,\"two\"]}"),
        ("from: csv, to: json, filter: 'map(.b)'", "a,b\n1,\"x, y\"\n2,z\n", JSON, "[\"x, y\",\"z\"]"),
        ("from: text, to: json", "a\"b", JSON, "\"a\\\"b\""),
        ("from: {pairs: '='}, to: json", "a=1\nb = 2\n", JSON, "{\"a\":\"1\",\"b\":\"2\"}"),
        (
            "from: {lines: '(?<n>[0-9]+) (?<t>\\w+)'}, to: json",
            "1 a\nno\n2 b\n",
            JSON,
            "[{\"n\":\"1\",\"t\":\"a\"},{\"n\":\"2\",\"t\":\"b\"}]",
        ),
        ("content-type: application/vnd.x+json, filter: '. + 1'", "41", "application/vnd.x+json", "42"),
    ] {
        let proxy = start(&backend, &format!("{{name: r, request: {{body: {{{body}}}}}}}"));
        let mut client = proxy.client();
        for _ in 0..2 {
            send(&mut client, "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Type: x/y\r\nDigest: x\r\n", sent);
            assert_eq!(client.answer().body, "ok", "{body}");
            let seen = backend.seen().pop().expect("a request");
            assert_eq!(seen.body, expected, "{body}");
            let length = expected.len();
            assert_eq!(
                seen.head,
                format!("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")
            );
        }
    }
}

#[test]
fn bodies_of_answers_in_each_format() {
    for (body, kind, got, expected_kind, expected) in [
        ("to: yaml", JSON, "{\"a\":[1,\"no\"]}", "application/yaml", "a:\n  - 1\n  - \"no\"\n"),
        ("to: csv", JSON, "[{\"a\":1,\"b\":\"x,y\"}]", "text/csv; charset=utf-8", "a,b\r\n1,\"x,y\"\r\n"),
        ("from: xml, to: json, filter: '.r.\"@id\"'", "text/xml", "<r id='7'/>", JSON, "\"7\""),
        ("to: text, filter: .a", JSON, "{\"a\":\"x\"}", "text/plain; charset=utf-8", "x"),
    ] {
        let backend = answering(kind, got);
        let proxy = start(&backend, &format!("{{name: r, responses: [{{body: {{{body}}}}}]}}"));
        let answer = proxy.client().get("/");
        assert_eq!((answer.status, answer.body.as_str()), (200, expected), "{body}");
        assert_eq!(field(&answer.head, "content-type"), Some(expected_kind), "{body}");
    }
}

#[test]
fn a_get_becomes_a_post() {
    let backend = Backend::answering(OK);
    let proxy = start(
        &backend,
        "{name: r, match: {path: '/find/{what}'}, request: {method: POST, path: /search, query: {only: []},
          body: {from: none, to: json, filter: '{what: $parts.what, page: $query.page}'}}}",
    );
    let mut client = proxy.client();
    for page in ["1", "2"] {
        assert_eq!(client.get(&format!("/find/a%2fb?page={page}")).body, "ok");
        let seen = backend.seen().pop().expect("a request");
        assert_eq!(seen.head.lines().next(), Some("POST /search HTTP/1.1"));
        assert_eq!(seen.body, format!("{{\"what\":\"a/b\",\"page\":\"{page}\"}}"));
    }
}

#[test]
fn uploads_of_each_kind() {
    let backend = Backend::answering(OK);
    let proxy = start(&backend, "{name: r, request: {body: {filter: .a}}}");
    let mut client = proxy.client();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(200_000));
    for body in ["{\"a\":1}", &long] {
        let mut request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
        for chunk in body.as_bytes().chunks(70_001) {
            let _ = write!(request, "{:x};e=1\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk));
        }
        client.send(&(request + "0\r\nX: y\r\n\r\n"));
        assert_eq!(client.answer().body, "ok");
        assert_eq!(post(&mut client, "/", body).body, "ok");
        client.send(&format!(
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ));
        assert_eq!(client.answer().head, "HTTP/1.1 100 Continue\r\n\r\n");
        client.send(body);
        assert_eq!(client.answer().body, "ok");
    }
    let seen = backend.seen();
    assert_eq!(seen.len(), 6);
    for request in &seen {
        let length = field(&request.head, "content-length").expect("a length");
        assert_eq!(length, request.body.len().to_string());
        for gone in ["transfer-encoding", "expect"] {
            assert_eq!(field(&request.head, gone), None, "{}", request.head);
        }
    }
    assert!(seen[5].body.len() == 200_002);
    // One byte at a time.
    for byte in "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n{\"a\":5}".chars() {
        client.send(&byte.to_string());
    }
    assert_eq!(client.answer().body, "ok");
    assert_eq!(backend.seen()[6].body, "5");
}

/// That there is none is said where a body would mean something; it is no body that does not fit.
#[test]
fn bodies_of_nothing() {
    let backend = Backend::start(|request, stream| {
        let chunked = "HTTP/1.1 200 Fine\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        say(stream, if request.head.contains("/chunked") { chunked } else { OK })
    });
    let proxy = start(&backend, "{name: r, request: {body: {filter: .a}}}");
    let mut client = proxy.client();
    assert_eq!(post(&mut client, "/", "").body, "ok");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(client.answer().body, "ok");
    assert_eq!(client.get("/").body, "ok");
    let seen = backend.seen();
    assert_eq!(field(&seen[0].head, "content-length"), Some("0"));
    assert_eq!(field(&seen[1].head, "content-length"), Some("0"));
    assert_eq!(field(&seen[2].head, "content-length"), None);
    let proxy = start(&backend, "{name: r, responses: [{body: {to: xml, filter: '{a: .}'}}]}");
    let mut client = proxy.client();
    for _ in 0..2 {
        assert_eq!(client.get("/chunked").head, "HTTP/1.1 200 Fine\r\nX-A: b\r\nContent-Length: 0\r\n\r\n");
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(vec![], Compression::default());
    packed.write_all(body).expect("memory");
    packed.finish().expect("memory")
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(vec![], Compression::default());
    packed.write_all(body).expect("memory");
    packed.finish().expect("memory")
}

#[test]
fn packed_requests() {
    let backend = Backend::answering(OK);
    let proxy = start(&backend, "{name: r, request: {body: {filter: .a, max-body: 1MiB}}, failure: {request: 422}}");
    let mut client = proxy.client();
    let body = b"{\"a\": [1, 2]}";
    for (coding, packed) in
        [("gzip", gzip(body)), ("X-GZIP", gzip(body)), ("deflate", deflate(body)), ("identity", body.to_vec())]
    {
        send(&mut client, &format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\n"), packed);
        assert_eq!(client.answer().body, "ok", "{coding}");
        let seen = backend.seen().pop().expect("a request");
        assert_eq!((seen.body.as_str(), field(&seen.head, "content-encoding")), ("[1,2]", None));
    }
    let before = backend.seen().len();
    for coding in ["br", "gzip, gzip", "zstd\r\nContent-Encoding: gzip"] {
        send(&mut client, &format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\n"), gzip(body));
        assert_eq!(client.answer().status, 415, "{coding}");
    }
    // A bomb: it is within `max-body` as it comes, and what is in it is not.
    for bomb in [gzip(&vec![b' '; 8 << 20]), deflate(&vec![b' '; 8 << 20])] {
        let coding = if bomb.starts_with(b"\x1F\x8B") { "gzip" } else { "deflate" };
        assert!(bomb.len() < 1 << 20);
        send(&mut client, &format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\n"), bomb);
        let problem = problem(&client.answer(), 422, "body-unfit");
        assert_eq!(problem["detail"], "unpacked, it has more than 1048576 bytes");
    }
    send(&mut client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n", &gzip(body)[..20]);
    problem(&client.answer(), 422, "body-unfit");
    assert_eq!(backend.seen().len(), before);
    assert_eq!(post(&mut client, "/", "{\"a\":0}").body, "ok");
}

#[test]
fn packed_answers() {
    let backend = Backend::start(|request, stream| {
        let target = request.head.split(' ').nth(1).unwrap_or_default();
        let coding = target.trim_start_matches('/');
        let body = b"{\"a\": [1, 2]}";
        let packed = match coding {
            "deflate" => deflate(body),
            "bomb" => gzip(&vec![b' '; 8 << 20]),
            _ => gzip(body),
        };
        let coding = if coding == "bomb" { "gzip" } else { coding };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", packed.len());
        say(stream, &head) && stream.write_all(&packed).is_ok()
    });
    let proxy = start(&backend, "{name: r, responses: [{body: {filter: .a}}], failure: {response: 500}}");
    let mut client = proxy.client();
    for coding in ["gzip", "deflate"] {
        let answer = client.get(&format!("/{coding}"));
        assert_eq!((answer.status, answer.body.as_str()), (200, "[1,2]"));
        assert_eq!(field(&answer.head, "content-encoding"), None, "{answer:?}");
    }
    for coding in ["br", "bomb"] {
        assert_eq!(problem(&client.get(&format!("/{coding}")), 500, "body-unfit")["route"], "r");
    }
}

#[test]
fn what_goes_with_a_body_that_is_no_more() {
    let body = "{\"a\": [1, 2]}";
    let backend = Backend::start(move |_, stream| {
        say(
            stream,
            &format!(
                "HTTP/1.1 200 Fine\r\nContent-Type: text/x\r\nETag: \"e\"\r\nDigest: d\r\nContent-MD5: m\r\n\
                 Content-Digest: d\r\nRepr-Digest: d\r\nAccept-Ranges: bytes\r\nTransfer-Encoding: chunked\r\n\
                 X-Kept: yes\r\n\r\n{:x}\r\n{body}\r\n0\r\nX-Sum: 1\r\n\r\n",
                body.len()
            ),
        )
    });
    let proxy = start(&backend, "{name: r, responses: [{body: {filter: .a}}]}");
    let mut client = proxy.client();
    for _ in 0..2 {
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nRange: bytes=0-3\r\nIf-Range: \"e\"\r\n\r\n");
        assert_eq!(
            client.answer().head,
            "HTTP/1.1 200 Fine\r\nETag: \"e\"\r\nX-Kept: yes\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n"
        );
    }
    for request in backend.seen() {
        assert_eq!((request.head.as_str(), request.connection), ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0));
    }
}

/// The route's word is the last one, and there is one of them.
#[test]
fn a_content_type_that_a_route_sets() {
    let backend = answering(JSON, "{\"a\":1}");
    let of = |head: &str| -> Vec<String> {
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-type")).map(|(_, kind)| kind.to_owned()).collect()
    };
    for (edits, kind) in [
        ("set: {Content-type: application/vnd.a+json}", "application/vnd.a+json"),
        ("add: {content-type: application/vnd.a+json}", "application/vnd.a+json"),
        ("rename: {x-type: content-type}", "x/y"),
        ("set: {content-type: a/b}, add: {content-type: c/d}", "c/d"),
        ("set: {content-type: '{header.nothing}'}", JSON),
        ("remove: [content-type]", JSON),
    ] {
        for body in ["{filter: .a}", "{stream: ndjson, filter: .a, content-type: application/json}"] {
            let request = if body.contains("stream") { "{}" } else { body };
            let request = if request == "{}" { String::new() } else { format!(", body: {request}") };
            let proxy = start(
                &backend,
                &format!(
                    "{{name: r, request: {{headers: {{{edits}}}{request}}},
                       responses: [{{headers: {{{}, rename: {{x-in: x-out}}}}, body: {body}}}]}}",
                    edits.replace("rename: {x-type: content-type}", "add: {content-type: x/y}")
                ),
            );
            let mut client = proxy.client();
            let lines = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: z/z\r\nX-Type: x/y\r\n";
            send(&mut client, lines, "{\"a\":2}");
            let answer = client.answer();
            assert_eq!(of(&answer.head), [kind], "{edits}, {body}: {}", answer.head);
            if body.contains("stream") {
                continue;
            }
            let seen = backend.seen().pop().expect("a request");
            assert_eq!(of(&seen.head), [kind], "{edits}: {}", seen.head);
        }
    }
}
