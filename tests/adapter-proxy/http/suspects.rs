//! Upstreams that have failed lately: who finds out whether they are well again, and who does not have to.

use e2e::process::until;
use e2e::proxy::http::{Backend, Client, Proxy};
use e2e::proxy::{self, Place};
use e2e::sidecar::free_port;
use std::io::Write;
use std::thread;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// It reads, and never answers.
fn silent() -> Backend {
    Backend::start(|_, _| {
        thread::park();
        false
    })
}

#[test]
fn a_post_does_not_find_out_whether_one_that_hangs_is_back() {
    let (silent, well, listen) = (silent(), [Backend::answering(OK), Backend::answering(OK)], free_port());
    let [one, other] = well.each_ref().map(|backend| backend.address);
    // It is to be tried again after a millisecond.
    let place = Place::new(&format!(
        "listeners: [{{listen: '{listen}', protocol: http, cluster: c}}]\n\
         clusters: {{c: {{endpoints: ['{one}', '{}', '{other}'], outlier: {{failures: 1, eject-for: 1ms, longest: 1ms}}}}}}\n",
        silent.address
    ));
    let proxy = proxy::Proxy::of(&place, listen, &[]);
    let mut client = Client::to(listen);
    until("it is left out", || {
        assert_eq!(client.get("/").status, 200);
        !silent.seen().is_empty() && proxy.metric("adapter_proxy_http_hedges_won_total") >= 1
    });
    for _ in 0..50 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
        assert_eq!(client.answer().status, 200);
    }
    assert!(silent.seen().iter().all(|request| request.head.starts_with("GET")));
}

/// There is no budget when a request has waited too long. It is not left where it is until the end of its time.
#[test]
fn there_is_budget_later() {
    let (silent, well) = (silent(), Backend::start(|_, stream| stream.write_all(OK.as_bytes()).is_ok()));
    let http = "try-timeout: 60s, retries: {budget: 1, at-least: 0}";
    let proxy = Proxy::start(&[silent.address, well.address], http);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(proxy.client().get("/").status, 200));
        }
        until("there is none", || proxy.metric("adapter_proxy_http_budget_exhausted_total") >= 1.0);
        // Each hundred of requests is good for one of those that hang; these are among them at times.
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = proxy.client();
                for _ in 0..500 {
                    assert_eq!(client.get("/").status, 200);
                }
            });
        }
    });
    assert!(!silent.seen().is_empty());
}
