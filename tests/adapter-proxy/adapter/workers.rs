//! How many workers there are, and what is done when one more cannot be had.

use super::{Text, post};
use e2e::launch::Launch;
use e2e::process::{STATE, stat, until};
use e2e::proxy::http::{Backend, Proxy};
use e2e::sidecar::user_of_its_own;
use nix::sys::resource::Resource;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::thread;
use std::time::{Duration, Instant};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const ROUTES: &str = "{name: good, match: {path: /good}, request: {body: {filter: '. + 1'}}}";

const TEXT: Text = Text { routes: ROUTES, more: "filters: {deadline: 1m}", http: "", cluster: "" };

fn workers(proxy: &Proxy) -> Vec<Pid> {
    proxy.sidecar.process().children().collect()
}

/// What the only one is given from now on waits.
fn stop_worker(proxy: &Proxy) -> Pid {
    let [only] = workers(proxy)[..] else { panic!("there are {:?}", workers(proxy)) };
    kill(only, Signal::SIGSTOP).unwrap();
    until("it has stopped", || stat(only, STATE).as_deref() == Some("T"));
    only
}

/// What comes at once is given to a worker together, so that each waits for the one before.
fn until_waiting(proxy: &Proxy, count: u64) {
    until("it waits", || proxy.count("adapter_proxy_http_active_requests") == count);
}

/// What waits is done by those that there are.
#[test]
fn no_second_worker_can_be_started() {
    if !e2e::is_root() {
        return;
    }
    let backend = Backend::answering(OK);
    // A user of its own, who may have two processes: the proxy, and one worker.
    let user = user_of_its_own(0);
    let limited = |launch: Launch| launch.limited(Resource::RLIMIT_NPROC, 2).as_user(user, user, None);
    let proxy = TEXT.launched(&[backend.address], limited);
    assert_eq!(post(&mut proxy.client(), "/good", "1").status, 200);
    let stopped = stop_worker(&proxy);
    thread::scope(|scope| {
        let answers = [1, 2].map(|count| {
            let answer = scope.spawn(|| post(&mut proxy.client(), "/good", "1").status);
            until_waiting(&proxy, count);
            answer
        });
        proxy.sidecar.until_said("no more than 1 worker can be started");
        kill(stopped, Signal::SIGCONT).unwrap();
        assert_eq!(answers.map(|answer| answer.join().expect("no panic")), [200, 200]);
    });
    assert_eq!(proxy.count("adapter_proxy_filters_total{result=\"absent\"}"), 0);
}

/// The last one stays, for the next body; whenever the others fell idle.
#[test]
fn one_stays_when_there_is_nothing_to_do() {
    let backend = Backend::answering(OK);
    let proxy = TEXT.start(&[backend.address]);
    assert_eq!(post(&mut proxy.client(), "/good", "1").status, 200);
    let begun = Instant::now();
    let stopped = stop_worker(&proxy);
    thread::scope(|scope| {
        for count in [1, 2] {
            scope.spawn(|| assert_eq!(post(&mut proxy.client(), "/good", "1").status, 200));
            until_waiting(&proxy, count);
        }
        until("there is another one", || workers(&proxy).len() == 2);
        kill(stopped, Signal::SIGCONT).unwrap();
    });
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
