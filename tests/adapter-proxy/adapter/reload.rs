//! Configurations that change while bodies are mapped.

use super::{JSON, Text, answer, answering, gate, post, problem, say};
use e2e::process::until;
use e2e::proxy::http::{Backend, Proxy};
use std::net::SocketAddr;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn filter(code: &str) -> String {
    format!("{{name: r, request: {{body: {{filter: '{code}'}}}}, responses: [{{body: {{filter: '{code}'}}}}]}}")
}

fn text(routes: &str) -> Text<'_> {
    Text { routes, ..Text::default() }
}

fn workers(proxy: &Proxy) -> usize {
    proxy.sidecar.process().children().count()
}

/// The next request has the new filter, and one under way finishes with the old one, before and behind the upstream.
#[test]
fn another_filter() {
    let (gate, waiter) = gate();
    let backend = Backend::start(move |request, stream| {
        if request.head.starts_with("POST /wait") {
            waiter.wait();
        }
        say(stream, &answer(JSON, &request.body))
    });
    let endpoints = [backend.address];
    let proxy = text(&filter(". + 1")).start(&endpoints);
    let (mut held, mut uploads, mut client) = (proxy.client(), proxy.client(), proxy.client());
    assert_eq!(post(&mut client, "/", "0").body, "2");
    super::send(&mut held, "POST /wait HTTP/1.1\r\nHost: a\r\n", "0");
    gate.come();
    uploads.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    assert_eq!(uploads.answer().status, 100);
    proxy.follow(&text(&filter(". + 10")).file(proxy.address, &endpoints));
    assert_eq!(post(&mut client, "/", "0").body, "20");
    assert_eq!(post(&mut proxy.client(), "/", "0").body, "20");
    gate.open();
    assert_eq!(held.answer().body, "2");
    uploads.send("0");
    assert_eq!(uploads.answer().body, "2");
    for client in [&mut held, &mut uploads] {
        assert_eq!(post(client, "/", "0").body, "20", "the same connection");
    }
    until("the workers of the old one are gone", || workers(&proxy) <= 2 && proxy.sidecar.process().zombies() == 0);
}

/// Each time its workers are others, and none of the old ones stays.
#[test]
fn many_filters_one_after_the_other() {
    let backend = Backend::start(|request, stream| say(stream, &answer(JSON, &request.body)));
    let endpoints = [backend.address];
    let proxy = text(&filter(". + 0")).start(&endpoints);
    let mut client = proxy.client();
    for number in 1..=10 {
        proxy.follow(&text(&filter(&format!(". + {number}"))).file(proxy.address, &endpoints));
        assert_eq!(post(&mut client, "/", "0").body, (2 * number).to_string());
    }
    until("those of the old ones are gone", || workers(&proxy) == 1);
    assert_eq!(post(&mut client, "/", "0").body, "20");
    proxy.follow(&text("{name: r, match: {path: /a}, request: {path: /b}}").file(proxy.address, &endpoints));
    until("nobody needs one", || workers(&proxy) == 0);
    assert_eq!(post(&mut client, "/", "0").body, "0");
}

/// What is not about bodies leaves their workers alone.
#[test]
fn something_else_that_changes() {
    let backend = Backend::start(|request, stream| say(stream, &answer(JSON, &request.body)));
    let proxy = text(&filter(". + 1")).start(&[backend.address]);
    let mut client = proxy.client();
    assert_eq!(post(&mut client, "/", "0").body, "2");
    let before: Vec<_> = proxy.sidecar.process().children().collect();
    let routes = filter(". + 1");
    let other = Text { cluster: "connect-timeout: 2s, ", ..text(&routes) };
    proxy.follow(&other.file(proxy.address, &[backend.address]));
    assert_eq!(post(&mut client, "/", "0").body, "2");
    assert_eq!(proxy.sidecar.process().children().collect::<Vec<_>>(), before);
}

#[test]
fn a_filter_that_is_none() {
    let backend = Backend::start(|request, stream| say(stream, &answer(JSON, &request.body)));
    let proxy = text(&filter(". + 1")).start(&[backend.address]);
    let mut client = proxy.client();
    let file = |routes: &str, listen: SocketAddr| text(routes).file(listen, &[backend.address]);
    let before: Vec<_> = {
        assert_eq!(post(&mut client, "/", "0").body, "2");
        proxy.sidecar.process().children().collect()
    };
    for (number, (code, words)) in [
        (".a | fo(.b)", "line 1, column 6 of the filter: there is no filter `fo` of one argument"),
        ("{a: .b", "line 1, column 7 of the filter"),
        ("$nothing", "there is no variable `$nothing`"),
    ]
    .into_iter()
    .enumerate()
    {
        let refused = || proxy.metric("adapter_proxy_reloads_total{result=\"refused\"}");
        let count = refused();
        proxy.write(&file(&filter(code), proxy.address));
        until("it is refused", || refused() > count);
        proxy.sidecar.until_said(words);
        // The file, the line and the column of the filter's beginning.
        proxy.sidecar.until_said("config.yaml:1:");
        assert_eq!(post(&mut client, "/", number.to_string()).body, (number + 2).to_string(), "the old one goes on");
    }
    assert_eq!(proxy.sidecar.process().children().collect::<Vec<_>>(), before, "with the same workers");
    proxy.follow(&file(&filter(". + 2"), proxy.address));
    assert_eq!(post(&mut client, "/", "0").body, "4");
}

#[test]
fn routes_and_their_failures() {
    let backend = answering(JSON, "{}");
    let endpoints = [backend.address];
    let proxy = text("{name: old, match: {path: /a}, request: {body: {}}}").start(&endpoints);
    let mut client = proxy.client();
    assert_eq!(problem(&post(&mut client, "/a", "x"), 400, "body-unfit")["route"], "old");
    let new = "{name: new, match: {path: /a}, request: {body: {}}, failure: {request: 422}}";
    proxy.follow(&text(new).file(proxy.address, &endpoints));
    assert_eq!(problem(&post(&mut client, "/a", "x"), 422, "body-unfit")["route"], "new");
    proxy.follow(&text("").file(proxy.address, &endpoints));
    assert_eq!(post(&mut client, "/a", "x").status, 200);
}

#[test]
fn pages_follow() {
    let app = Backend::start(|_, stream| say(stream, &answer(JSON, "{\"a\": 1, \"b\": 2}")));
    let backend = Backend::answering(OK);
    let file = |name: &str| {
        format!(
            "pages: {{app: {{targets: [{{name: app, source: {{http: 'http://{}/'}}, metrics: [{{name: v, help: h, value: .{name}}}]}}]}}}}",
            app.address
        )
    };
    let routes = "{name: page, match: {path: /metrics}, metrics: app}";
    let (first, second) = (file("a"), file("b"));
    let proxy = Text { routes, more: &first, ..Text::default() }.start(&[backend.address]);
    let mut client = proxy.client();
    let page = client.get("/metrics");
    assert!(page.body.contains("\nv 1\n"), "{page:?}");
    proxy.follow(&Text { routes, more: &second, ..Text::default() }.file(proxy.address, &[backend.address]));
    let page = client.get("/metrics");
    assert!(page.body.contains("\nv 2\n"), "{page:?}");
    until("the workers of the old one are gone", || workers(&proxy) == 1);
}
