//! Upstreams that have failed lately: who finds out whether they are well again, and who does not have to.

use e2e::process::until;
use e2e::proxy::http::{Backend, Client, Proxy};
use e2e::proxy::{self, Place};
use e2e::sidecar::free_port;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

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
    for _ in 0..20 {
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

/// Breaks every request off while that is wished.
fn breaking(breaks: &Arc<AtomicBool>) -> Backend {
    let breaks = breaks.clone();
    Backend::start(move |_, stream| !breaks.load(Ordering::Relaxed) && stream.write_all(OK.as_bytes()).is_ok())
}

fn in_turns(endpoints: &str, http: &str) -> (Place, std::net::SocketAddr) {
    let listen = free_port();
    let place = Place::new(&format!(
        "listeners: [{{listen: '{listen}', protocol: http, cluster: c, http: {{{http}}}}}]\n\
         clusters: {{c: {{endpoints: [{endpoints}], balance: round-robin, outlier: {{failures: 0}}}}}}\n"
    ));
    (place, listen)
}

/// What only asks has nothing to lose, also where it is not hedged.
#[test]
fn a_get_finds_out_whether_one_that_failed_is_back() {
    let breaks = Arc::new(AtomicBool::new(true));
    let (bad, well) = (breaking(&breaks), Backend::answering(OK));
    let (place, listen) = in_turns(&format!("'{}', '{}'", bad.address, well.address), "hedge: false");
    let _proxy = proxy::Proxy::of(&place, listen, &[]);
    let mut client = Client::to(listen);
    until("it has failed", || {
        assert_eq!(client.get("/").status, 200);
        !bad.seen().is_empty()
    });
    breaks.store(false, Ordering::Relaxed);
    let before = bad.seen().len();
    for _ in 0..10 {
        assert_eq!(client.get("/").status, 200);
    }
    assert_eq!(bad.seen().len() - before, 5, "of ten that take turns");
}

/// That its server has closed a kept connection is no try: another endpoint is asked after as many as without.
#[test]
fn kept_connections_that_break_off_leave_as_many_tries() {
    let breaks = Arc::new(AtomicBool::new(false));
    let (bad, well) = ([breaking(&breaks), breaking(&breaks)], Backend::answering(OK));
    let [one, other] = bad.each_ref().map(|backend| backend.address);
    let endpoints = format!("'{one}', '{other}', {{at: '{}', backup: true}}", well.address);
    let place = {
        let listen = free_port();
        let place = Place::new(&format!(
            "listeners: [{{listen: '{listen}', protocol: http, cluster: c, http: {{hedge: false}}}}]\n\
             clusters: {{c: {{endpoints: [{endpoints}], balance: round-robin, outlier: {{failures: 1}}}}}}\n"
        ));
        (place, listen)
    };
    let _proxy = proxy::Proxy::of(&place.0, place.1, &[]);
    let mut client = Client::to(place.1);
    for _ in 0..4 {
        assert_eq!(client.get("/").status, 200);
    }
    assert!(bad.iter().all(|backend| backend.seen().len() == 2), "each has a connection that is kept");
    breaks.store(true, Ordering::Relaxed);
    assert_eq!(client.get("/").status, 200);
    assert_eq!(well.seen().len(), 1);
}

/// Nor does it take any of the budget, or need more than one try.
#[test]
fn a_kept_connection_that_was_closed_is_free() {
    for retries in ["{tries: 1}", "{budget: 0, at-least: 0}"] {
        let used = Mutex::new(BTreeSet::new());
        let backend = Backend::start(move |request, stream| {
            used.lock().expect("no handler panics").insert(request.connection)
                && stream.write_all(OK.as_bytes()).is_ok()
        });
        let proxy = Proxy::start(&[backend.address], &format!("hedge: false, retries: {retries}"));
        let mut client = proxy.client();
        for _ in 0..4 {
            assert_eq!(client.get("/").status, 200, "{retries}");
        }
        assert_eq!(backend.seen().len(), 7, "of four, three came to a connection that is closed");
        let page = e2e::sidecar::get(proxy.admin, "/metrics").expect("metrics").1;
        let tries: Vec<_> =
            page.lines().filter(|line| line.starts_with("adapter_proxy_endpoint_tries_total{")).collect();
        assert!(tries.iter().all(|line| line.contains("result=\"ok\"") || line.ends_with(" 0")), "{tries:?}");
        assert_eq!(proxy.count("adapter_proxy_http_budget_exhausted_total"), 0);
        proxy.sidecar.finish();
    }
}

/// One that ends later is not free: its server may have worked on it.
#[test]
fn a_kept_connection_that_ends_late_is_a_try() {
    let used = Mutex::new(BTreeSet::new());
    let backend = Backend::start(move |request, stream| {
        let is_first = used.lock().expect("no handler panics").insert(request.connection);
        if !is_first {
            thread::sleep(Duration::from_millis(1200)); // which is work
        }
        is_first && stream.write_all(OK.as_bytes()).is_ok()
    });
    let proxy = Proxy::start(&[backend.address], "hedge: false, retries: {tries: 1}");
    let mut client = proxy.client();
    assert_eq!([client.get("/").status, client.get("/").status], [200, 502]);
    assert_eq!(backend.seen().len(), 2);
    proxy.sidecar.finish();
}

/// What finds out may be an upload, and its client slow: others do not wait for that.
#[test]
fn an_upload_does_not_keep_an_endpoint_out() {
    let breaks = Arc::new(AtomicBool::new(true));
    let (one, other, listen) = (breaking(&breaks), Backend::answering(OK), free_port());
    let place = Place::new(&format!(
        "listeners: [{{listen: '{listen}', protocol: http, cluster: c, http: {{hedge: false}}}}]\n\
         clusters: {{c: {{endpoints: ['{}', {{at: '{}', backup: true}}], outlier: {{failures: 1, eject-for: 50ms}}}}}}\n",
        one.address, other.address
    ));
    let proxy = proxy::Proxy::of(&place, listen, &[]);
    let of_one = |metric: &str| proxy.metric(&format!("{metric}{{cluster=\"c\",endpoint=\"{}\"", one.address));
    assert_eq!(Client::to(listen).get("/").status, 200);
    assert_eq!((one.seen().len(), other.seen().len()), (1, 1));
    breaks.store(false, Ordering::Relaxed);
    until("it is to be tried again", || {
        let (_, endpoints) = e2e::sidecar::get(proxy.admin, "/endpoints").expect("endpoints");
        endpoints.contains("\"trial\"")
    });
    assert_eq!(of_one("adapter_proxy_endpoint_up"), 0, "nobody knows yet");
    let mut upload = Client::to(listen);
    upload.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    until("it has come there", || of_one("adapter_proxy_endpoint_busy") == 1);
    until("others come there, too", || {
        assert_eq!(Client::to(listen).get("/").status, 200);
        one.seen().len() > 1
    });
    assert_eq!(of_one("adapter_proxy_endpoint_up"), 1);
    upload.send("hello");
    assert_eq!(upload.answer().status, 200);
}
