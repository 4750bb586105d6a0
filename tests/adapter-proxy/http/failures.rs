//! Upstreams that fail: what the app sees of it, and what is sent again.

use e2e::launch::Launch;
use e2e::process::until;
use e2e::proxy::http::{Backend, Client, Proxy, id};
use e2e::sidecar::{Sidecar, free_port, with};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Shutdown, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn post(client: &mut Client, body: &str) -> Option<u16> {
    client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    client.try_answer().map(|answer| answer.status)
}

/// An upstream of a process of its own.
pub struct Victim {
    pub process: Sidecar,
    pub address: SocketAddr,
    pub posts: PathBuf,
}

impl Victim {
    fn start(directory: &Path, name: &str, delay: &str) -> Self {
        Self::at(free_port(), &directory.join(name), delay, |launch| launch)
    }

    pub fn at(address: SocketAddr, posts: &Path, delay: &str, how: impl FnOnce(Launch) -> Launch) -> Self {
        let program = how(Launch::new(Path::new(env!("CARGO_BIN_EXE_http-backend"))));
        let process = Sidecar::start(with(program, &[&posts, &delay, &address.to_string()]));
        process.until_said("port ");
        Self { process, address, posts: posts.into() }
    }

    pub fn three(directory: &Path, delay: &str) -> [Self; 3] {
        ["a", "b", "c"].map(|name| Self::start(directory, name, delay))
    }
}

#[test]
fn one_that_is_not_there() {
    let backend = Backend::answering(OK);
    let proxy = Proxy::start(&[free_port(), backend.address, free_port()], "");
    let mut client = proxy.client();
    for _ in 0..20 {
        assert_eq!(client.get("/").status, 200);
        assert_eq!(post(&mut client, "x"), Some(200), "a request that nobody has seen goes elsewhere, whatever it is");
    }
    assert_eq!(backend.seen().len(), 40);
    let said = proxy.sidecar.finish();
    assert!(said.contains("onnection refused"), "{said}");
}

#[test]
fn nobody_is_there() {
    let proxy = Proxy::start(&[free_port()], "");
    let mut client = proxy.client();
    for _ in 0..2 {
        let answer = client.get("/");
        assert_eq!((answer.status, answer.body.as_str()), (502, "connect-failed\n"));
        assert!(answer.head.contains("\r\nX-Proxy-Error: connect-failed\r\n"), "{answer:?}");
    }
    proxy.sidecar.finish();
}

#[test]
fn what_an_upstream_may_have_is_sent_again_only_if_that_is_the_same() {
    // It takes the request, and closes.
    let broken = Backend::start(|_, _| false);
    let proxy = Proxy::start(&[broken.address], "");
    let mut client = proxy.client();
    assert_eq!(client.get("/").head.get(..12), Some("HTTP/1.1 502"));
    assert_eq!(broken.seen().len(), 1);

    let (broken, well) = (Backend::start(|_, _| false), Backend::answering(OK));
    let proxy = Proxy::start(&[broken.address, well.address], "");
    let mut client = proxy.client();
    for number in 0..20 {
        assert_eq!(client.get(&format!("/{number}")).status, 200);
    }
    let mut failed = 0;
    for number in 0..20 {
        match post(&mut client, &format!("{number:03}")) {
            Some(200) => {}
            Some(502) => failed += 1,
            other => panic!("{other:?}"),
        }
    }
    let bodies = broken.seen().into_iter().chain(well.seen()).filter(|request| request.head.starts_with("POST"));
    let bodies: Vec<_> = bodies.map(|request| request.body).collect();
    assert_eq!(bodies.len(), 20, "each of them was seen once: {bodies:?}");
    assert_eq!(broken.seen().iter().filter(|request| request.head.starts_with("POST")).count(), failed);
}

#[test]
fn a_route_may_say_otherwise() {
    let (broken, well) = (Backend::start(|_, _| false), Backend::answering(OK));
    let proxy = Proxy::start(&[broken.address, well.address], "retries: {methods: [POST]}");
    let mut client = proxy.client();
    for _ in 0..10 {
        assert_eq!(post(&mut client, "x"), Some(200));
    }
    proxy.sidecar.finish();
}

/// The server closes what it has kept open just when it is used: it has read the request, or it has not.
#[test]
fn a_connection_that_is_closed_when_it_is_used() {
    // Every second request on a connection is never answered.
    let backend = Backend::start(|request, stream| {
        !request.head.contains("/second") && stream.write_all(OK.as_bytes()).is_ok()
            || request.connection == 1 && stream.write_all(OK.as_bytes()).is_ok()
    });
    let proxy = Proxy::start(&[backend.address], "");
    let mut client = proxy.client();
    assert_eq!(client.get("/first").status, 200);
    assert_eq!(client.get("/second").status, 200, "over a new connection, to the only endpoint that there is");
    let connections: Vec<_> = backend.seen().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
    proxy.sidecar.finish();

    let backend = Backend::start(|request, stream| {
        !request.body.starts_with("second") && stream.write_all(OK.as_bytes()).is_ok()
    });
    let proxy = Proxy::start(&[backend.address], "");
    let mut client = proxy.client();
    assert_eq!(post(&mut client, "first"), Some(200));
    assert_eq!(post(&mut client, "second"), Some(502));
    assert_eq!(backend.seen().iter().filter(|request| request.body == "second").count(), 1, "never twice");
    assert_eq!(post(&mut client, "third"), Some(200));
    proxy.sidecar.finish();
}

#[test]
fn a_connection_that_was_closed_before_is_not_used() {
    let backend = Backend::start(|_, stream| {
        let _ = stream.write_all(OK.as_bytes());
        // The children of other threads may have it for a moment after it is closed.
        let _ = stream.shutdown(Shutdown::Both);
        false
    });
    let proxy = Proxy::start(&[backend.address], "");
    let mut client = proxy.client();
    for number in 1..=50 {
        // A POST can never be repeated, so that one on a dead connection would fail.
        assert_eq!(post(&mut client, "x"), Some(200));
        until("the server has closed it", || backend.closed() == number);
    }
    assert_eq!(backend.seen().len(), 50);
    proxy.sidecar.finish();
}

#[test]
fn timeouts() {
    // It reads, and never answers.
    let silent = || {
        Backend::start(|_, _| {
            thread::park();
            false
        })
    };
    let backend = silent();
    let proxy = Proxy::start(&[backend.address], "try-timeout: 100ms");
    let mut client = proxy.client();
    let answer = client.get("/");
    assert_eq!((answer.status, answer.body.as_str()), (504, "try-timeout\n"));
    proxy.sidecar.until_said("it does not answer");
    let proxy = Proxy::start(&[backend.address, silent().address], "request-timeout: 200ms");
    assert_eq!(proxy.client().get("/").body, "request-timeout\n");

    let stalled = Backend::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        thread::park();
        false
    });
    let proxy = Proxy::start(&[stalled.address], "stall-timeout: 100ms");
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.try_answer().is_none(), "it was cut off");
}

#[test]
fn retries_end() {
    let broken = || Backend::start(|_, _| false);
    let all = [broken(), broken(), broken(), broken()];
    let addresses: Vec<_> = all.iter().map(|backend| backend.address).collect();
    let proxy = Proxy::start(&addresses, "retries: {at-least: 1, budget: 0}");
    let mut client = proxy.client();
    for _ in 0..20 {
        assert_eq!(client.get("/").status, 502);
    }
    let seen: usize = all.iter().map(|backend| backend.seen().len()).sum();
    // Ten in ten seconds, and as many again should it take as long as that.
    assert!((30..=40).contains(&seen), "{seen}");
    assert!(proxy.metric("adapter_proxy_http_budget_exhausted_total") >= 1.0);
    proxy.sidecar.finish();
}

/// What an app would do, on eight connections: every second request is a POST of an id that no other has.
pub fn load(proxy: SocketAddr, with_posts: bool, meanwhile: impl FnOnce(&dyn Fn(usize))) -> Load {
    let (done, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut all = Load::default();
    thread::scope(|scope| {
        let one = || {
            let (mut client, mut load) = (Client::to(proxy), Load::default());
            while !stop.load(Relaxed) {
                let begun = Instant::now();
                load.failed_gets += usize::from(client.get("/").status != 200);
                load.slowest = load.slowest.max(begun.elapsed());
                if with_posts && post(&mut client, &id().to_string()) != Some(200) {
                    load.failed_posts += 1;
                    client = Client::to(proxy);
                }
                done.fetch_add(1, Relaxed);
            }
            load
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        let stopping = Stop(&stop);
        meanwhile(&|more| {
            let before = done.load(Relaxed);
            until("requests are answered", || done.load(Relaxed) >= before + more);
        });
        drop(stopping);
        for thread in threads {
            let load = thread.join().expect("it does not panic");
            all.failed_gets += load.failed_gets;
            all.failed_posts += load.failed_posts;
            all.slowest = all.slowest.max(load.slowest);
        }
    });
    all
}

/// Ends the load, also when the test fails meanwhile.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[derive(Default, Debug)]
pub struct Load {
    pub failed_gets: usize,
    pub failed_posts: usize,
    slowest: Duration,
}

/// POSTs that were done.
pub fn done(files: &[PathBuf]) -> BTreeMap<String, u32> {
    let mut done = BTreeMap::new();
    for file in files {
        for line in std::fs::read_to_string(file).expect("there were posts").lines() {
            *done.entry(line.into()).or_default() += 1;
        }
    }
    done
}

#[test]
fn one_of_three_is_killed() {
    let directory = tempfile::tempdir().expect("a directory");
    // They note a POST, and answer a while later: that is when one of them dies.
    let victims = Victim::three(directory.path(), "10");
    let addresses = victims.each_ref().map(|victim| victim.address);
    let posts = victims.each_ref().map(|victim| victim.posts.clone());
    let proxy = Proxy::start(&addresses, "");
    let [first, _second, _third] = victims;
    let load = load(proxy.address, true, |more| {
        more(200);
        first.process.kill();
        more(200);
    });
    assert_eq!(load.failed_gets, 0, "{load:?}");
    assert!(load.failed_posts <= 8, "at most those that it had: {load:?}");
    let seen = done(&posts);
    assert!(
        seen.len() > 300 && seen.values().all(|times| *times == 1),
        "{:?}",
        seen.iter().find(|(_, times)| **times > 1)
    );
    proxy.sidecar.finish();
}

#[test]
fn one_of_three_hangs() {
    let directory = tempfile::tempdir().expect("a directory");
    let victims = Victim::three(directory.path(), "0");
    let proxy = Proxy::start(&victims.each_ref().map(|victim| victim.address), "");
    let load = load(proxy.address, false, |more| {
        more(500);
        victims[0].process.signal(Signal::SIGSTOP);
        until("a request is answered elsewhere", || proxy.metric("adapter_proxy_http_hedges_won_total") >= 1.0);
        more(60);
    });
    victims[0].process.signal(Signal::SIGCONT);
    assert_eq!(load.failed_gets, 0, "{load:?}");
    // It takes a fifth of it when the machine has nothing else to do.
    assert!(load.slowest < Duration::from_millis(1250), "{load:?}");
    proxy.sidecar.finish();
}

#[test]
fn one_of_three_is_slow() {
    let directory = tempfile::tempdir().expect("a directory");
    let [a, b] = ["a", "b"].map(|name| Victim::start(directory.path(), name, "0"));
    let slow = Victim::start(directory.path(), "slow", "2000");
    let proxy = Proxy::start(&[a.address, slow.address, b.address], "");
    let mut client = proxy.client();
    for _ in 0..60 {
        let begun = Instant::now();
        assert_eq!(client.get("/").status, 200);
        assert!(begun.elapsed() < Duration::from_secs(1), "another one was quicker");
    }
    proxy.sidecar.finish();
}

/// Each figure is of what has happened: what was not sent again is no retry, and what was not asked was not given up.
#[test]
fn what_is_counted() {
    let gone = free_port();
    let proxy = Proxy::start(&[gone], "");
    for _ in 0..3 {
        assert_eq!(proxy.client().get("/").status, 502);
    }
    assert_eq!(proxy.count("adapter_proxy_connect_failures_total"), 3);
    assert_eq!(proxy.count("adapter_proxy_http_retries_total"), 0);

    // The budget is empty: nobody else is asked, and nobody is given up.
    let silent = || {
        Backend::start(|_, _| {
            thread::park();
            false
        })
    };
    let (one, other) = (silent(), silent());
    let proxy = Proxy::start(&[one.address, other.address], "try-timeout: 300ms, retries: {budget: 0, at-least: 0}");
    assert_eq!(proxy.client().get("/").status, 504);
    assert_eq!(proxy.count("adapter_proxy_http_upstream_connects_total"), 1);
    let seen = || one.seen().len() + other.seen().len();
    until("it is there", || seen() > 0);
    assert_eq!(seen(), 1);
    let page = e2e::sidecar::get(proxy.admin, "/metrics").expect("metrics").1;
    assert!(page.lines().filter(|line| line.contains("given_up")).all(|line| line.ends_with(" 0")), "{page}");
}

/// `tries` is of one request altogether, also of those that are under way at a time.
#[test]
fn one_try_is_one() {
    let silent = [(); 3].map(|()| {
        Backend::start(|_, _| {
            thread::park();
            false
        })
    });
    let addresses: Vec<_> = silent.iter().map(|backend| backend.address).collect();
    let proxy = Proxy::start(&addresses, "try-timeout: 500ms, retries: {tries: 1}");
    assert_eq!(proxy.client().get("/").status, 504);
    assert_eq!(proxy.count("adapter_proxy_http_upstream_connects_total"), 1);
    let seen = || silent.iter().map(|backend| backend.seen().len()).sum::<usize>();
    until("it is there", || seen() > 0);
    assert_eq!(seen(), 1);
}
