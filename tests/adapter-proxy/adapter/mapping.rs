//! What an upstream gets instead of what was asked, and a client instead of what was answered.

use super::{JSON, Text, answer, answering, field, problem, say, send, start};
use e2e::launch::pipe;
use e2e::proxy::http::{Backend, Client, Proxy};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, Read};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The head of an answer that has no body, whatever it says of one.
fn head(client: &mut Client) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = client.stream.read_line(&mut head);
        assert!(matches!(read, Ok(1..)), "{head}: {read:?}");
    }
    head
}

#[test]
fn a_request_as_its_route_says() {
    let backend = Backend::answering(OK);
    let proxy = start(
        &backend,
        "{name: user, match: {path: '/v1/users/{id}', method: GET}, request: {method: POST, path: '/v2/accounts/{id}',
          host: v2.internal, query: {only: [old, keep], rename: {old: new}, set: {id: '{id}'}, add: {by: '{method}'}},
          headers: {set: {x-user: '{id}', x-none: '{header.nothing}'}, add: {x-kept: more}, remove: [cookie], rename: {x-old: x-new}}}}",
    );
    let mut client = proxy.client();
    client.send(
        "GET /v1/users/a%20b?old=%41&gone=1&keep HTTP/1.1\r\nHost: api.example.com\r\nCookie: a=b\r\nX-Old: 1\r\n\
         X-User: root\r\nX-None: root\r\nX-Kept: one\r\n\r\n",
    );
    assert_eq!(client.answer().body, "ok");
    assert_eq!(
        backend.seen()[0].head,
        "POST /v2/accounts/a%20b?new=%41&keep&id=a%20b&by=GET HTTP/1.1\r\nHost: v2.internal\r\nx-new: 1\r\n\
         x-user: a b\r\nX-Kept: one\r\nx-kept: more\r\n\r\n"
    );
}

#[test]
fn what_a_route_sets_cannot_be_taken_out() {
    let backend = Backend::answering(
        "HTTP/1.1 200 OK\r\nConnection: x-answered, x-secret\r\nX-Secret: 1\r\nContent-Length: 2\r\n\r\nok",
    );
    let proxy = start(
        &backend,
        "{name: r, request: {headers: {set: {x-user: admin}}}, responses: [{headers: {set: {x-answered: yes!}}}]}",
    );
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: x-user, x-secret\r\nX-Secret: 1\r\nX-User: root\r\n\r\n");
    let answer = client.answer();
    assert_eq!(backend.seen()[0].head, "GET / HTTP/1.1\r\nHost: a\r\nx-user: admin\r\n\r\n");
    assert_eq!(answer.head, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-answered: yes!\r\n\r\n");
}

#[test]
fn the_first_route_that_fits() {
    let [ours, theirs] = ["ours", "theirs"].map(|name| answering("text/plain", name));
    let (listener, other) = (ours.address, theirs.address);
    let routes =
        "{name: one, match: {path: /a}, cluster: d}, {name: two, match: {prefix: /a}, request: {path: '/two{rest}'}},
        {name: three, match: {prefix: /a}, cluster: d}, {name: four, match: {host: '*.d.test'}, cluster: d}";
    for (default, none) in [("cluster: c, ", 200), ("", 404)] {
        // Where the listener has no cluster, each route has its own.
        let routes =
            if default.is_empty() { routes.replace("}, request", "}, cluster: c, request") } else { routes.into() };
        let proxy = Proxy::of(
            |listen| {
                format!(
                    "listeners: [{{listen: '{listen}', protocol: http, {default}routes: [{routes}]}}]\n\
                     clusters: {{c: {{endpoints: ['{listener}']}}, d: {{endpoints: ['{other}']}}}}\n"
                )
            },
            |launch| launch,
        );
        let mut client = proxy.client();
        assert_eq!(client.get("/a").body, "theirs");
        assert_eq!(client.get("/a/b?c").body, "ours");
        assert!(ours.seen().last().expect("a request").head.starts_with("GET /two/b?c HTTP/1.1\r\n"));
        client.send("GET /b HTTP/1.1\r\nHost: x.d.test:80\r\n\r\n");
        assert_eq!(client.answer().body, "theirs");
        let before = ours.seen().len();
        let answer = client.get("/ab");
        assert_eq!(answer.status, none);
        if none == 404 {
            let problem = problem(&answer, 404, "no-route");
            assert_eq!((&problem["title"], &problem["route"]), (&"Not Found".into(), &serde_json::Value::Null));
        }
        assert_eq!(ours.seen().len() - before, usize::from(none == 200));
        assert_eq!(client.get("/a").body, "theirs", "the connection goes on");
    }
}

#[test]
fn answers_of_routes() {
    let backend = Backend::answering(OK);
    let proxy = start(
        &backend,
        "{name: moved, match: {prefix: /old}, answer: {status: 301, headers: {location: '/new{rest}', x-q: '{query.q}'}, body: It is gone.}},
         {name: empty, match: {path: /empty}, answer: {status: 204}}",
    );
    let mut client = proxy.client();
    let answer = client.get("/old/a%2fb?q=x%20y");
    assert_eq!(
        (answer.head.as_str(), answer.body.as_str()),
        (
            "HTTP/1.1 301 Moved Permanently\r\nlocation: /new/a%2fb\r\nx-q: x y\r\nContent-Length: 11\r\n\r\n",
            "It is gone."
        )
    );
    assert_eq!(client.get("/empty").head, "HTTP/1.1 204 No Content\r\n\r\n");
    client.send("HEAD /old HTTP/1.1\r\nHost: a\r\n\r\nPOST /old HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    let moved = "HTTP/1.1 301 Moved Permanently\r\nlocation: /new\r\nContent-Length: 11\r\n\r\n";
    assert_eq!(head(&mut client), moved);
    assert_eq!(client.answer().head, moved);
    // A line that a template would put in is refused, and nothing of it is said.
    for (target, refused) in [("/old?q=a%0d%0aset-cookie:%20b", 400), ("/old?q=a%0ab", 400), ("/old?q=a%00b", 400)] {
        let mut client = proxy.client();
        let answer = client.get(target);
        let problem = problem(&answer, refused, "request-unfit");
        assert_eq!(problem["route"], "moved");
        assert!(!answer.head.contains("set-cookie") && !answer.body.contains("set-cookie"), "{answer:?}");
        assert_eq!(client.get("/empty").status, 204);
    }
    assert!(backend.seen().is_empty());
}

/// The same of heads that go to an upstream.
#[test]
fn no_line_is_put_into_a_request() {
    let backend = Backend::answering(OK);
    let proxy = start(&backend, "{name: r, match: {path: '/{id}'}, request: {headers: {set: {x-id: '{id}'}}}}");
    for target in ["/a%0d%0ax-admin:%201", "/a%0ax-admin:1", "/a%0d"] {
        assert_eq!(proxy.client().get(target).status, 400, "{target}: {:?}", backend.seen());
    }
    assert!(backend.seen().is_empty());
    // What is no text is no part of a path, and goes where what no route takes goes.
    for target in ["/%00", "/%ff", "/%"] {
        assert_eq!(proxy.client().get(target).status, 200);
        assert_eq!(field(&backend.seen().pop().expect("a request").head, "x-id"), None);
    }
}

#[test]
fn answers_without_a_body() {
    let backend = Backend::start(|request, stream| {
        let head = match request.head.split(' ').nth(1).unwrap_or_default() {
            "/204" => "HTTP/1.1 204 No Content\r\n\r\n",
            "/304" => "HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nContent-Length: 9\r\n\r\n",
            "/empty" => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            _ if request.head.starts_with("HEAD") => {
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\nETag: \"e\"\r\n\r\n"
            }
            _ => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\": 12}",
        };
        say(stream, head)
    });
    let proxy = start(&backend, "{name: r, responses: [{body: {from: json, to: xml, filter: '{r: .a}'}}]}");
    let mut client = proxy.client();
    assert_eq!(client.get("/204").head, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(client.get("/").body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<r>12</r>");
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /304 HTTP/1.1\r\nHost: a\r\n\r\n");
    // What would be made of the body is not known, and neither is its length.
    assert_eq!(head(&mut client), "HTTP/1.1 200 OK\r\nETag: \"e\"\r\n\r\n");
    let not_modified = head(&mut client);
    assert!(not_modified.starts_with("HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n"), "{not_modified}");
    let empty = client.get("/empty");
    assert_eq!((empty.status, field(&empty.head, "content-length")), (200, Some("0")));
    assert_eq!(client.get("/").body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<r>12</r>");
    assert!(backend.seen().iter().all(|request| request.connection == 0), "{:?}", backend.seen());
}

#[test]
fn other_statuses_and_places() {
    let backend = Backend::start(|request, stream| {
        let status = request.head.get(5..8).unwrap_or_default();
        say(
            stream,
            &format!(
                "HTTP/1.1 {status} Whatever\r\nLocation: http://v2.internal/v2/a?b\r\nContent-Location: /v2x\r\n\
                 Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{{\"a\":1}}"
            ),
        )
    });
    let proxy = start(
        &backend,
        "{name: r, responses: [{status: 200, set-status: 204}, {status: '201', set-status: 304},
          {status: [3xx, 404], set-status: 202, location: {'http://v2.internal/v2/': /v1/, /v2: /v1}, headers: {set: {x-was: '{status}'}}, body: {filter: .a}},
          {status: 500-502, body: {filter: .a, status: '.a + 498'}}, {status: 5xx, headers: {remove: [location]}}]}",
    );
    let mut client = proxy.client();
    for (target, status, body) in [
        ("200", 204, ""),
        ("201", 304, ""),
        ("302", 202, "1"),
        ("404", 202, "1"),
        ("501", 499, "1"),
        ("503", 503, "{\"a\":1}"),
    ] {
        client.send(&format!("GET /{target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        if status == 304 {
            assert!(head(&mut client).starts_with("HTTP/1.1 304 Not Modified\r\n"));
            continue;
        }
        let answer = client.answer();
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{target}: {answer:?}");
        let location = field(&answer.head, "location");
        match status {
            202 => {
                assert!(answer.head.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer:?}");
                assert_eq!((location, field(&answer.head, "content-location")), (Some("/v1/a?b"), Some("/v2x")));
                assert_eq!(field(&answer.head, "x-was"), Some(target));
            }
            204 => assert_eq!(field(&answer.head, "content-length"), None),
            503 => assert_eq!(location, None),
            _ => assert_eq!(location, Some("http://v2.internal/v2/a?b")),
        }
    }
}

#[test]
fn clients_of_http_1_0() {
    let backend = answering(JSON, "{\"a\": [1, 2]}");
    let proxy = start(&backend, "{name: r, request: {body: {}}, responses: [{body: {filter: .a}}]}");
    assert_eq!(
        proxy.talk("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\n1"),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\nConnection: close\r\n\r\n[1,2]"
    );
    let mut client = proxy.client();
    for _ in 0..2 {
        send(&mut client, "POST / HTTP/1.0\r\nConnection: keep-alive\r\n", "2");
        let answer = client.answer();
        assert_eq!((answer.body.as_str(), field(&answer.head, "connection")), ("[1,2]", Some("keep-alive")));
    }
    let to_the_end = Backend::start(|_, stream| {
        say(stream, "HTTP/1.0 200 OK\r\n\r\n{\"a\":3}");
        false
    });
    let proxy = start(&to_the_end, "{name: r, responses: [{body: {filter: .a}}]}");
    let mut client = proxy.client();
    for _ in 0..2 {
        assert_eq!(client.get("/").body, "3", "what ends with its connection has a length then");
    }
}

#[test]
fn requests_one_behind_the_other() {
    let backend = Backend::start(|request, stream| {
        let asked = format!("{{\"path\":{:?},\"body\":{:?}}}", request.head.split(' ').nth(1), request.body)
            .replace("Some(", "")
            .replace("),", ",");
        say(stream, &answer(JSON, &asked))
    });
    let proxy = start(
        &backend,
        "{name: one, match: {prefix: /one}, request: {body: {filter: '. + 1'}}, responses: [{body: {filter: '\"one \" + .body + .path'}}]},
         {name: two, match: {prefix: /two}, responses: [{body: {to: text, filter: '\"two \" + .path'}}]}",
    );
    let mut client = proxy.client();
    let mut all = String::new();
    for number in 0..20 {
        let _ = write!(all, "POST /one/{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1{}", number % 10);
        let _ =
            write!(all, "GET /two/{number} HTTP/1.1\r\nHost: a\r\n\r\nGET /plain/{number} HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    client.send(&all);
    for number in 0..20 {
        assert_eq!(client.answer().body, format!("\"one {}/one/{number}\"", 11 + number % 10));
        assert_eq!(client.answer().body, format!("two /two/{number}"));
        assert_eq!(client.answer().body, format!("{{\"path\":\"/plain/{number}\",\"body\":\"\"}}"));
    }
}

#[test]
fn what_filters_know() {
    let backend = Backend::start(|request, stream| {
        let body = &request.body;
        let length = body.len();
        say(
            stream,
            &format!("HTTP/1.1 203 X\r\nX-A: 1\r\nx-a: 2\r\nETag: \"e\"\r\nContent-Length: {length}\r\n\r\n{body}"),
        )
    });
    let proxy = start(
        &backend,
        "{name: all, match: {path: '/u/{id}/{other}'}, request: {method: PUT, path: /x, host: y, headers: {remove: [x-b]},
           body: {filter: '[$route, $method, $host, $path, $parts, $query, $headers[\"x-b\"], $status, $response_headers]'}},
          responses: [{body: {filter: '[., $status, $response_headers[\"x-a\"], $response_headers.etag, $method, $parts.id, $query]', status: '$status + 3'}}]}",
    );
    let mut client = proxy.client();
    send(&mut client, "POST /u/a%20b/%C3%BC?q=1&q=2&r=%2B+ HTTP/1.1\r\nHost: API.test:80\r\nX-B: x\r\nx-b: y\r\n", "0");
    let answer = client.answer();
    assert_eq!(answer.status, 206);
    let asked = "[\"all\",\"POST\",\"API.test:80\",\"/u/a%20b/%C3%BC\",{\"id\":\"a b\",\"other\":\"ü\"},\
                 {\"q\":\"2\",\"r\":\"+ \"},\"y\",null,null]";
    assert_eq!(backend.seen()[0].body, asked);
    let expected = format!("[{asked},203,\"2\",\"\\\"e\\\"\",\"POST\",\"a b\",{{\"q\":\"2\",\"r\":\"+ \"}}]");
    assert_eq!(answer.body, expected);
}

#[test]
fn what_is_counted_and_logged() {
    let backend = answering(JSON, "{\"a\":[1,2]}");
    let (reader, writer) = pipe().expect("a pipe");
    let routes = "{name: other, match: {path: /other}, responses: [{set-status: 404}]},
        {name: mapped, match: {path: /mapped}, responses: [{body: {filter: .a, status: '418'}}]},
        {name: unfit, match: {path: /unfit}, responses: [{body: {from: xml, to: json}}], failure: {response: 555}},
        {name: given, match: {path: /given}, answer: {status: 301}}";
    let text = Text { routes, http: "access-log: text", ..Text::default() };
    let proxy = text.launched(&[backend.address], |launch| launch.redirected(1, writer));
    let mut client = proxy.client();
    for (target, status) in [("/other", 404), ("/mapped", 418), ("/unfit", 555), ("/given", 301), ("/plain", 200)] {
        assert_eq!(client.get(target).status, status);
    }
    for (class, count) in [("2xx", 1), ("3xx", 1), ("4xx", 2), ("5xx", 1)] {
        let name = format!(
            "adapter_proxy_http_requests_total{{listener=\"{}\",cluster=\"c\",code=\"{class}\"}}",
            proxy.address
        );
        assert_eq!(proxy.count(&name), count, "{class}");
    }
    assert_eq!(proxy.count("adapter_proxy_filters_total{result=\"made\"}"), 1);
    assert_eq!(proxy.count("adapter_proxy_filters_total{result=\"unfit\"}"), 1);
    drop(client);
    proxy.sidecar.finish();
    let mut log = String::new();
    File::from(reader).read_to_string(&mut log).expect("a log");
    for (request, error) in [
        ("\"GET /other\" 404 0 ", "\"-\""),
        ("\"GET /mapped\" 418 0 ", "\"-\""),
        ("\"GET /unfit\" 555 0 ", "\"body-unfit\""),
        ("\"GET /given\" 301 0 ", "\"-\""),
        ("\"GET /plain\" 200 0 ", "\"-\""),
    ] {
        let mut lines = log.lines();
        assert!(lines.any(|line| line.contains(request) && line.ends_with(error)), "no {request}, {error} in {log}");
    }
}
