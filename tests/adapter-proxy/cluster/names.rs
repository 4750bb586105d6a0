//! Endpoints that are names.

use super::port;
use e2e::process::until;
use e2e::proxy::cluster::{Client, NameServer, Net, Proxy, Server, View, who};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::UdpSocket;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

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

/// A search list completes a name to several. One that was found is not taken for another one while it has no answer.
#[test]
fn a_name_stays_what_it_was_completed_to() {
    if !e2e::is_root() {
        return;
    }
    let (net, port, home) = (Net::new(), port(), tempfile::tempdir().unwrap());
    let servers = [1, 2, 3].map(|last| Server::start(net.at(last, port)));
    let zone = |hosts: &[(u8, &str)]| {
        let lines: Vec<_> = hosts.iter().map(|(last, name)| format!("{} {name}", net.ip(*last))).collect();
        lines.join("\n") + "\n"
    };
    let other = (2, "name.other.test");
    let names = NameServer::start(net.ip(53), home.path(), &zone(&[(1, "name.sub.test"), other]));
    let resolv_conf = format!("nameserver {}\nsearch first.test sub.test other.test\n", net.ip(53));
    let proxy = Proxy::start(
        &format!("{{endpoints: ['name:{port}']}}"),
        &View { resolv_conf: Some(&resolv_conf), ..View::default() },
    );
    proxy.until_up(&[servers[0].address()]);
    names.change(&zone(&[other]));
    until("it has no answer", || proxy.metric("adapter_proxy_cluster_resolve_failures_total") >= 2);
    assert_eq!(who(proxy.listen, 10), BTreeSet::from([1]));
    // Another one that comes before it is meant first.
    names.change(&zone(&[(3, "name.first.test"), other]));
    proxy.until_up(&[servers[2].address()]);
    proxy.sidecar.finish();
}

/// Those that there are go on until what comes in their place has an address: it may be written wrong.
#[test]
fn names_in_place_of_what_is_well() {
    if !e2e::is_root() {
        return;
    }
    let (net, port, home) = (Net::new(), port(), tempfile::tempdir().unwrap());
    let servers = [1, 2].map(|last| Server::start(net.at(last, port)));
    let names = NameServer::start(net.ip(53), home.path(), "");
    let file = home.path().join("endpoints.yaml");
    let write = |text: String| {
        std::fs::write(home.path().join("new"), text).unwrap();
        std::fs::rename(home.path().join("new"), &file).unwrap();
    };
    write(format!("- '{}'\n", servers[0].address()));
    let resolv_conf = resolv_conf(net);
    let proxy = Proxy::start(
        &format!("{{file: '{}'}}", file.display()),
        &View { resolv_conf: Some(&resolv_conf), ..View::default() },
    );
    proxy.until_up(&[servers[0].address()]);
    write(format!("- 'name.test:{port}'\n"));
    proxy.sidecar.until_said("there is no such name; the other endpoints go on");
    assert_eq!(who(proxy.listen, 10), BTreeSet::from([1]));
    names.change(&zone(net, &[2]));
    proxy.until_up(&[servers[1].address()]);
    assert_eq!(who(proxy.listen, 10), BTreeSet::from([2]));
    proxy.sidecar.finish();
}

/// A name server may know no EDNS, and say no more than that it does not understand.
#[test]
fn an_old_name_server() {
    if !e2e::is_root() {
        return;
    }
    let (net, port, home) = (Net::new(), port(), tempfile::tempdir().unwrap());
    let server = Server::start(net.at(1, port));
    let _names = NameServer::start(net.ip(54), home.path(), &zone(net, &[1]));
    for bare in [false, true] {
        let old = UdpSocket::bind((net.ip(if bare { 55 } else { 53 }), 53)).unwrap();
        let at = old.local_addr().unwrap().ip();
        let relay = move || {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = old.recv_from(&mut buffer) {
                if buffer[11] == 0 {
                    let other = UdpSocket::bind((net.ip(56), 0))?;
                    other.send_to(&buffer[..length], (net.ip(54), 53))?;
                    let length = other.recv(&mut buffer)?;
                    old.send_to(&buffer[..length], from)?;
                    continue;
                }
                // FORMERR, with the question or without
                (buffer[2], buffer[3], buffer[11]) = (0x80, 1, 0);
                buffer[5] = u8::from(!bare);
                let question = length - 11; // that which is refused has 11 bytes
                old.send_to(&buffer[..if bare { 12 } else { question }], from)?;
            }
            std::io::Result::Ok(())
        };
        thread::spawn(relay);
        let resolv_conf = format!("nameserver {at}\n");
        let proxy = Proxy::start(
            &format!("{{endpoints: ['name.test:{port}']}}"),
            &View { resolv_conf: Some(&resolv_conf), ..View::default() },
        );
        proxy.until_up(&[server.address()]);
        proxy.sidecar.finish();
    }
}

/// Between the proxy and the name server is somebody who lets nothing through until he is told to, which takes longer than
/// connecting may.
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
        &format!("{{endpoints: ['name.test:{port}']}}"),
        &View { resolv_conf: Some(&resolv_conf), ..View::default() },
    );
    let (told, server) = mpsc::channel();
    let listen = proxy.listen;
    thread::spawn(move || told.send(Client::connect(listen).map(|client| client.server)));
    until("it waits", || proxy.metric("adapter_proxy_cluster_pending{cluster=\"main\"}") == 1);
    assert!(server.try_recv().is_err());
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(1500));
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
