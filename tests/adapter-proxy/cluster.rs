//! The endpoints of a cluster: names, files, health, and what becomes of those that fail.

use e2e::launch::Launch;
use e2e::process::until;
use e2e::proxy::cluster::{Client, NameServer, Net, Proxy, Server, View, redis, who};
use e2e::proxy::launch;
use e2e::sidecar::{free_port, refuse};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

fn port() -> u16 {
    free_port().port()
}

/// Lines of a zone: each of these addresses is one of `name.test`.
fn zone(net: Net, last: &[u8]) -> String {
    last.iter().fold(String::new(), |mut zone, last| {
        let _ = writeln!(zone, "{} name.test", net.ip(*last));
        zone
    })
}

fn resolv_conf(net: Net) -> String {
    format!("nameserver {}\noptions timeout:1\n", net.ip(53))
}

#[test]
fn the_addresses_of_a_name_change() {
    if !e2e::is_root() {
        return;
    }
    let (net, port, home) = (Net::new(), port(), tempfile::tempdir().unwrap());
    let servers = [1, 2, 3].map(|last| Server::start(net.at(last, port)));
    let names = NameServer::start(net.ip(53), home.path(), &zone(net, &[1, 2]));
    let resolv_conf = resolv_conf(net);
    let proxy = Proxy::start(
        &format!("{{endpoints: ['name.test:{port}'], balance: round-robin}}"),
        &View { resolv_conf: Some(&resolv_conf), ..View::default() },
    );
    proxy.until_up(&[servers[0].address(), servers[1].address()]);
    assert_eq!(who(proxy.listen, 30), BTreeSet::from([1, 2]));
    let mut held = loop {
        let client = Client::connect(proxy.listen).unwrap();
        if client.server == 1 {
            break client;
        }
    };
    names.change(&zone(net, &[2, 3]));
    proxy.until_up(&[servers[1].address(), servers[2].address()]);
    assert_eq!(who(proxy.listen, 30), BTreeSet::from([2, 3]));
    // What it had under way goes on.
    assert_eq!(proxy.in_state("leaving"), [servers[0].address().to_string()]);
    assert!(held.echoes());
    drop(held);
    until("nothing is left of it", || proxy.in_state("leaving").is_empty());
    proxy.sidecar.finish();
}

#[test]
fn a_name_server_that_fails_changes_nothing() {
    if !e2e::is_root() {
        return;
    }
    let (net, port, home) = (Net::new(), port(), tempfile::tempdir().unwrap());
    let servers = [1, 2].map(|last| Server::start(net.at(last, port)));
    let names = NameServer::start(net.ip(53), home.path(), &zone(net, &[1]));
    let resolv_conf = resolv_conf(net);
    let proxy = Proxy::start(
        &format!("{{endpoints: ['name.test:{port}']}}"),
        &View { resolv_conf: Some(&resolv_conf), ..View::default() },
    );
    proxy.until_up(&[servers[0].address()]);
    // It is gone.
    drop(names);
    let failures = || proxy.metric("adapter_proxy_cluster_resolve_failures_total");
    until("it fails again and again", || failures() >= 3);
    let said = proxy.sidecar.said();
    assert_eq!(said.matches("cannot resolve `name.test` of the cluster main: the name server").count(), 1, "{said}");
    assert!(said.contains("the address that it had goes on"), "{said}");
    assert_eq!(who(proxy.listen, 10), BTreeSet::from([1]));
    // It is back, and knows nothing.
    let names = NameServer::start(net.ip(53), home.path(), "");
    let before = failures();
    until("it fails again", || failures() >= before + 2);
    assert_eq!(who(proxy.listen, 10), BTreeSet::from([1]));
    // It has learned something.
    names.change(&zone(net, &[2]));
    proxy.sidecar.until_said("`name.test` of the cluster main is resolved again");
    proxy.until_up(&[servers[1].address()]);
    assert_eq!(who(proxy.listen, 10), BTreeSet::from([2]));
    assert!(proxy.metric("adapter_proxy_cluster_resolves_total") >= 2);
    proxy.sidecar.finish();
}

#[test]
fn a_name_that_is_none() {
    if !e2e::is_root() {
        return;
    }
    let (net, port, home) = (Net::new(), port(), tempfile::tempdir().unwrap());
    let server = Server::start(net.at(1, port));
    let names = NameServer::start(net.ip(53), home.path(), "");
    let resolv_conf = resolv_conf(net);
    let proxy = Proxy::start(
        &format!("{{endpoints: ['name.test:{port}'], connect-timeout: 10m}}"),
        &View { resolv_conf: Some(&resolv_conf), ..View::default() },
    );
    proxy.sidecar.until_said("cannot resolve `name.test` of the cluster main: there is no such name");
    assert!(proxy.sidecar.said().contains("it has no endpoints yet"));
    // There is nothing to wait for.
    assert!(Client::connect(proxy.listen).is_err());
    names.change(&zone(net, &[1]));
    proxy.until_up(&[server.address()]);
    assert_eq!(who(proxy.listen, 1), BTreeSet::from([1]));
    proxy.sidecar.finish();
}

/// Between the proxy and the name server is somebody who lets nothing through until he is told to.
#[test]
fn the_first_answer_is_waited_for() {
    if !e2e::is_root() {
        return;
    }
    let (net, port, home) = (Net::new(), port(), tempfile::tempdir().unwrap());
    let _server = Server::start(net.at(1, port));
    let _names = NameServer::start(net.ip(54), home.path(), &zone(net, &[1]));
    let between = UdpSocket::bind((net.ip(53), 53)).unwrap();
    let resolv_conf = format!("nameserver {}\noptions timeout:30\n", net.ip(53));
    let proxy = Proxy::start(
        &format!("{{endpoints: ['name.test:{port}'], connect-timeout: 10m}}"),
        &View { resolv_conf: Some(&resolv_conf), ..View::default() },
    );
    let (told, server) = mpsc::channel();
    let listen = proxy.listen;
    thread::spawn(move || told.send(Client::connect(listen).map(|client| client.server)));
    until("it waits", || proxy.metric("adapter_proxy_cluster_pending{cluster=\"main\"}") == 1);
    assert!(server.try_recv().is_err());
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = between.recv_from(&mut buffer) {
            let other = UdpSocket::bind((net.ip(55), 0))?;
            other.send_to(&buffer[..length], (net.ip(54), 53))?;
            let length = other.recv(&mut buffer)?;
            between.send_to(&buffer[..length], from)?;
        }
        std::io::Result::Ok(())
    });
    assert_eq!(server.recv_timeout(Duration::from_mins(1)).unwrap().unwrap(), 1);
    proxy.sidecar.finish();
}

#[test]
fn names_mean_what_the_system_says() {
    if !e2e::is_root() {
        return;
    }
    let (net, home) = (Net::new(), tempfile::tempdir().unwrap());
    let zone = format!("{}\n{} x.sub.test\n::7 six.test\n", zone(net, &[1]), net.ip(2));
    let _names = NameServer::start(net.ip(53), home.path(), &zone);
    let resolv_conf = format!("nameserver {}\nsearch nowhere.test sub.test test\noptions ndots:2\n", net.ip(53));
    let hosts = format!("{} in-hosts name-of-hosts # not-this\n127.0.0.1 localhost\n::1 localhost\n", net.ip(9));
    let proxy = Proxy::start(
        "{endpoints: ['name:1', 'x:2', 'in-hosts:3', 'localhost:4', 'alias.test.:5', 'x.sub:6', 'six.test:7', 'a.localhost:8', 'x.sub.test:9']}",
        &View { resolv_conf: Some(&resolv_conf), hosts: Some(&hosts), http: None },
    );
    let addresses = [
        net.at(1, 1),
        net.at(2, 2),
        net.at(9, 3),
        ([127, 0, 0, 1], 4).into(),
        net.at(1, 5),
        net.at(2, 6),
        "[::7]:7".parse().unwrap(),
        ([127, 0, 0, 1], 8).into(),
        net.at(2, 9),
    ];
    proxy.until_up(&addresses);
    let names: Vec<_> = proxy.endpoints().iter().map(|endpoint| endpoint["name"].clone()).collect();
    assert_eq!(names[0], "name:1");
    proxy.sidecar.finish();
}

/// More addresses than a packet has room for.
#[test]
fn a_long_answer() {
    if !e2e::is_root() {
        return;
    }
    let (net, home) = (Net::new(), tempfile::tempdir().unwrap());
    let all: Vec<u8> = (100..=250).collect();
    let _names = NameServer::start(net.ip(53), home.path(), &zone(net, &all));
    let resolv_conf = resolv_conf(net);
    let proxy =
        Proxy::start("{endpoints: ['name.test:1']}", &View { resolv_conf: Some(&resolv_conf), ..View::default() });
    proxy.until_up(&all.iter().map(|last| net.at(*last, 1)).collect::<Vec<_>>());
    proxy.sidecar.finish();
}

/// As kubelet updates a `ConfigMap`.
#[test]
fn a_file_of_endpoints() {
    let (net, port, home) = (Net::new(), port(), tempfile::tempdir().unwrap());
    let servers = [1, 2, 3].map(|last| Server::start(net.at(last, port)));
    let [one, two, three] = [0, 1, 2].map(|index: usize| servers[index].address());
    let write = |version: &str, text: &str| {
        let (directory, link) = (home.path().join(version), home.path().join("..new"));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("endpoints.yaml"), text).unwrap();
        symlink(version, &link).unwrap();
        fs::rename(link, home.path().join("..data")).unwrap();
    };
    write("..1", &format!("- '{one}'\n- {{at: '{two}', weight: 3}}\n"));
    let path = home.path().join("endpoints.yaml");
    symlink("..data/endpoints.yaml", &path).unwrap();
    let proxy = Proxy::start(&format!("{{file: '{}', balance: round-robin}}", path.display()), &View::default());
    proxy.until_up(&[one, two]);
    assert_eq!(proxy.endpoints()[1]["weight"], 3);
    assert_eq!(who(proxy.listen, 30), BTreeSet::from([1, 2]));
    write("..2", &format!("[\"{two}\", \"{three}\"]"));
    proxy.until_up(&[two, three]);
    assert_eq!(proxy.endpoints()[0]["weight"], 1);
    // What is wrong, and what is empty, changes nothing.
    let failures = || proxy.metric("adapter_proxy_cluster_file_failures_total");
    write("..3", "- nonsense\n");
    until("it is refused", || failures() == 1);
    proxy.sidecar.until_said("endpoints.yaml:1:3: ");
    write("..4", "[]\n");
    until("it is refused", || failures() == 2);
    assert_eq!(who(proxy.listen, 30), BTreeSet::from([2, 3]));
    write("..5", &format!("- '{one}'\n"));
    proxy.until_up(&[one]);
    assert_eq!(who(proxy.listen, 30), BTreeSet::from([1]));
    proxy.sidecar.finish();
}

/// It is there when the proxy is not yet, or the other way round.
#[test]
fn a_file_that_comes_later() {
    let (net, home) = (Net::new(), tempfile::tempdir().unwrap());
    let server = Server::start(net.at(1, port()));
    let path = home.path().join("endpoints.json");
    let proxy = Proxy::start(&format!("{{file: '{}'}}", path.display()), &View::default());
    proxy.sidecar.until_said("endpoints.json: No such file");
    assert!(Client::connect(proxy.listen).is_err());
    fs::write(&path, format!("[\"{}\"]", server.address())).unwrap();
    proxy.until_up(&[server.address()]);
    assert_eq!(who(proxy.listen, 3), BTreeSet::from([1]));
    proxy.sidecar.finish();
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

fn ping(address: std::net::SocketAddr) -> String {
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
        ("{}", &["`main`", "endpoints"][..]),
        ("{endpoints: ['a:1'], limits: {connections: 0}}", &["`main`", "connections"]),
        ("{endpoints: ['a:1'], health: {check: {http: {path: healthz}}}}", &["`main`", "/healthz"]),
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
