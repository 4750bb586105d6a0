//! Routes, as far as they can be told without sending anything: what is wrong with them, what they mean, and why a request
//! takes its way.

use e2e::proxy::{self, Place};
use e2e::sidecar::{Ended, output, refuse, run, succeed};
use std::io::Write;

/// A file whose one listener has these routes, each on a line that begins with `- `.
fn with(routes: &str) -> Place {
    Place::new(&format!(
        "listeners:
- listen: 127.0.0.1:8080
  protocol: http
  routes:
{}
clusters: {{v1: {{endpoints: [a:1]}}, v2: {{endpoints: [b:1]}}}}
",
        routes.trim_end().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    ))
}

const USERS: &str = "
- name: user
  match:
    host: '*.example.com'
    path: /v1/users/{id}
    method: [GET, HEAD]
    headers: {x-version: '1', x-none: {present: false}}
    query: {format: {like: 'x*'}}
  cluster: v2
  request:
    method: POST
    path: /v2/accounts/{id}
    host: v2.internal
    query: {rename: {old: new}, remove: [secret], set: {id: '{id}'}}
    headers: {set: {x-user: '{id}', x-missing: '{header.x-none}'}, remove: [cookie], rename: {x-old: X-New}}
    body: {from: form, to: json, filter: '{id: $parts.id}'}
  responses:
  - {status: [2xx, 404], set-status: 201, location: {'http://v2.internal/v2/': /v1/}, body: {to: xml}}
  - {status: 500-599}
- {name: moved, match: {prefix: /old}, answer: {status: 301, headers: {location: '/v1{rest}'}, body: It is gone.}}
- {name: rest, match: {prefix: /v1}, cluster: v1}
- {name: hidden, match: {path: '/v1/users/{id}', method: GET}, cluster: v2}
";

#[test]
fn what_routes_mean() {
    let place = with(USERS);
    let launch = || proxy::launch(&[&"check", &"--config", &place.config()]);
    let shown = output(launch());
    let routes: Vec<_> = shown.lines().filter(|line| line.contains("route")).collect();
    assert_eq!(
        routes,
        [
            "127.0.0.1:8080: http, what its routes take; at most 1024 connections, closed after 1h without a byte",
            "  route `user`: GET or HEAD of /v1/users/{id}, with host *.example.com, header field x-version: 1, \
             header field x-none: absent, parameter format: like x*; to the cluster v2 as POST of /v2/accounts/{id}; \
             bodies mapped: request and answers",
            "  route `moved`: all of /old and below; answered with 301",
            "  route `rest`: all of /v1 and below; to the cluster v1",
            "  route `hidden`: GET of /v1/users/{id}; to the cluster v2",
        ]
    );
    let said = succeed(launch());
    let warning = "warning: 127.0.0.1:8080: route `hidden` can never match: `rest` comes first and takes all of it";
    assert_eq!(said.lines().filter(|line| line.contains(warning)).count(), 1, "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// Each with words of its message, and the place if it is not that of the route.
#[test]
fn what_is_wrong_with_routes() {
    for (route, words) in [
        ("match: {path: /a}, clutser: v1", &[":5:", "`clutser`"] as &[_]),
        ("match: {path: a}", &[":5:29: `a` is no path", "hint: "]),
        ("match: {path: '/{id}/{id}'}", &["two parts `{id}`"]),
        ("match: {prefix: /a/}", &[":5:", "hint: `/a` is for `/a` and `/a/…`"]),
        ("match: {path: /a, prefix: /a}", &[":5:5: the route `r`", "both a `path` and a `prefix`"]),
        ("match: {host: 'a:80'}", &["hint: ports do not matter here: `a`"]),
        ("match: {method: get}", &["hint: write `GET`"]),
        ("match: {method: []}", &["the list is empty"]),
        ("match: {method: [GET, 'P UT']}", &["`P UT` is no method"]),
        ("match: {method: CONNECT}", &["tunnel"]),
        ("match: {headers: {'a b': x}}", &["`a b` is no name of a header field"]),
        ("match: {headers: {host: x}}", &["`match: {host: …}` looks at it"]),
        ("match: {headers: {x: 1}}", &["expected a text in quotes"]),
        ("match: {headers: {x: {like: a, present: true}}}", &["either `like` or `present`"]),
        ("match: {headers: {x: a, X: b}}", &["`X` is there twice"]),
        ("request: {method: 'G T'}", &["`G T` is no method"]),
        ("request: {path: v2}", &["hint: `/v2`"]),
        ("request: {path: '/v2/{id}'}", &[":5:5: the route `r`: request: `/v2/{id}` names {id}"]),
        ("match: {path: '/{id}'}, request: {path: '/v2{rest}'}", &["match a `prefix`"]),
        ("request: {path: '/a?b=c'}", &["hint: parameters are set by `query`"]),
        ("request: {path: '/{status}'}", &["only `responses` know of an answer"]),
        ("request: {path: '/{'}", &["brace"]),
        ("request: {path: '/{query.}'}", &["is no variable"]),
        ("request: {host: 'a b'}", &["expected a host"]),
        ("request: {query: {set: {a: '{x}'}}}", &["names {x}"]),
        ("request: {query: {remove: ['']}}", &["empty name"]),
        ("request: {headers: {set: {host: x}}}", &["`request: {host: …}` sets it"]),
        ("request: {headers: {set: {Content-Length: '1'}}}", &["the body says it"]),
        ("request: {headers: {add: {transfer-encoding: chunked}}}", &["the body says it"]),
        ("request: {headers: {remove: [connection]}}", &["the proxy writes its own"]),
        ("request: {headers: {rename: {x-a: upgrade}}}", &["the proxy writes its own"]),
        ("request: {headers: {set: {'x:': a}}}", &["`x:` is no name of a header field"]),
        ("request: {headers: {set: {x: \"a\\r\\nb: c\"}}}", &["`x`: the value of a header field has a control"]),
        ("request: {headers: {set: {x: '{response.header.x}'}}}", &["only `responses` know of an answer"]),
        ("request: {body: {stream: sse}}", &["for answers alone"]),
        ("request: {headers: {set: {content-encoding: gzip}}, body: {}}", &["`content-encoding`", "is mapped"]),
        ("responses: [{headers: {rename: {a: Content-Encoding}}, body: {}}]", &["`Content-Encoding`", "is mapped"]),
        ("responses: [{headers: {add: {content-length: '1'}}, body: {}}]", &["`content-length` is not for routes"]),
        ("request: {body: {status: '200'}}", &["for answers alone"]),
        ("request: {body: {max-body: 10}}", &["expected 1 KiB to 256 MiB"]),
        ("request: {body: {max-body: 257MiB}}", &["expected 1 KiB to 256 MiB"]),
        ("request: {body: {content-type: json}}", &["`application/json`"]),
        ("request: {body: {content-type: \"a/b\\nc: d\"}}", &["`a/b\\nc: d`"]),
        ("request: {body: {from: jsn}}", &["`jsn`"]),
        ("request: {body: {from: none}}", &["add `to: json`"]),
        ("request: {body: {from: {lines: '(?<a>.)'}}}", &["nothing is written as lines", "add `to: json`"]),
        ("responses: [{body: {to: none}}]", &["nothing is written as none", "add `to: json`"]),
        ("responses: [{status: 99}]", &["from 200 to 599, found `99`"]),
        ("responses: [{status: 1xx}]", &["found `1xx`"]),
        ("responses: [{status: [2xx, 6xx]}]", &["found `6xx`"]),
        ("responses: [{status: 300-200}]", &["found `300-200`"]),
        ("responses: [{set-status: 600}]", &["expected 200 to 599"]),
        ("responses: [{set-status: 100}]", &["expected 200 to 599"]),
        ("responses: [{location: {'a b': /}}]", &["`a b` begins no reference"]),
        ("responses: [{headers: {set: {x: '{no}'}}}]", &["responses: `x`: ", "names {no}"]),
        ("responses: [{set-status: 200, body: {status: '201'}}]", &["both `set-status`"]),
        ("responses: [{body: {from: xml, stream: sse}}]", &["a `stream` is of JSON"]),
        ("responses: [{body: {to: xml, stream: ndjson}}]", &["a `stream` is of JSON"]),
        ("failure: {request: 200}", &["expected 400 to 599"]),
        ("answer: {status: 301}", &["more than one of `cluster`"]),
    ] {
        let place = with(&format!("- {{name: r, {route}, cluster: v1}}"));
        refuse(proxy::launch(&[&"check", &"--config", &place.config()]), 2, &[&["config.yaml:5:"], words].concat());
    }
    for (route, words) in [
        ("{name: r, match: {path: /a}}", "a route `r` that leads nowhere"),
        ("{name: r, cluster: v3}", "the cluster `v3`, which is none"),
        ("{name: r, cluster: v1}\n- {name: r, cluster: v2}", "two routes `r`"),
        ("{name: '', cluster: v1}", "there is no text"),
        ("{name: \"a\\nb\", cluster: v1}", "not one line"),
        ("{name: r, metrics: app, answer: {status: 200}}", "more than one of"),
        ("{name: r, answer: {status: 204, body: x}}", "an answer of 204 has no body"),
        ("{name: r, answer: {status: 200, headers: {x: '{status}'}}}", "answer: `x`: "),
        ("{name: r, answer: {status: 200}, request: {path: /a}}", "it goes with `cluster`"),
        ("{name: r, metrics: app, responses: [{status: 200}]}", "they go with `cluster`"),
    ] {
        let place = with(&format!("- {route}"));
        refuse(proxy::launch(&[&"check", &"--config", &place.config()]), 2, &["config.yaml", words]);
    }
    for (listener, words) in [
        ("protocol: http", "leads nowhere"),
        ("protocol: tcp, cluster: v1, routes: [{name: r}]", "hint: add `protocol: http`"),
    ] {
        let place = Place::new(&format!(
            "listeners: [{{listen: '127.0.0.1:1', {listener}}}]\nclusters: {{v1: {{endpoints: [a:1]}}}}\n"
        ));
        refuse(proxy::launch(&[&"check", &"--config", &place.config()]), 2, &["config.yaml:1:13: 127.0.0.1:1 ", words]);
    }
    for (cluster, words) in [("{}", "hint: add `endpoints: "), ("{endpoints: [a:1], panic-threshold: 101}", "percent")]
    {
        let place =
            Place::new(&format!("listeners: [{{listen: '127.0.0.1:1', cluster: c}}]\nclusters: {{c: {cluster}}}\n"));
        refuse(proxy::launch(&[&"check", &"--config", &place.config()]), 2, &["config.yaml:2:15: ", words]);
    }
    let none =
        "listeners: [{listen: '127.0.0.1:1', cluster: c, max-connections: 0}]\nclusters: {c: {endpoints: [a:1]}}\n";
    let place = Place::new(none);
    refuse(proxy::launch(&[&"check", &"--config", &place.config()]), 2, &["config.yaml:1:66: expected at least 1"]);
}

fn explain(place: &Place, arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> String {
    output(e2e::sidecar::with(proxy::launch(&[&"explain", &"--config", &place.config()]), arguments))
}

#[test]
fn why_a_request_takes_its_way() {
    let place = with(USERS);
    let shown = explain(
        &place,
        &[
            &"-H",
            &"host: API.example.com:80",
            &"-H",
            &"X-Version: 1",
            &"-H",
            &"cookie: a=b",
            &"-H",
            &"x-old: kept",
            &"-H",
            &"x-user: root",
            &"-H",
            &"x-missing: root",
            &"GET /v1/users/a%20b?old=%41&format=xml&secret=1",
        ],
    );
    let expected = "127.0.0.1:8080: GET /v1/users/a%20b?old=%41&format=xml&secret=1 of API.example.com:80
route `user` takes it
  {id} is a b
sent to the cluster v2 as
  POST /v2/accounts/a%20b?new=%41&format=xml&id=a%20b HTTP/1.1
  Host: v2.internal
  X-Version: 1
  X-New: kept
  x-user: a b
  Via: 1.1 adapter-proxy
body: mapped from form to json by `{id: $parts.id}`
answers with 2xx, 404: sent with 201, body mapped from json to xml
answers with 5xx: sent on
";
    assert_eq!(shown, expected);

    let shown = explain(&place, &[&"DELETE /old/a%2fb?x"]);
    let expected = "127.0.0.1:8080: DELETE /old/a%2fb?x of localhost
route `user` does not take it: the method is DELETE, not GET or HEAD
route `moved` takes it
  {rest} is /a%2fb
answered with 301
  location: /v1/a%2fb
body: It is gone.
";
    assert_eq!(shown, expected);
}

#[test]
fn a_request_that_nobody_takes() {
    let place = with(USERS);
    let arguments = ["explain", "--config", &place.config().display().to_string()].map(String::from);
    let ask = |more: &[&'static str]| -> Ended {
        let all: Vec<&dyn AsRef<std::ffi::OsStr>> = arguments
            .iter()
            .map(|one| one as &dyn AsRef<std::ffi::OsStr>)
            .chain(more.iter().map(|one| one as &dyn AsRef<std::ffi::OsStr>))
            .collect();
        run(proxy::launch(&all))
    };
    for (request, code, words) in [
        ("GET /none", 1, "no route takes it, and 127.0.0.1:8080 has no `cluster`: 404"),
        ("GET /v1/../none", 1, "it is refused: 400: the path has dots for segments"),
        ("GET", 2, "expected a method and a path"),
        ("GET http://a/", 2, "expected a method and a path"),
        ("GET /a b", 1, "it is refused: 400"),
        ("CONNECT /a", 1, "it is refused: 405"),
    ] {
        let ended = ask(&[request]);
        assert_eq!(ended.code, code, "{request}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{request}: {}", ended.stderr);
    }
    for (header, words) in [("x", "x-version: 1"), ("a b: c", "no header field"), ("x: a\nb: c", "no header field")] {
        let ended = ask(&["-H", header, "GET /v1"]);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    let ended = ask(&["--listener", "127.0.0.1:1", "GET /v1"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: it is on 127.0.0.1:8080"), "{}", ended.stderr);
    let ended = ask(&["--body", "/none", "GET /v1"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot read /none"), "{}", ended.stderr);
}

#[test]
fn what_is_made_of_a_body_is_shown_with_the_request() {
    let place =
        with("- {name: r, cluster: v1, request: {body: {filter: '{user: .name}'}}, responses: [{status: 404}]}");
    let file = |text: &str| {
        let path = place.path().join("body");
        std::fs::write(&path, text).unwrap();
        path
    };
    let shown = explain(&place, &[&"--body", &file("{\"name\": \"Ada\"}"), &"POST /a"]);
    let expected = "body: mapped from json to json by `{user: .name}`
  {\"user\":\"Ada\"}
answers with 404: sent on
";
    assert!(shown.ends_with(expected), "{shown}");
    let body = file("{");
    refuse(
        proxy::launch(&[&"explain", &"--config", &place.config(), &"--body", &body, &"POST /a"]),
        1,
        &["the route `r` cannot take the body"],
    );
}

/// A field that cannot be is nothing that is sent without it.
#[test]
fn a_request_that_does_not_fit() {
    let place = with(
        "- {name: r, match: {path: '/{id}'}, cluster: v1, request: {headers: {set: {x-id: '{id}'}}}, failure: {request: 422}}
- {name: q, match: {path: /a/b}, cluster: v1, request: {path: '/{query.to}'}}",
    );
    for (request, words) in [
        (
            "GET /a%0d%0ax-admin:%201",
            "the route `r` cannot take it: `{id}` would be a field with the control character \\r: 400",
        ),
        ("GET /a/b", "the route `q` cannot take it: there is no {query.to} for the path: 400"),
        ("GET /a/b?to=%2e%2e", "the path would be /.., which may mean another one: 400"),
    ] {
        refuse(proxy::launch(&[&"explain", &"--config", &place.config(), &request]), 1, &[words]);
    }
    assert!(explain(&place, &[&"GET /a/b?to=/x"]).contains("\n  GET /%2Fx?to=/x HTTP/1.1\n"));
}

#[test]
fn a_body_and_the_cluster_of_the_listener() {
    let place = Place::new(
        "listeners:
- {listen: '127.0.0.1:1', cluster: v1}
- {listen: '127.0.0.1:2', protocol: http, cluster: v1, http: {via: 'off'}}
- {listen: '127.0.0.1:3', protocol: http, cluster: v2, routes: [{name: r, match: {method: PUT}}]}
clusters: {v1: {endpoints: [a:1]}, v2: {endpoints: [b:1]}}
",
    );
    let mut body = std::fs::File::create(place.path().join("body")).unwrap();
    body.write_all(b"12345").unwrap();
    let body = place.path().join("body");
    let shown = explain(&place, &[&"--listener", &"127.0.0.1:2", &"--body", &body, &"POST /a"]);
    let expected = "127.0.0.1:2: POST /a of localhost
no route takes it: sent to the cluster v1 as
  POST /a HTTP/1.1
  Host: localhost
  Content-Length: 5
";
    assert_eq!(shown, expected);
    let shown = explain(&place, &[&"--listener", &"127.0.0.1:3", &"PUT /a"]);
    assert!(shown.contains("route `r` takes it\nsent to the cluster v2 as\n  PUT /a HTTP/1.1\n"), "{shown}");
    let launch = proxy::launch(&[&"explain", &"--config", &place.config(), &"GET /a"]);
    refuse(launch, 2, &["more than one listener", "`--listener` with one of 127.0.0.1:2, 127.0.0.1:3"]);
}
