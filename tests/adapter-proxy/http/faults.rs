//! Upstreams that are started again, taken out of the file and cut off, while the app asks on: it is to see nothing of it.

use super::failures::{Victim, done, load};
use e2e::is_root;
use e2e::network::{self, Host};
use e2e::process::until;
use e2e::proxy::http::Client;
use e2e::proxy::{Place, Proxy};
use e2e::sidecar::free_port;
use nix::sys::signal::Signal;
use std::net::SocketAddr;
use std::thread;

fn config(listen: SocketAddr, protocol: &str, endpoints: &[SocketAddr]) -> String {
    let endpoints: Vec<_> = endpoints.iter().map(|endpoint| format!("'{endpoint}'")).collect();
    format!(
        "listeners: [{{listen: '{listen}', protocol: {protocol}, cluster: c}}]\nclusters: {{c: {{endpoints: [{}]}}}}\n",
        endpoints.join(", ")
    )
}

/// A proxy to these, and its file.
fn start(protocol: &str, endpoints: &[SocketAddr]) -> (Proxy, Place) {
    let listen = free_port();
    let place = Place::new(&config(listen, protocol, endpoints));
    (Proxy::of(&place, listen, &[]), place)
}

/// Waits until this one has answered once more.
fn until_asked(proxy: &Proxy, address: SocketAddr) {
    let labels = format!("cluster=\"c\",endpoint=\"{address}\",address=\"{address}\",result=\"ok\"");
    let answers = || proxy.metric(&format!("adapter_proxy_endpoint_tries_total{{{labels}}}"));
    let before = answers();
    until("it is asked again", || answers() > before);
}

#[test]
fn all_are_started_again_one_after_the_other() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut victims = Victim::three(directory.path(), "1");
    let (proxy, _place) = start("http", &victims.each_ref().map(|victim| victim.address));
    let load = load(proxy.listen, true, |more| {
        for victim in &mut victims {
            more(50);
            victim.process.signal(Signal::SIGTERM);
            victim.process.process().until_state('Z');
            more(50);
            *victim = Victim::at(victim.address, &victim.posts, "1", |launch| launch);
            until_asked(&proxy, victim.address);
        }
    });
    assert_eq!(load.failed_gets, 0, "{load:?}");
    assert!(done(&victims.map(|victim| victim.posts)).values().all(|times| *times == 1));
}

#[test]
fn the_file_is_another_one_again_and_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let victims = Victim::three(directory.path(), "1");
    let addresses = victims.each_ref().map(|victim| victim.address);
    let (proxy, place) = start("http", &addresses);
    let load = load(proxy.listen, true, |more| {
        for number in 1..=12 {
            let mut left = addresses.to_vec();
            left.remove(number % 3);
            place.write(&config(proxy.listen, "http", &left));
            let followed = || proxy.metric("adapter_proxy_reloads_total{result=\"followed\"}");
            until("it is followed", || followed() == u64::try_from(number).expect("twelve"));
            more(20);
        }
    });
    assert_eq!((load.failed_gets, load.failed_posts), (0, 0), "{load:?}");
    assert!(done(&victims.map(|victim| victim.posts)).values().all(|times| *times == 1));
}

/// The link to one of them is taken down, and then what goes over it is lost without a word.
#[test]
fn one_of_three_is_cut_off() {
    if !is_root() {
        return;
    }
    // The network is its thread's.
    let test = || {
        network::enter().expect("a network");
        let directory = tempfile::tempdir().expect("a directory");
        let hosts = [1, 2, 3].map(|number| Host::new(number).expect("a host"));
        let victims = hosts.each_ref().map(|host| {
            let namespace = host.namespace().expect("a descriptor");
            let posts = directory.path().join(host.address.to_string());
            Victim::at((host.address, 8080).into(), &posts, "1", |launch| launch.in_network(namespace))
        });
        let (proxy, _place) = start("http", &victims.each_ref().map(|victim| victim.address));
        for cut in [Host::link, Host::reach] {
            let load = load(proxy.listen, false, |more| {
                until_asked(&proxy, victims[0].address);
                cut(&hosts[0], false).expect("a link");
                more(200);
                cut(&hosts[0], true).expect("a link");
                until_asked(&proxy, victims[0].address);
            });
            assert_eq!(load.failed_gets, 0, "{load:?}");
        }
    };
    thread::spawn(test).join().expect("it goes well");
}

/// What has a connection to it loses it. Whoever comes later does not even notice.
#[test]
fn one_of_three_is_killed_under_tcp() {
    let directory = tempfile::tempdir().expect("a directory");
    let victims = Victim::three(directory.path(), "1");
    // So that the dead one is asked in any case.
    let (listen, addresses) = (free_port(), victims.each_ref().map(|victim| victim.address));
    let place =
        Place::new(&config(listen, "tcp", &addresses).replace("{endpoints", "{balance: round-robin, endpoints"));
    let proxy = Proxy::of(&place, listen, &[]);
    let ask = || {
        let mut client = Client::to(proxy.listen);
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.try_answer().is_some_and(|answer| answer.status == 200)
    };
    assert!((0..50).all(|_| ask()));
    let [first, _second, _third] = victims;
    first.process.kill();
    assert!((0..50).all(|_| ask()));
    assert!(proxy.metric("adapter_proxy_connect_failures_total") > 0);
}
