//! From its start to its end.

use e2e::proxy::{self, Place, Proxy, accept, connect, echo, hear, listen, read};
use e2e::sidecar::{Sidecar, free_port, get, output, refuse, run, succeed};
use nix::sys::signal::Signal;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn ends_well(mut stream: &TcpStream) {
    assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Ok(0));
}

/// A file with one listener for these endpoints.
fn one(listen: SocketAddr, endpoints: &[SocketAddr]) -> String {
    let endpoints: Vec<_> = endpoints.iter().map(|endpoint| format!("'{endpoint}'")).collect();
    let endpoints = endpoints.join(", ");
    format!("listeners: [{{listen: '{listen}', cluster: c}}]\nclusters: {{c: {{endpoints: [{endpoints}]}}}}\n")
}

/// What a POST is answered with: the status, and the body.
fn post(admin: SocketAddr, path: &str, header: &str) -> (u16, String) {
    let mut stream = connect(admin);
    write!(stream, "POST {path} HTTP/1.1\r\nhost: x\r\n{header}content-length: 0\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.into())
}

#[test]
fn nothing_to_do() {
    refuse(proxy::launch(&[]), 2, &["nothing to listen on", "hint: give `--listen` and `--to`"]);
}

#[test]
fn it_ends_when_it_is_asked_to() {
    let listen = free_port().to_string();
    let proxy = Sidecar::start(proxy::launch(&[&"--listen", &listen, &"--to", &"127.0.0.1:1"]));
    proxy.until_said("listening on");
    proxy.finish();
}

#[test]
fn an_address_that_is_taken() {
    let (_taken, address) = listen();
    let address = address.to_string();
    let launch = proxy::launch(&[&"--listen", &address, &"--to", &"127.0.0.1:1"]);
    refuse(launch, 1, &[&format!("cannot listen on {address}"), "hint: the containers of a pod share its ports"]);
}

#[test]
fn what_a_configuration_means() {
    let place = Place::new(
        "listeners:
- {listen: '127.0.0.1:6379', cluster: redis}
- {listen: 'unix:/run/db.sock', cluster: db, mode: \"0600\", idle-timeout: 10m}
- {listen: '0.0.0.0:8080', protocol: http, cluster: shop, http: {retries: {methods: [GET, PUT]}}}
- {listen: '127.0.0.1:8081', protocol: http, cluster: shop, http: {hedge: false, retries: {methods: []}, try-timeout: 1500ms}}
clusters:
  redis: {endpoints: [redis-a:6379, {at: redis-b:6379, weight: 2}, {at: '10.0.0.1:1', backup: true}],
    health: {check: {talk: {send: \"PING\\r\\n\", expect: +PONG}}}}
  db: {endpoints: [db:5432], connect-timeout: 200ms, balance: least-request, outlier: {failures: 0}}
  shop: {file: /etc/shop.yaml, balance: round-robin, health: {check: {http: {path: /healthz}}, interval: 500ms}}
",
    );
    let shown = output(proxy::launch(&[&"check", &"--config", &place.config()]));
    let expected = "127.0.0.1:6379: tcp, to the cluster redis; at most 1024 connections, closed after 1h without a byte
unix:/run/db.sock (mode 0600): tcp, to the cluster db; at most 1024 connections, closed after 10m without a byte
0.0.0.0:8080: http, to the cluster shop; at most 1024 connections, closed after 1h without a byte
  others than this pod may connect to it, too
  an answer begins within 30s of each try, and within 1m of all 3
  sent again although an endpoint may have had it: GET, PUT
  what only asks and takes unusually long is sent to a second endpoint, too
127.0.0.1:8081: http, to the cluster shop; at most 1024 connections, closed after 1h without a byte
  an answer begins within 1500ms of each try, and within 1m of all 3
  nothing is sent again that an endpoint may have had
cluster db: connections within 200ms
  db:5432
  chosen: the less busy of two; never left out for failures
cluster redis: connections within 1s
  redis-a:6379
  redis-b:6379, weight 2
  10.0.0.1:1, when none of the others is well
  chosen: the quicker of two; left out for 1s after 5 failures in a row
  asked every 2s for an answer that begins with \"+PONG\"
cluster shop: connections within 1s
  and those that /etc/shop.yaml lists
  chosen: one after the other; left out for 1s after 5 failures in a row
  asked every 500ms for /healthz
";
    assert_eq!(shown, expected);
}

#[test]
fn what_is_wrong_with_a_configuration() {
    for (config, words) in [
        ("listeners: []\nclusters: {}\nx: 1\n", "x"),
        ("listeners: [{listen: '127.0.0.1:1', cluster: a}]\nclusters: {b: {endpoints: ['127.0.0.1:1']}}\n", "`b`"),
        ("listeners: [{listen: 'localhost:1', cluster: a}]\nclusters: {a: {endpoints: [b:1]}}\n", "127.0.0.1:6379"),
        ("listeners: [{listen: 'unix:/a', mode: \"0888\", cluster: a}]\nclusters: {a: {endpoints: [b:1]}}\n", "0660"),
        (
            "listeners: [{listen: '127.0.0.1:1', mode: \"0600\", cluster: a}]\nclusters: {a: {endpoints: [b:1]}}\n",
            "mode",
        ),
    ] {
        let place = Place::new(config);
        let config = place.config();
        refuse(proxy::launch(&[&"check", &"--config", &config]), 2, &["config.yaml", words]);
        refuse(proxy::launch(&[&"--config", &config]), 2, &["config.yaml", words]);
    }
}

#[test]
fn waiting_for_it() {
    let (admin, listen) = (free_port().to_string(), free_port().to_string());
    let wait = |time: &str| proxy::launch(&[&"wait", &"--timeout", &time, &"--admin", &admin]);
    refuse(wait("100ms"), 1, &["waited for 100ms", &admin]);
    refuse(proxy::launch(&[&"wait"]), 2, &["off"]);
    let waiting = Sidecar::start(wait("30s"));
    assert!(!waiting.process().ends_within(Duration::from_millis(200)));
    let proxy = Sidecar::start(proxy::launch(&[&"--listen", &listen, &"--to", &"127.0.0.1:1", &"--admin", &admin]));
    assert_eq!(waiting.end().code, 0);
    // Whether anybody is behind it is another thing.
    drop(TcpStream::connect(listen).unwrap());
    succeed(proxy::launch(&[&"probe", &"ready", &"--admin", &admin]));
    proxy.finish();
}

/// The app has been asked to end, too, and takes its time: it connects once more.
#[test]
fn new_connections_after_sigterm() {
    let proxy = Proxy::to(&[echo("hello")], &[&"--quiet-for", &"3s"]);
    let mut old = proxy.connect();
    assert_eq!(read(&mut old, 5), "hello");
    proxy.sidecar.signal(Signal::SIGTERM);
    proxy.sidecar.until_said("asked to stop");
    for _ in 0..3 {
        let mut new = proxy.connect();
        assert_eq!(read(&mut new, 5), "hello");
        hear(&mut new, "one more thing").unwrap();
        hear(&mut old, "and another").unwrap();
    }
    drop(old);
    assert_eq!(proxy.sidecar.end().code, 0);
}

/// As long as it is open, somebody is there who may need it: the pod waits for that one anyway.
#[test]
fn a_silent_connection_is_not_cut() {
    let proxy = Proxy::to(&[echo("hello")], &[&"--quiet-for", &"50ms", &"--drain-timeout", &"10m"]);
    let mut pooled = proxy.connect();
    assert_eq!(read(&mut pooled, 5), "hello");
    proxy.sidecar.signal(Signal::SIGTERM);
    proxy.sidecar.until_said("asked to stop");
    assert!(!proxy.sidecar.process().ends_within(Duration::from_millis(500)));
    hear(&mut pooled, "the last row").unwrap();
    drop(pooled);
    assert_eq!(proxy.sidecar.end().code, 0);
}

#[test]
fn the_deadline_and_silent_connections() {
    let proxy = Proxy::to(&[echo("hello")], &[&"--quiet-for", &"50ms", &"--drain-timeout", &"1s"]);
    let mut pooled = proxy.connect();
    assert_eq!(read(&mut pooled, 5), "hello");
    let ended = proxy.terminate();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("on which nothing moves: 1"), "{}", ended.stderr);
    ends_well(&pooled);
}

/// What is cut off does not look as if that had been all.
#[test]
fn the_deadline_and_busy_connections() {
    let (server, address) = listen();
    let proxy = Proxy::to(&[address], &[&"--drain-timeout", &"1s"]);
    let (client, mut upstream) = (proxy.connect(), accept(&server));
    let listen = proxy.listen;
    // The client does not read, so that something is always under way.
    thread::spawn(move || while upstream.write_all(&vec![0; 65536]).is_ok() {});
    let ended = proxy.terminate();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let said = format!("error: connections are cut off: 1 of {listen}");
    assert_eq!(ended.stderr.lines().filter(|line| line.contains(&said)).count(), 1, "{}", ended.stderr);
    let error = std::io::copy(&mut &client, &mut std::io::sink()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for second in [Signal::SIGTERM, Signal::SIGINT] {
        let proxy = Proxy::to(&[echo("hello")], &[&"--drain-timeout", &"10m", &"--quiet-for", &"10m"]);
        let mut open = proxy.connect();
        assert_eq!(read(&mut open, 5), "hello");
        proxy.sidecar.signal(Signal::SIGTERM);
        proxy.sidecar.until_said("asked to stop");
        proxy.sidecar.signal(second);
        assert_eq!(proxy.sidecar.end().code, 1);
        let error = open.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "an end would say that this was all");
    }
}

#[test]
fn quit() {
    let proxy = Proxy::to(&[echo("hello")], &[]);
    assert_eq!(post(proxy.admin, "/quit", "").0, 405, "it is off");
    assert_eq!(proxy.terminate().code, 0);

    let proxy = Proxy::to(&[echo("hello")], &[&"--quit"]);
    assert_eq!(get(proxy.admin, "/quit").unwrap().0, 404);
    assert_eq!(post(proxy.admin, "/livez", "").0, 405);
    assert_eq!(post(proxy.admin, "/quit", "origin: http://example.org\r\n").0, 403, "some page in a browser");
    let mut stream = proxy.connect();
    assert_eq!(read(&mut stream, 5), "hello");
    assert_eq!(post(proxy.admin, "/quit", ""), (200, "ending\n".into()));
    proxy.sidecar.until_said("asked to quit");
    // What holds for SIGTERM holds for this.
    hear(&mut stream, "not yet").unwrap();
    drop(stream);
    assert_eq!(proxy.sidecar.end().code, 0);
}

#[test]
fn a_new_file_is_followed_and_nothing_is_dropped() {
    let (listen, a, b) = (free_port(), echo("a"), echo("b"));
    let place = Place::new(&one(listen, &[a]));
    let proxy = Proxy::of(&place, listen, &[]);
    let mut old = proxy.connect();
    assert_eq!(read(&mut old, 1), "a");
    place.write(&one(listen, &[b]));
    proxy.sidecar.until_said("following the new");
    assert_eq!(read(&mut proxy.connect(), 1), "b");
    hear(&mut old, "still the same").unwrap();
    assert_eq!(proxy.metric("adapter_proxy_reloads_total{result=\"followed\"}"), 1);
}

#[test]
fn a_wrong_file_is_refused() {
    let (listen, (_taken, taken)) = (free_port(), listen());
    let place = Place::new(&one(listen, &[echo("a")]));
    let proxy = Proxy::of(&place, listen, &[]);
    let also_taken = format!(
        "listeners: [{{listen: '{listen}', cluster: d}}, {{listen: '{taken}', cluster: d}}]
clusters: {{d: {{endpoints: ['127.0.0.1:1']}}}}"
    );
    for (number, wrong) in ["listeners: nonsense", also_taken.as_str()].iter().enumerate() {
        place.write(wrong);
        let count = number as u64 + 1;
        e2e::process::until("it refuses it", || {
            proxy.metric("adapter_proxy_reloads_total{result=\"refused\"}") == count
        });
        assert_eq!(read(&mut proxy.connect(), 1), "a");
    }
    let ended = proxy.terminate();
    for words in ["wrong now; the old one stays", "config.yaml", &format!("cannot listen on {taken}")] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

#[test]
fn listeners_come_and_go() {
    let (first, second, a) = (free_port(), free_port(), echo("a"));
    let place = Place::new(&one(first, &[a]));
    let proxy = Proxy::of(&place, first, &[]);
    let mut old = proxy.connect();
    assert_eq!(read(&mut old, 1), "a");
    place.write(&one(second, &[a]));
    proxy.sidecar.until_said(&format!("listening on {second}"));
    assert_eq!(read(&mut connect(second), 1), "a");
    e2e::process::until("the first one is gone", || TcpStream::connect(first).is_err());
    hear(&mut old, "still there").unwrap();
    let opened = format!("adapter_proxy_connections_total{{listener=\"{first}\"");
    assert_eq!(proxy.metric(&opened), 1, "it counts as long as one of its connections is open");
    // And when it comes back it goes on counting.
    place.write(&one(first, &[a]));
    e2e::process::until("the first one is back", || TcpStream::connect(first).is_ok());
    hear(&mut old, "all the time").unwrap();
    assert!(proxy.metric(&opened) >= 2);
}

#[test]
fn a_new_file_ten_times_a_second() {
    let (listen, a, b) = (free_port(), echo("a"), echo("b"));
    let place = Place::new(&one(listen, &[a]));
    let proxy = Proxy::of(&place, listen, &[]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            let (mut kept, proxy, done) = (proxy.connect(), &proxy, &done);
            scope.spawn(move || {
                read(&mut kept, 1);
                while !done.load(Ordering::Relaxed) {
                    hear(&mut kept, "kept").unwrap();
                    let mut new = proxy.connect();
                    assert!(["a", "b"].contains(&read(&mut new, 1).as_str()));
                    hear(&mut new, "new").unwrap();
                }
            });
        }
        let start = Instant::now();
        let mut number = 0;
        while start.elapsed() < Duration::from_secs(3) {
            number += 1;
            place.write(&one(listen, &[if number % 2 == 0 { a } else { b }]));
            thread::sleep(Duration::from_millis(100));
        }
        // It follows also when there is never a pause, and in the end it follows the last one.
        place.write(&one(listen, &[a, a]));
        e2e::process::until("it follows", || proxy.metric("adapter_proxy_reloads_total{result=\"followed\"}") >= 2);
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(proxy.metric("adapter_proxy_connections_refused_total"), 0);
}

#[test]
fn a_probe_of_nobody() {
    assert_eq!(run(proxy::launch(&[&"probe", &"ready", &"--admin", &free_port().to_string()])).code, 1);
}
