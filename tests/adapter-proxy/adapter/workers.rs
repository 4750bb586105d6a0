//! How many workers there are, and what is done when one more cannot be had.

use super::{Text, post};
use e2e::launch::Launch;
use e2e::process::{cpu_time, until};
use e2e::proxy::http::{Backend, Proxy};
use nix::sys::resource::Resource;
use nix::unistd::Pid;
use std::thread;
use std::time::{Duration, Instant};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const ROUTES: &str =
    "{name: slow, match: {path: /slow}, request: {body: {filter: 'reduce range(3000000) as $i (0; . + 1)'}}},
    {name: good, match: {path: /good}, request: {body: {filter: '. + 1'}}}";

const TEXT: Text = Text { routes: ROUTES, more: "filters: {deadline: 1m}", http: "", cluster: "" };

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
    if !e2e::is_root() {
        return;
    }
    let backend = Backend::answering(OK);
    // A user of its own, who may have two processes: the proxy, and one worker.
    let limited = |launch: Launch| launch.limited(Resource::RLIMIT_NPROC, 2).as_user(65_530, 65_530, None);
    let proxy = TEXT.launched(&[backend.address], limited);
    let (mut slow, mut client) = (proxy.client(), proxy.client());
    assert_eq!(post(&mut client, "/good", "1").status, 200);
    thread::scope(|scope| {
        let slow = scope.spawn(|| post(&mut slow, "/slow", "1").status);
        until_busy(&proxy, 1);
        assert_eq!(post(&mut client, "/good", "1").status, 200);
        assert_eq!(slow.join().expect("no panic"), 200);
    });
    proxy.sidecar.until_said("no more than 1 worker can be started");
    assert_eq!(proxy.count("adapter_proxy_filters_total{result=\"absent\"}"), 0);
}

/// The last one stays, for the next body; whenever the others fell idle.
#[test]
fn one_stays_when_there_is_nothing_to_do() {
    let backend = Backend::answering(OK);
    let proxy = TEXT.start(&[backend.address]);
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
