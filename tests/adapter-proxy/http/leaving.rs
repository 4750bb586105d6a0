//! Endpoints that leave their cluster, over HTTP: what they have under way ends, and nothing else is kept.

use e2e::process::until;
use e2e::proxy::cluster::{NameServer, Net, Proxy, View};
use e2e::proxy::http::{Backend, Client};
use e2e::sidecar::free_port;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Mutex, mpsc};
use std::thread;

/// Answers with the last number of its address.
fn server(address: SocketAddr, slow: impl Fn() + Send + Sync + 'static) -> Backend {
    let SocketAddr::V4(v4) = address else { panic!("{address}") };
    let name = v4.ip().octets()[3];
    Backend::at(address, move |request, stream| {
        if request.head.starts_with("GET /slow ") {
            slow();
        }
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{name}").is_ok()
    })
}

#[test]
fn what_is_under_way_ends_and_idle_connections_are_closed() {
    if !e2e::is_root() {
        return;
    }
    let (net, port, home) = (Net::new(), free_port().port(), tempfile::tempdir().unwrap());
    let (go_on, wait) = mpsc::channel();
    let wait = Mutex::new(wait);
    let one = server(net.at(1, port), move || wait.lock().unwrap().recv().unwrap());
    let two = server(net.at(2, port), || {});
    let zone = |last: u8| format!("{} name.test\n", net.ip(last));
    let names = NameServer::start(net.ip(53), home.path(), &zone(1));
    let resolv_conf = format!("nameserver {}\noptions timeout:1\n", net.ip(53));
    // No other reason to close one comes in time.
    let http = "hedge: false, idle-upstreams: {timeout: 10m}";
    let proxy = Proxy::start(
        &format!("{{endpoints: ['name.test:{port}']}}"),
        &View { resolv_conf: Some(&resolv_conf), http: Some(http), ..View::default() },
    );
    proxy.until_up(&[one.address]);
    let mut client = Client::to(proxy.listen);
    assert_eq!(client.get("/").body, "1");
    let mut slow = Client::to(proxy.listen);
    let slow = thread::spawn(move || slow.get("/slow"));
    until("it has the request", || one.seen().iter().any(|request| request.head.starts_with("GET /slow ")));
    // One more, that waits for what comes.
    assert_eq!(client.get("/").body, "1");
    names.change(&zone(2));
    proxy.until_up(&[two.address]);
    assert_eq!(proxy.in_state("leaving"), [one.address.to_string()]);
    until("the idle connection to it is closed", || one.closed() == 1);
    let before = one.seen().len();
    for _ in 0..20 {
        assert_eq!(client.get("/").body, "2", "on the same connection as before");
    }
    assert_eq!(one.seen().len(), before);
    assert!(!slow.is_finished());
    go_on.send(()).unwrap();
    assert_eq!(slow.join().unwrap().body, "1");
    until("no connection to it is left", || one.closed() == 2);
    until("nothing is left of it", || proxy.in_state("leaving").is_empty());
    drop(client);
    proxy.sidecar.finish();
}
