//! Bodies and filters that are out to do harm: what it costs whom.

use super::{JSON, Text, answer, answering, gate, post, problem, say, start};
use e2e::process::{STATE, children, cpu_time, ends_within, pidfd, stat, until};
use e2e::proxy::http::{Backend, Proxy};
use e2e::sidecar::with;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::thread;
use std::time::{Duration, Instant};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The first never ends, as long as nobody ends it.
const ROUTES: &str = "{name: endless, match: {path: /endless}, request: {body: {filter: 'def f: f; f'}}},
    {name: memory, match: {path: /memory}, request: {body: {filter: '[limit(100000000; repeat(\"x\"))] | length'}}},
    {name: text, match: {path: /text}, request: {body: {filter: 'reduce range(40) as $i (\"x\"; . + .) | length'}}},
    {name: deep, match: {path: /deep}, request: {body: {filter: 'def f: 1 + f; f'}}},
    {name: nested, match: {path: /nested}, request: {body: {filter: 'reduce range(1000000) as $i (.; [.])'}}},
    {name: xml, match: {path: /xml}, request: {body: {from: xml, to: json, max-body: 16MiB}}},
    {name: yaml, match: {path: /yaml}, request: {body: {from: yaml, to: json, max-body: 16MiB}}},
    {name: json, match: {path: /json}, request: {body: {filter: ., max-body: 16MiB}}},
    {name: good, match: {path: /good}, request: {body: {filter: '. + 1'}}}";

fn text(more: &'static str) -> Text<'static> {
    Text { routes: ROUTES, more, ..Text::default() }
}

fn workers(proxy: &Proxy) -> Vec<Pid> {
    proxy.sidecar.process().children().collect()
}

/// Whether it is there, and not about to end because it was killed.
fn runs(pid: Pid) -> bool {
    const FLAGS: usize = 9;
    let exiting = 4; // PF_EXITING of the kernel's sched.h
    let pending = |field| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let set = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.trim().strip_prefix(':')?.trim().to_owned().into());
        set.and_then(|set: String| u64::from_str_radix(&set, 16).ok()).unwrap_or_default()
    };
    let is_killed = (pending("SigPnd") | pending("ShdPnd")) & 1 << (Signal::SIGKILL as i32 - 1) != 0;
    let flags = stat(pid, FLAGS).and_then(|flags| flags.parse::<u64>().ok()).unwrap_or(exiting);
    !is_killed && flags & exiting == 0
}

fn is_there(pid: Pid) -> bool {
    stat(pid, STATE).is_some_and(|state| state != "Z")
}

/// One that has been busy for a while.
fn busy(proxy: &Proxy) -> Pid {
    let mut found = None;
    until("a worker is busy", || {
        let is_busy = |pid: &Pid| cpu_time(*pid).is_some_and(|time| time > Duration::from_millis(500));
        found = workers(proxy).into_iter().find(is_busy);
        found.is_some()
    });
    found.expect("a worker")
}

/// While one filter hangs, all others are run, and nothing that needs none waits.
#[test]
fn a_filter_that_never_ends() {
    let backend = Backend::answering(OK);
    let proxy = text("filters: {deadline: 6s}").start(&[backend.address]);
    let mut hangs = proxy.client();
    let begun = Instant::now();
    super::send(&mut hangs, "POST /endless HTTP/1.1\r\nHost: a\r\n", "1");
    let worker = busy(&proxy);
    let mut client = proxy.client();
    for number in 0..20 {
        assert_eq!(post(&mut client, "/good", number.to_string()).status, 200);
        assert_eq!(client.get("/plain").status, 200);
    }
    assert!(is_there(worker), "it hung all the while");
    let problem = problem(&hangs.answer(), 504, "filter-timeout");
    assert_eq!(problem["route"], "endless");
    assert!(begun.elapsed() >= Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(post(&mut hangs, "/good", "1").status, 200, "its connection goes on");
    until("what was killed is gone", || !workers(&proxy).contains(&worker));
    assert_eq!(proxy.count("adapter_proxy_filters_total{result=\"timeout\"}"), 1);
}

#[test]
fn another_status_for_what_takes_too_long() {
    let backend = answering(JSON, "1");
    let routes = "{name: r, responses: [{body: {filter: 'def f: f; f'}}], failure: {deadline: 599}}";
    let proxy = Text { routes, more: "filters: {deadline: 1s}", ..Text::default() }.start(&[backend.address]);
    let mut client = proxy.client();
    for _ in 0..2 {
        problem(&client.get("/"), 599, "filter-timeout");
    }
}

#[test]
fn filters_that_take_all_there_is() {
    let backend = Backend::answering(OK);
    let proxy = text("filters: {deadline: 20s}").start(&[backend.address]);
    let mut client = proxy.client();
    for path in ["/memory", "/text", "/deep", "/nested"] {
        assert_eq!(problem(&post(&mut client, path, "1"), 400, "body-too-much")["route"], path[1..]);
        assert_eq!(post(&mut client, "/good", "1").status, 200, "after {path}");
    }
    until("none is left behind", || proxy.sidecar.process().zombies() == 0);
    assert_eq!(backend.seen().len(), 4, "nothing was made of the others");
}

#[test]
fn bodies_that_are_out_to_do_harm() {
    let backend = Backend::answering(OK);
    let proxy = text("filters: {max-values: 100000, deadline: 20s}").start(&[backend.address]);
    let mut client = proxy.client();
    let many = |times: u32, each: fn(u32) -> String| (0..times).map(each).collect::<Vec<_>>().concat();
    let keys = many(1_000_000, |number| format!("\"{number}\":1,"));
    let attributes = many(200_000, |number| format!("b{number}='' "));
    let laughs = (1..9).fold("- &a0 [x]\n".to_owned(), |laughs, level| {
        laughs + &format!("- &a{level} [{}]\n", format!("*a{}, ", level - 1).repeat(10))
    });
    for (path, body) in [
        ("/json", "[".repeat(1_000_000)),
        ("/json", "[".repeat(101) + &"]".repeat(101)),
        ("/json", "{\"a\":".repeat(500_000)),
        ("/json", format!("{{{keys}\"a\":1}}")),
        ("/json", format!("[{}1]", "1,".repeat(1_000_000))),
        ("/json", "1".repeat(1_000_000) + "x"),
        ("/json", "\"\u{1}\"".into()),
        ("/json", "{\"a\":1}{\"a\":2}".into()),
        ("/xml", "<a>".repeat(1_000_000)),
        ("/xml", format!("<a>{}</a>", "<b/>".repeat(1_000_000))),
        ("/xml", format!("<a {attributes}/>")),
        ("/xml", "<!DOCTYPE a [<!ENTITY b 'xxxx'>]><a>&b;</a>".into()),
        ("/yaml", "[".repeat(100_000)),
        ("/yaml", laughs),
        ("/yaml", "- ".repeat(100_000)),
    ] {
        let shown: String = body.chars().take(30).collect();
        let answer = post(&mut client, path, &body);
        assert_eq!(answer.status, 400, "{shown}: {answer:?}");
        assert_eq!(problem(&answer, 400, "body-unfit")["route"], path[1..], "{shown}");
    }
    assert_eq!(post(&mut client, "/good", "1").status, 200);
    assert_eq!(backend.seen().len(), 1);
}

/// What a body of some MiB becomes is the workers' business; the proxy holds it as it came, and gives it back.
#[test]
fn the_proxy_stays_small() {
    let backend = Backend::answering(OK);
    let proxy = text("filters: {deadline: 10s, workers: 1}").start(&[backend.address]);
    let mut client = proxy.client();
    // The last wears its worker out.
    let bodies =
        ["[".repeat(256 << 10), format!("[{}1]", "1,".repeat(128 << 10)), "\"".to_owned() + &"x".repeat(2 << 20)];
    let all = |times: usize| (0..times).map(|number| &bodies[if number % 10 == 0 { 2 } else { number % 2 }]);
    for body in all(20) {
        assert_eq!(post(&mut client, "/json", body).status, 400);
    }
    let before = proxy.sidecar.resident();
    for body in all(200) {
        assert_eq!(post(&mut client, "/json", body).status, 400);
    }
    let after = proxy.sidecar.resident();
    assert!(after < before + 1024 && after < 32 << 10, "{before} kB and then {after} kB");
    assert_eq!(proxy.count("adapter_proxy_http_buffered_bytes"), 0);
}

#[test]
fn workers_that_somebody_kills() {
    let backend = Backend::answering(OK);
    let proxy = text("filters: {deadline: 30s}").start(&[backend.address]);
    let mut client = proxy.client();
    for _ in 0..5 {
        assert_eq!(post(&mut client, "/good", "1").status, 200);
        for pid in workers(&proxy) {
            let end = pidfd(pid).expect("a worker");
            kill(pid, Signal::SIGKILL).expect("a worker");
            assert_eq!(ends_within(Duration::from_secs(10), &end), Ok(true));
        }
        until("the proxy knows", || workers(&proxy).is_empty());
        assert_eq!(post(&mut client, "/good", "1").status, 200, "after one that was idle");
    }
    for _ in 0..3 {
        let mut hangs = proxy.client();
        super::send(&mut hangs, "POST /endless HTTP/1.1\r\nHost: a\r\n", "1");
        kill(busy(&proxy), Signal::SIGKILL).expect("a worker");
        problem(&hangs.answer(), 400, "body-too-much");
        assert_eq!(post(&mut client, "/good", "1").status, 200, "after one that was busy");
    }
    until("none is left behind", || proxy.sidecar.process().zombies() == 0);
}

#[test]
fn workers_end_with_the_proxy() {
    let backend = Backend::answering(OK);
    for how in [Signal::SIGKILL, Signal::SIGTERM] {
        let proxy = text("filters: {deadline: 10m}").start(&[backend.address]);
        let mut hangs = proxy.client();
        super::send(&mut hangs, "POST /endless HTTP/1.1\r\nHost: a\r\n", "1");
        busy(&proxy);
        assert_eq!(post(&mut proxy.client(), "/good", "1").status, 200);
        let all = workers(&proxy);
        assert_eq!(all.len(), 2, "one is busy, and one is not");
        let ends: Vec<_> = all.iter().map(|pid| pidfd(*pid).expect("a worker")).collect();
        if how == Signal::SIGKILL {
            proxy.sidecar.kill();
        } else {
            proxy.sidecar.terminate();
        }
        for (pid, end) in all.iter().zip(&ends) {
            assert_eq!(ends_within(Duration::from_secs(10), end), Ok(true), "{how}: {pid} goes on");
            assert!(!is_there(*pid));
        }
    }
}

/// However many there are who want one.
#[test]
fn no_more_workers_than_there_may_be() {
    let backend = Backend::answering(OK);
    let proxy = text("filters: {workers: 3, pending: 1000, deadline: 300ms}").start(&[backend.address]);
    let pid = proxy.sidecar.process().pid;
    let mut most = 0;
    thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|number| {
                let proxy = &proxy;
                scope.spawn(move || {
                    let mut client = proxy.client();
                    for turn in 0..20 {
                        let path = if (number + turn) % 10 == 0 { "/endless" } else { "/good" };
                        let status = post(&mut client, path, "1").status;
                        assert!(matches!(status, 200 | 503 | 504), "{path}: {status}");
                    }
                })
            })
            .collect();
        while !all.iter().all(thread::ScopedJoinHandle::is_finished) {
            // Those that are seen again are there at the same time.
            let seen: Vec<_> = children(pid).filter(|pid| runs(*pid)).collect();
            most = most.max(seen.into_iter().filter(|pid| runs(*pid)).count());
        }
    });
    assert!((2..=3).contains(&most), "{most}");
    until("none is left behind", || proxy.sidecar.process().zombies() == 0 && workers(&proxy).len() <= 3);
    assert_eq!(post(&mut proxy.client(), "/good", "1").status, 200);
}

#[test]
fn who_maps_no_body_has_no_worker() {
    let backend = Backend::answering(OK);
    let proxy = start(&backend, "{name: r, match: {path: /a}, request: {path: /b}, responses: [{set-status: 201}]}");
    let mut client = proxy.client();
    assert_eq!(client.get("/a").status, 201);
    assert_eq!(client.get("/b").status, 200);
    assert!(workers(&proxy).is_empty());
    // Nor who might, before there is a body.
    let proxy = text("").start(&[backend.address]);
    assert_eq!(proxy.client().get("/good").status, 200);
    assert!(workers(&proxy).is_empty());
}

#[test]
fn too_many_that_wait() {
    let backend = Backend::answering(OK);
    let proxy = text("filters: {workers: 1, pending: 2, deadline: 6s}").start(&[backend.address]);
    let mut hangs = proxy.client();
    super::send(&mut hangs, "POST /endless HTTP/1.1\r\nHost: a\r\n", "1");
    busy(&proxy);
    let mut all: Vec<_> = (0..6).map(|_| proxy.client()).collect();
    let (tell, told) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        for client in &mut all {
            let tell = tell.clone();
            scope.spawn(move || tell.send(post(client, "/good", "1")).expect("a test"));
        }
        // Those there is no room for know at once, while the others wait.
        for _ in 0..4 {
            let answer = told.recv_timeout(Duration::from_secs(4)).expect("an answer");
            problem(&answer, 503, "filters-busy");
        }
        problem(&hangs.answer(), 504, "filter-timeout");
        for _ in 0..2 {
            let answer = told.recv_timeout(Duration::from_secs(20)).expect("an answer");
            assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        }
    });
    assert_eq!(post(&mut hangs, "/good", "1").status, 200);
    assert!(proxy.count("adapter_proxy_filters_total{result=\"busy\"}") >= 4);
}

/// Of what came to no good end lately one is done at a time, also where each wears its worker out.
#[test]
fn large_bodies_where_one_came_to_no_good_end() {
    let backend = Backend::answering(OK);
    let filter = "if .x == 0 then (def f: 1 + f; f) else reduce range(300000) as $i (0; . + 1) end";
    let routes = format!("{{name: r, request: {{body: {{filter: '{filter}', max-body: 4MiB}}}}}}");
    let text = Text { routes: &routes, more: "filters: {deadline: 20s}", ..Text::default() };
    let proxy = text.start(&[backend.address]);
    problem(&post(&mut proxy.client(), "/", "{\"x\":0}"), 400, "body-too-much");
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(2 << 20));
    for _ in 0..3 {
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert_eq!(post(&mut proxy.client(), "/", &large).status, 200));
            }
        });
    }
}

/// What is being mapped when the program is to end is answered.
#[test]
fn sigterm_and_mapped_requests() {
    let (gate, waiter) = gate();
    let backend = Backend::start(move |_, stream| {
        waiter.wait();
        say(stream, &answer(JSON, "{\"a\":7}"))
    });
    let routes = "{name: r, request: {body: {}}, responses: [{body: {filter: .a}}]}";
    let text = Text { routes, ..Text::default() };
    let end: [&dyn AsRef<OsStr>; 4] = [&"--drain-timeout", &"10m", &"--quiet-for", &"50ms"];
    let proxy = Proxy::of(|listen| text.file(listen, &[backend.address]), |launch| with(launch, &end));
    let (mut held, mut uploads) = (proxy.client(), proxy.client());
    super::send(&mut held, "POST / HTTP/1.1\r\nHost: a\r\n", "1");
    gate.come();
    uploads.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1");
    proxy.sidecar.signal(Signal::SIGTERM);
    proxy.sidecar.until_said("asked to stop");
    gate.open();
    assert_eq!(held.answer().body, "7");
    uploads.send("2");
    gate.come();
    gate.open();
    assert_eq!(uploads.answer().body, "7");
    assert_eq!(backend.seen()[1].body, "12");
    let all = workers(&proxy);
    drop((held, uploads));
    assert_eq!(proxy.sidecar.end().code, 0);
    until("no worker is left", || !all.iter().any(|pid| is_there(*pid)));
}
