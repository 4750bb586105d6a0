//! Paths that mean another one to whoever takes parameters (`;…`) out of them before it looks at dots.

use super::start;
use e2e::proxy::http::Backend;

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
