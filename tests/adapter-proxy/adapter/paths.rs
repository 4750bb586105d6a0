//! Paths that mean another one to whoever takes parameters (`;…`) out of them before it looks at dots.

use super::start;
use e2e::proxy::http::{Backend, Client};
use e2e::sidecar::metric;
use std::io::{self, Write};
use std::thread;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const ROUTES: &str = "{name: public, match: {prefix: /public}, request: {path: '/app/public{rest}'}},
    {name: user, match: {path: '/v1/users/{id}'}, request: {path: '/v2/accounts/{id}'}},
    {name: header, match: {path: /header}, request: {path: '/v2/{header.x-name};v=1'}},
    {name: denied, match: {prefix: /admin}, answer: {status: 403}}";

#[test]
fn dots_with_parameters_are_dots() {
    let backend = Backend::answering(OK);
    let proxy = start(&backend, ROUTES);
    for target in [
        "/public/..;/manager/html",
        "/public/..;a=b/x",
        "/public/.;/x",
        "/public/%2e%2E%3bx/y",
        "/public/x%2f..;/y",
        "/public/..;.",
        "/v1/users/..%3b",
        "/v1/users/..;",
        "/v1/users/.%3Bx",
        "/elsewhere/..;/admin",
    ] {
        let answer = proxy.client().get(target);
        assert_eq!(answer.status, 400, "{target}: {answer:?}");
    }
    let mut client = proxy.client();
    client.send("GET /header HTTP/1.1\r\nHost: a\r\nX-Name: ..\r\n\r\n");
    assert_eq!(client.answer().status, 400);
    assert!(backend.seen().is_empty(), "{:?}", backend.seen());
}

/// What is sent has the parameters that the client sent as such, and a part has none.
#[test]
fn parameters_of_paths() {
    let backend = Backend::answering(OK);
    let proxy = start(&backend, ROUTES);
    let mut client = proxy.client();
    for (target, sent) in [
        ("/v1/users/a%3Bb", "/v2/accounts/a%3Bb"),
        ("/v1/users/a;b=c", "/v2/accounts/a%3Bb=c"),
        ("/public/x;v=1/y%3b", "/app/public/x;v=1/y%3b"),
        ("/public/...;/a..;/;..", "/app/public/...;/a..;/;.."),
        // Neither is what is denied, and whoever gets it may think that it is.
        ("/admin;x", "/admin;x"),
        ("//admin", "//admin"),
    ] {
        assert_eq!(client.get(target).status, 200, "{target}");
        let seen = backend.seen().pop().expect("a request");
        assert_eq!(seen.head.split(' ').nth(1), Some(sent), "{target}");
    }
    for target in ["/admin", "/admin/;x", "/%61dmin"] {
        assert_eq!(client.get(target).status, 403, "{target}");
    }
    // So a route denies what others do not allow.
    let proxy = start(&backend, "{name: a, match: {prefix: /a}}, {name: denied, answer: {status: 403}}");
    let before = backend.seen().len();
    let mut client = proxy.client();
    for target in ["//a", "/a;x", "/x;/..;/a"] {
        assert_eq!(client.get(target).status, 403, "{target}");
    }
    assert_eq!(backend.seen().len(), before);
}

/// A client whose requests are all there, and that are answered without anybody else, does not keep the others waiting.
#[test]
fn answers_that_take_nobody_else_come_in_turns() {
    const REQUESTS: u32 = 200_000;
    let backend = Backend::answering(OK);
    let proxy = start(&backend, "{name: denied, match: {prefix: /admin}, answer: {status: 403}}");
    let request = |more| format!("GET /admin HTTP/1.1\r\nHost: a\r\n{more}\r\n");
    let requests = request("").repeat(REQUESTS as usize) + &request("Connection: close\r\n");
    thread::scope(|scope| {
        let (mut modest, mut metrics) = proxy.sidecar.stopped(|| {
            let mut greedy = proxy.client().stream.into_inner();
            let mut answers = greedy.try_clone().expect("a descriptor");
            scope.spawn(move || greedy.write_all(requests.as_bytes()));
            scope.spawn(move || io::copy(&mut answers, &mut io::sink()));
            let mut modest = proxy.client();
            modest.send(&request(""));
            let mut metrics = Client::to(proxy.admin);
            metrics.send("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            (modest, metrics)
        });
        assert_eq!(modest.answer().status, 403);
        let page = metrics.rest();
        let before = metric(&page, "adapter_proxy_http_request_seconds_count").expect("a count");
        assert!(before < f64::from(REQUESTS) / 4.0, "{before} of the other one's came first");
    });
    proxy.sidecar.finish();
}
