//! Requests under way when the configuration changes, and those that come after it.

use super::life::{Gate, one};
use e2e::process::until;
use e2e::proxy::http::{Backend, Proxy, file};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn an_endpoint_that_leaves() {
    let (old, new) = (Gate::start("old"), Gate::start("new"));
    let proxy = Proxy::of(one(vec![old.backend.address], "", ""), |launch| launch);
    let (mut held, mut other) = (proxy.client(), proxy.client());
    old.hold(&mut held);
    assert_eq!(other.get("/").body, "old");
    assert_eq!(proxy.count("adapter_proxy_http_idle_upstream_connections"), 1);
    proxy.follow(&file(proxy.address, &[new.backend.address], "", ""));
    until("what waited in the pool is closed", || old.backend.closed() == 1);
    assert_eq!(other.get("/").body, "new");
    old.open();
    assert_eq!(held.answer().body, "old", "what it had was drained");
    until("that is closed, too", || old.backend.closed() == 2);
    assert_eq!(held.get("/").body, "new");
}

#[test]
fn another_cluster_and_another_protocol() {
    let (old, new) = (Gate::start("old"), Gate::start("new"));
    let proxy = Proxy::of(one(vec![old.backend.address], "", ""), |launch| launch);
    let mut held = proxy.client();
    old.hold(&mut held);
    let text = |protocol: &str| {
        let (listen, new) = (proxy.address, new.backend.address);
        format!(
            "listeners: [{{listen: '{listen}', protocol: {protocol}, cluster: d}}]\nclusters: {{d: {{endpoints: ['{new}']}}}}\n"
        )
    };
    proxy.follow(&text("http"));
    assert_eq!(proxy.client().get("/").body, "new");
    old.open();
    assert_eq!(held.answer().body, "old");
    assert_eq!(held.get("/").body, "new");
    new.hold(&mut held);
    proxy.follow(&text("tcp"));
    // As bytes it is taken as it is, and the upstream alone decides what it means.
    let mut bytes = proxy.client();
    bytes.send("GET /bytes HTTP/1.1\r\n X: folded\r\n\r\n");
    assert_eq!(bytes.answer().body, "new");
    // Who has begun with HTTP goes on with it.
    new.open();
    assert_eq!(held.answer().body, "new");
    held.send("GET /http HTTP/1.1\r\n X: folded\r\n\r\n");
    assert_eq!(held.answer().status, 400);
}

/// All that a request follows is of one and the same file, also on a connection that waited for it.
#[test]
fn a_request_after_a_reload_on_a_connection_from_before() {
    let backends = [Backend::answering(OK), Backend::answering(OK)];
    let proxy = Proxy::of(one(vec![backends[0].address], "host: old.example", ""), |launch| launch);
    let mut client = proxy.client();
    assert_eq!(client.get("/").status, 200);
    proxy.follow(&file(proxy.address, &[backends[1].address], "host: new.example", ""));
    assert_eq!(client.get("/").status, 200);
    for (backend, host) in backends.iter().zip(["old", "new"]) {
        let seen = backend.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert!(seen[0].head.contains(&format!("\r\nHost: {host}.example\r\n")), "{seen:?}");
    }
    proxy.sidecar.finish();
}
