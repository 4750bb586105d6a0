//! The endpoints of a cluster, and what becomes of those that fail.

mod files;
mod names;

use e2e::launch::Launch;
use e2e::process::until;
use e2e::proxy::cluster::{Client, Net, Proxy, Server, View, redis, who};
use e2e::proxy::{Place, launch};
use e2e::sidecar::{free_port, refuse};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

fn port() -> u16 {
    free_port().port()
}

/// Without any check: nobody notices, but for the first connections, which need another try.
#[test]
fn one_that_dies_is_left_out_and_comes_back() {
    let (net, port) = (Net::new(), port());
    let one = Server::start(net.at(1, port));
    let two = Server::start(net.at(2, port));
    let (first, second) = (one.address(), two.address());
    let proxy = Proxy::start(
        &format!(
            "{{endpoints: ['{first}', '{second}'], balance: round-robin, outlier: {{failures: 3, eject-for: 200ms}}}}"
        ),
        &View::default(),
    );
    assert_eq!(who(proxy.listen, 30), BTreeSet::from([1, 2]));
    drop(one);
    assert_eq!(who(proxy.listen, 30), BTreeSet::from([2]));
    proxy.sidecar.until_said(&format!("the endpoint {first} of the cluster main is left out"));
    let reason = proxy.endpoints()[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("in a row, the last: it takes no connection"), "{reason}");
    let label = format!("{{cluster=\"main\",endpoint=\"{first}\",address=\"{first}\"");
    assert!(proxy.metric(&format!("adapter_proxy_endpoint_ejections_total{label}}}")) >= 1);
    assert!(proxy.metric(&format!("adapter_proxy_endpoint_tries_total{label},result=\"connect\"}}")) >= 3);
    let _one = Server::start(first);
    until("it is back", || who(proxy.listen, 2).contains(&1));
    proxy.sidecar.until_said(&format!("the endpoint {first} of the cluster main is back"));
    proxy.until_up(&[first, second]);
    assert_eq!(who(proxy.listen, 30), BTreeSet::from([1, 2]));
    assert_eq!(proxy.sidecar.said().matches("is left out").count(), 1, "{}", proxy.sidecar.said());
    proxy.sidecar.finish();
}

fn ping(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Redis is asked as Redis is: one that hangs takes connections, and is out all the same.
#[test]
fn redis_is_pinged() {
    let (net, port) = (Net::new(), port());
    let (first, second) = (net.at(1, port), net.at(2, port));
    let (one, two) = (redis(first), redis(second));
    let health = "health: {check: {talk: {send: \"PING\\r\\n\", expect: +PONG}}, interval: 50ms, timeout: 2s, fall: 2}";
    let proxy = Proxy::start(
        &format!("{{endpoints: ['{first}', '{second}'], {health}, panic-threshold: 0}}"),
        &View::default(),
    );
    let checks = |address| {
        proxy.metric(&format!(
            "adapter_proxy_endpoint_checks_total{{cluster=\"main\",endpoint=\"{address}\",address=\"{address}\",result=\"ok\"}}"
        ))
    };
    until("both are asked", || checks(first) >= 2 && checks(second) >= 2);
    proxy.until_up(&[first, second]);
    one.signal(Signal::SIGSTOP);
    proxy.sidecar.until_said(&format!("the endpoint {first} of the cluster main is out: no answer within 2s"));
    proxy.until_up(&[second]);
    assert_eq!(proxy.in_state("down"), [first.to_string()]);
    for _ in 0..20 {
        assert_eq!(ping(proxy.listen), "+PONG\r\n");
    }
    one.signal(Signal::SIGCONT);
    proxy.sidecar.until_said(&format!("the endpoint {first} of the cluster main passes its checks again"));
    drop(two); // killed
    proxy.sidecar.until_said(&format!("the endpoint {second} of the cluster main is out: cannot connect"));
    proxy.until_up(&[first]);
    for _ in 0..20 {
        assert_eq!(ping(proxy.listen), "+PONG\r\n");
    }
    let _two = redis(second);
    proxy.until_up(&[first, second]);
    proxy.sidecar.finish();
}

#[test]
fn a_status_is_asked_for() {
    let listener = TcpListener::bind((Net::new().ip(1), 0)).unwrap();
    let (address, status) = (listener.local_addr().unwrap(), Arc::new(AtomicU16::new(204)));
    let (told, requests) = mpsc::channel();
    thread::spawn({
        let status = status.clone();
        move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = vec![];
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                    request.push(byte[0]);
                }
                let _ = write!(stream, "HTTP/1.1 {} X\r\ncontent-length: 0\r\n\r\n", status.load(Ordering::Relaxed));
                let _ = told.send(String::from_utf8(request));
            }
        }
    });
    let health = "health: {check: {http: {path: '/healthz?x=1', host: shop.example, status: 204}}, interval: 50ms}";
    let proxy = Proxy::start(&format!("{{endpoints: ['{address}'], {health}}}"), &View::default());
    let request = requests.recv_timeout(Duration::from_mins(1)).unwrap().unwrap();
    assert!(request.starts_with("GET /healthz?x=1 HTTP/1.1\r\nhost: shop.example\r\n"), "{request}");
    proxy.until_up(&[address]);
    status.store(200, Ordering::Relaxed);
    let out = format!("the endpoint {address} of the cluster main is out: GET /healthz?x=1: status 200, expected 204");
    proxy.sidecar.until_said(&out);
    assert!(proxy.metric("adapter_proxy_cluster_panic") == 1);
    status.store(204, Ordering::Relaxed);
    proxy.sidecar.until_said("passes its checks again");
    assert!(proxy.metric("adapter_proxy_endpoint_up") == 1);
    proxy.sidecar.finish();
}

#[test]
fn those_that_are_too_many_wait_for_a_connection() {
    let server = Server::start(Net::new().at(1, port()));
    let proxy = Proxy::start(
        &format!(
            "{{endpoints: ['{}'], limits: {{connections: 1, pending: 1}}, connect-timeout: 10m}}",
            server.address()
        ),
        &View::default(),
    );
    let held = Client::connect(proxy.listen).unwrap();
    let listen = proxy.listen;
    let second = thread::spawn(move || Client::connect(listen).map(|client| client.server));
    until("it waits", || proxy.metric("adapter_proxy_cluster_pending{cluster=\"main\"}") == 1);
    // The third is refused at once.
    assert!(Client::connect(proxy.listen).is_err());
    assert!(proxy.metric("adapter_proxy_cluster_unavailable_total{cluster=\"main\",reason=\"busy\"}") == 1);
    assert!(!second.is_finished());
    drop(held);
    assert_eq!(second.join().unwrap().unwrap(), 1);
    proxy.sidecar.finish();
}

#[test]
fn a_cluster_that_cannot_be() {
    let home = tempfile::tempdir().unwrap();
    for (cluster, words) in [
        ("{}", &["config.yaml:2:18: ", "endpoints"][..]),
        ("{endpoints: ['a:1'], limits: {connections: 0}}", &["config.yaml:2:18: ", "connections"]),
        ("{endpoints: ['a:1'], health: {check: {http: {path: healthz}}}}", &["config.yaml:2:18: ", "/healthz"]),
        ("{endpoints: ['a:1'], balance: random}", &["random", "round-robin"]),
        ("{endpoints: ['a']}", &["config.yaml:2:", "a name or an address and a port"]),
    ] {
        let config = home.path().join("config.yaml");
        let text = format!("listeners: [{{listen: '127.0.0.1:1', cluster: main}}]\nclusters: {{main: {cluster}}}\n");
        fs::write(&config, text).unwrap();
        let launches: [Launch; 2] = [launch(&[&"--config", &config]), launch(&[&"check", &"--config", &config])];
        for launch in launches {
            refuse(launch, 2, words);
        }
    }
}

/// A server that holds the connections it has, and where they have come from.
struct Holding {
    address: SocketAddr,
    clients: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Holding {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, clients) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<_>>>::default());
        let known = clients.clone();
        thread::spawn(move || {
            let mut held = vec![];
            while let Ok((stream, client)) = listener.accept() {
                known.lock().unwrap().push(client);
                held.push(stream);
            }
        });
        Self { address, clients }
    }

    fn count(&self) -> usize {
        self.clients.lock().unwrap().len()
    }

    /// The same, when all have been counted that are there now: it takes them in their order.
    fn count_now(&self) -> usize {
        let last = TcpStream::connect(self.address).unwrap().local_addr().unwrap();
        until("it has all", || self.clients.lock().unwrap().contains(&last));
        self.count()
    }
}

/// What is left of it is served to its end, and nobody looks after it any more.
#[test]
fn a_cluster_that_is_taken_out() {
    let (old, new, listen) = (Holding::start(), Holding::start(), free_port());
    let text = |name: &str, to| {
        format!(
            "listeners: [{{listen: '{listen}', cluster: {name}}}]\n\
             clusters: {{{name}: {{endpoints: ['{to}'], health: {{check: {{tcp: {{}}}}, interval: 20ms}}}}}}\n"
        )
    };
    let place = Place::new(&text("old", old.address));
    let proxy = e2e::proxy::Proxy::of(&place, listen, &[]);
    let mut held = proxy.connect();
    held.write_all(b"x").unwrap();
    until("it is checked", || old.count() > 3);
    place.write(&text("new", new.address));
    until("the new one is checked", || new.count() > 3);
    let before = old.count_now();
    until("it goes on", || new.count() > 10);
    assert_eq!(old.count_now(), before + 1, "it is checked though it is gone");
    held.write_all(b"x").unwrap();
    drop(proxy);
}
