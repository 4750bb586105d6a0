//! Bytes through it: all of them, in order, and the end as it came.

mod resources;

use e2e::proxy::{Place, Proxy, accept, break_off, echo, hear, listen, read};
use e2e::sidecar::{free_port, with};
use nix::sys::socket::MsgFlags;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

const BLOCK: usize = 1 << 20;

fn ends_with_a_reset(mut stream: &TcpStream) {
    let mut byte = [0];
    assert_eq!(stream.read(&mut byte).map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
}

fn ends_well(mut stream: &TcpStream) {
    assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Ok(0));
}

/// Bytes that are nowhere the same for long. Block `number` begins with its number.
fn block(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    });
    let mut bytes: Vec<u8> = words.take(BLOCK / 8).flat_map(u64::to_ne_bytes).collect();
    bytes[..8].copy_from_slice(&number.to_ne_bytes());
    bytes
}

/// Sends so many blocks, of which each one is another, and hears of the end.
fn send(stream: &mut TcpStream, blocks: u64) {
    let kinds: Vec<_> = (0..7).map(block).collect();
    for number in 0..blocks {
        stream.write_all(&number.to_ne_bytes()).unwrap();
        stream.write_all(&kinds[(number % 7) as usize][8..]).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
}

fn receive(stream: &mut TcpStream, blocks: u64) {
    let kinds: Vec<_> = (0..7).map(block).collect();
    let mut bytes = vec![0; BLOCK];
    for number in 0..blocks {
        stream.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes[..8], number.to_ne_bytes());
        assert!(bytes[8..] == kinds[(number % 7) as usize][8..], "block {number} is another one");
    }
    ends_well(stream);
}

/// So much both ways at once.
fn both_ways(proxy: &Proxy, server: &std::net::TcpListener, blocks: u64) {
    let (mut client, mut upstream) = (proxy.connect(), accept(server));
    let (mut sending, mut answering) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| send(&mut sending, blocks));
        scope.spawn(|| send(&mut answering, blocks));
        scope.spawn(|| receive(&mut upstream, blocks));
        receive(&mut client, blocks);
    });
}

#[test]
fn a_gigabyte() {
    let (server, address) = listen();
    let proxy = Proxy::to(&[address], &[]);
    let (mut client, mut upstream) = (proxy.connect(), accept(&server));
    thread::scope(|scope| {
        scope.spawn(|| send(&mut client, 1024));
        receive(&mut upstream, 1024);
    });
    assert_eq!(proxy.metric("adapter_proxy_received_bytes_total"), 1 << 30);
    assert!(proxy.sidecar.peak() < 8 << 10, "{} kB", proxy.sidecar.peak());
    both_ways(&proxy, &server, 64);
}

/// Urgent bytes (tcp(7)) stay among the others, and keep nothing back that is behind them, though there a read ends, and
/// splice(2) says that this was all.
#[test]
fn urgent_bytes() {
    let (server, address) = listen();
    let proxy = Proxy::to(&[address], &[]);
    for (much, from_client, ends) in [3, 1 << 20].into_iter().flat_map(|much| {
        [(true, false), (false, false), (true, true), (false, true)].map(|(one, two)| (much, one, two))
    }) {
        let (mut client, mut upstream) = (proxy.connect(), accept(&server));
        hear_one_way(&mut client, &mut upstream, "hello");
        let (mut from, mut to) = if from_client { (client, upstream) } else { (upstream, client) };
        let send = |from: &mut TcpStream| {
            from.write_all(&vec![b'a'; much]).unwrap();
            assert_eq!(nix::sys::socket::send(from.as_raw_fd(), b"!", MsgFlags::MSG_OOB), Ok(1));
            from.write_all(&vec![b'b'; much]).unwrap();
            if ends {
                from.shutdown(Shutdown::Write).unwrap();
            }
        };
        let mut bytes = vec![0; 2 * much + 1];
        if much > 3 {
            thread::scope(|scope| {
                scope.spawn(|| send(&mut from));
                to.read_exact(&mut bytes).unwrap();
            });
        } else {
            proxy.sidecar.stopped(|| send(&mut from));
            to.read_exact(&mut bytes).unwrap();
        }
        assert!(bytes.iter().position(|byte| *byte == b'!') == Some(much) && bytes[2 * much] == b'b');
        if ends {
            ends_well(&to);
        } else {
            hear_one_way(&mut from, &mut to, "and more");
        }
        hear_one_way(&mut to, &mut from, "goodbye");
    }
}

#[test]
fn each_side_may_end_first() {
    let (server, address) = listen();
    let proxy = Proxy::to(&[address], &[]);
    for client_first in [true, false] {
        let (client, upstream) = (proxy.connect(), accept(&server));
        let (mut first, mut last) = if client_first { (client, upstream) } else { (upstream, client) };
        first.write_all(b"that is all").unwrap();
        first.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read(&mut last, 11), "that is all");
        ends_well(&last);
        // The other way is as open as before, for much as for little.
        hear_one_way(&mut last, &mut first, "not for me");
        thread::scope(|scope| {
            scope.spawn(|| send(&mut last, 16));
            receive(&mut first, 16);
        });
    }
    e2e::process::until("all are closed", || proxy.metric("adapter_proxy_connections_open") == 0);
}

fn hear_one_way(from: &mut TcpStream, to: &mut TcpStream, words: &str) {
    from.write_all(words.as_bytes()).unwrap();
    assert_eq!(read(to, words.len()), words);
}

#[test]
fn a_reset_is_passed_on() {
    let (server, address) = listen();
    let proxy = Proxy::to(&[address], &[]);
    for half_closed in [false, true] {
        for client_breaks in [true, false] {
            let (client, upstream) = (proxy.connect(), accept(&server));
            let (mut breaking, mut other) = if client_breaks { (client, upstream) } else { (upstream, client) };
            hear_one_way(&mut breaking, &mut other, "hello");
            hear_one_way(&mut other, &mut breaking, "hello");
            if half_closed {
                // Then nobody reads from it any more, and nobody may have anything to say to it.
                breaking.shutdown(Shutdown::Write).unwrap();
                ends_well(&other);
            }
            break_off(breaking);
            if half_closed {
                // What has been read to its end does not read a reset: it is the next write that fails.
                e2e::process::until("it is broken", || other.write_all(b"x").is_err());
            } else {
                ends_with_a_reset(&other);
            }
        }
    }
    e2e::process::until("all are closed", || proxy.metric("adapter_proxy_connections_open") == 0);
}

/// Also when what it had sent has not been taken yet.
#[test]
fn a_reset_behind_much_that_nobody_takes() {
    let (server, address) = listen();
    let proxy = Proxy::to(&[address], &[]);
    let (client, upstream) = (proxy.connect(), accept(&server));
    until_stuck(&client);
    break_off(client);
    e2e::process::until("it is closed", || proxy.metric("adapter_proxy_connections_open") == 0);
    let error = std::io::copy(&mut &upstream, &mut std::io::sink()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// Sends zeros until nothing more goes: how many.
fn until_stuck(mut stream: &TcpStream) -> usize {
    let (block, mut sent) = (vec![0; BLOCK], 0);
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    while let Ok(some) = stream.write(&block) {
        sent += some;
    }
    sent
}

#[test]
fn another_endpoint_when_one_refuses() {
    let (refusing, address) = (free_port(), echo("hello"));
    let proxy = Proxy::to(&[refusing, address], &[]);
    for _ in 0..20 {
        let mut stream = proxy.connect();
        assert_eq!(read(&mut stream, 5), "hello");
    }
    assert_eq!(proxy.metric("adapter_proxy_connections_refused_total"), 0);
    proxy.sidecar.until_said(&format!("cannot connect to {refusing}"));
}

#[test]
fn nobody_takes_it() {
    let refusing = [free_port(), free_port()];
    let proxy = Proxy::to(&refusing, &[]);
    ends_with_a_reset(&proxy.connect());
    proxy.sidecar.until_said("is refused: cluster cluster: ");
    assert_eq!(proxy.metric("adapter_proxy_connections_refused_total"), 1);
    assert_eq!(proxy.metric("adapter_proxy_connect_failures_total"), 2);
    assert_eq!(proxy.metric("adapter_proxy_connections_open"), 0);
}

/// An endpoint with a full backlog answers nothing at all.
#[test]
fn another_endpoint_when_one_is_silent() {
    let (full, silent) = listen();
    // SAFETY: it takes no pointer.
    assert_eq!(unsafe { libc::listen(full.as_raw_fd(), 0) }, 0);
    let _waiting = TcpStream::connect(silent).unwrap();
    let (address, listen) = (echo("hello"), free_port());
    let place = Place::new(&format!(
        "listeners: [{{listen: '{listen}', cluster: c}}]
clusters: {{c: {{endpoints: ['{silent}', '{address}'], connect-timeout: 100ms, balance: round-robin}}}}"
    ));
    let proxy = Proxy::of(&place, listen, &[]);
    for _ in 0..4 {
        assert_eq!(read(&mut proxy.connect(), 5), "hello");
    }
    proxy.sidecar.until_said(&format!("cannot connect to {silent}"));
}

#[test]
fn too_many_wait_until_others_have_ended() {
    let ((server, address), listen) = (listen(), free_port());
    let place = Place::new(&format!(
        "listeners: [{{listen: '{listen}', cluster: c, max-connections: 2}}]
clusters: {{c: {{endpoints: ['{address}']}}}}"
    ));
    let proxy = Proxy::of(&place, listen, &[]);
    let mut clients: Vec<_> = (0..4).map(|_| proxy.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.write_all(&[b'0' + u8::try_from(number).unwrap()]).unwrap();
    }
    let mut taken = [accept(&server), accept(&server)];
    assert_eq!([read(&mut taken[0], 1), read(&mut taken[1], 1)], ["0", "1"]);
    assert_eq!(proxy.metric("adapter_proxy_connections_total"), 2);
    drop(taken);
    for client in &clients[..2] {
        ends_well(client);
    }
    clients.drain(..2);
    let mut taken = [accept(&server), accept(&server)];
    assert_eq!([read(&mut taken[0], 1), read(&mut taken[1], 1)], ["2", "3"]);
}

#[test]
fn idle_ones_are_closed() {
    let (address, listen) = (echo("hello"), free_port());
    let place = Place::new(&format!(
        "listeners: [{{listen: '{listen}', cluster: c, idle-timeout: 2s}}]
clusters: {{c: {{endpoints: ['{address}']}}}}"
    ));
    let proxy = Proxy::of(&place, listen, &[]);
    let mut stream = proxy.connect();
    assert_eq!(read(&mut stream, 5), "hello");
    hear(&mut stream, "one more").unwrap();
    ends_well(&stream);
    e2e::process::until("all are closed", || proxy.metric("adapter_proxy_connections_open") == 0);
}

/// From a Unix socket to one, and much of it: that is spliced, too.
#[test]
fn between_unix_sockets() {
    use std::os::unix::net::{UnixListener, UnixStream};
    let directory = tempfile::tempdir().unwrap();
    let (near, far) = (directory.path().join("near"), directory.path().join("far"));
    let server = UnixListener::bind(&far).unwrap();
    let unix = |path: &std::path::Path| format!("unix:{}", path.display());
    let admin = free_port();
    let launch =
        with(e2e::proxy::launch(&[&"--admin", &admin.to_string()]), &[&"--listen", &unix(&near), &"--to", &unix(&far)]);
    let proxy = e2e::sidecar::Sidecar::start(launch);
    proxy.until_ready(admin);
    let mut client = UnixStream::connect(&near).unwrap();
    let (mut upstream, _) = server.accept().unwrap();
    let bytes: Vec<_> = (0..32).flat_map(block).collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            client.write_all(&bytes).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
        });
        let mut read = vec![];
        upstream.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    });
    upstream.write_all(b"thanks").unwrap();
    drop(upstream);
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "thanks");
    drop(client);
    proxy.finish();
    assert!(!near.exists());
}
