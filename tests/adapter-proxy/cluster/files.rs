//! Endpoints that are in a file.

use super::port;
use e2e::process::until;
use e2e::proxy::cluster::{Client, Net, Proxy, Server, View, who};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

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

/// Whoever may write to its volume cannot stop it with that.
#[test]
fn a_pipe_in_place_of_a_file() {
    let (net, home) = (Net::new(), tempfile::tempdir().unwrap());
    let server = Server::start(net.at(1, port()));
    let [path, pipe] = ["endpoints.yaml", "pipe"].map(|name| home.path().join(name));
    fs::write(&path, format!("['{}']", server.address())).unwrap();
    let proxy = Proxy::start(&format!("{{file: '{}'}}", path.display()), &View::default());
    proxy.until_up(&[server.address()]);
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    fs::rename(&pipe, &path).unwrap();
    proxy.sidecar.until_said("endpoints.yaml: it is a pipe, and no file");
    assert_eq!(who(proxy.listen, 3), BTreeSet::from([1]));
    proxy.sidecar.finish();
}

#[test]
fn more_endpoints_than_a_cluster_can_have() {
    let list: Vec<_> = (1..=1030).map(|port| format!("'127.0.0.1:{port}'")).collect();
    let proxy = Proxy::start(&format!("{{endpoints: [{}]}}", list.join(", ")), &View::default());
    proxy.sidecar.until_said("the cluster main has 1024 endpoints, and 6 more are left out");
    assert_eq!(proxy.endpoints().len(), 1024);
    proxy.sidecar.finish();
}
