//! How many workers there are, and what is done when one more cannot be had.

use super::{Text, post};
use e2e::process::{cpu_time, until};
use e2e::proxy::http::{Backend, Proxy};
use nix::unistd::Pid;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const ROUTES: &str =
    "{name: slow, match: {path: /slow}, request: {body: {filter: 'reduce range(3000000) as $i (0; . + 1)'}}},
    {name: good, match: {path: /good}, request: {body: {filter: '. + 1'}}}";

fn start(backend: &Backend) -> Proxy {
    Text { routes: ROUTES, more: "filters: {deadline: 1m}", ..Text::default() }.start(&[backend.address])
}

fn workers(proxy: &Proxy) -> Vec<Pid> {
    proxy.sidecar.process().children().collect()
}

fn until_busy(proxy: &Proxy, count: usize) {
    until("workers are busy", || {
        let is_busy = |pid: &Pid| cpu_time(*pid).is_some_and(|time| time > Duration::from_millis(200));
        workers(proxy).iter().filter(|pid| is_busy(pid)).count() == count
    });
}

/// What waits is done by those that there are.
#[test]
fn no_second_worker_can_be_started() {
    let backend = Backend::answering(OK);
    let proxy = start(&backend);
    let (mut slow, mut client) = (proxy.client(), proxy.client());
    for client in [&mut slow, &mut client] {
        assert_eq!(post(client, "/good", "1").status, 200);
    }
    // All descriptors that it may have are in use: a socket to a worker would be one more.
    let pid = proxy.sidecar.process().pid;
    let open = |number: &u32| std::fs::symlink_metadata(format!("/proc/{pid}/fd/{number}")).is_ok();
    let most = (0..1000).find(|number| !open(number)).expect("a number");
    let limit = |most: u32| {
        let done = Command::new("prlimit").args([format!("--pid={pid}"), format!("--nofile={most}:")]).status();
        assert!(done.expect("util-linux").success());
    };
    limit(most);
    thread::scope(|scope| {
        let slow = scope.spawn(|| post(&mut slow, "/slow", "1").status);
        until_busy(&proxy, 1);
        assert_eq!(post(&mut client, "/good", "1").status, 200);
        assert_eq!(slow.join().expect("no panic"), 200);
    });
    proxy.sidecar.until_said("no more than 1 worker can be started");
    limit(1000);
    assert_eq!(proxy.count("adapter_proxy_filters_total{result=\"absent\"}"), 0);
}

/// The last one stays, for the next body; whenever the others fell idle.
#[test]
fn one_stays_when_there_is_nothing_to_do() {
    let backend = Backend::answering(OK);
    let proxy = start(&backend);
    thread::scope(|scope| {
        // What comes at once is given to a worker together.
        for count in 1..=2 {
            scope.spawn(|| assert_eq!(post(&mut proxy.client(), "/slow", "1").status, 200));
            until_busy(&proxy, count);
        }
    });
    let begun = Instant::now();
    until("the other one ends", || workers(&proxy).len() < 2);
    assert!(begun.elapsed() > Duration::from_secs(9), "{:?}", begun.elapsed());
    // That it stays is no event.
    while begun.elapsed() < Duration::from_secs(13) {
        assert_eq!(workers(&proxy).len(), 1);
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(post(&mut proxy.client(), "/good", "1").status, 200);
    assert_eq!(proxy.count("adapter_proxy_workers_started_total"), 2);
}
