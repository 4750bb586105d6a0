//! What it takes of the machine, and that all goes through where there is less.

use super::{both_ways, ends_well, hear_one_way, until_stuck};
use e2e::launch::Launch;
use e2e::proxy::http::{self, Backend};
use e2e::proxy::{Place, Proxy, accept, echo, hear, listen, read, unacknowledged};
use e2e::sidecar::free_port;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::Pid;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;

/// A sandbox may know no splice, or no pipes.
#[test]
fn where_splice_cannot_be() {
    use libc::{SYS_pipe2, SYS_splice};
    use nix::errno::Errno;
    for (call, errno) in [(SYS_splice, Errno::EINVAL), (SYS_splice, Errno::ENOSYS), (SYS_pipe2, Errno::EMFILE)] {
        let (server, address) = listen();
        let proxy = Proxy::launched(&[address], |launch| launch.refused(call, errno));
        both_ways(&proxy, &server, 64);
        assert!(call == SYS_splice || proxy.metric("adapter_proxy_pipes") == 0);
        assert_eq!(proxy.terminate().code, 0);
    }
}

/// Leaves the process so many more descriptors.
fn leave(more: u64, pid: Pid) {
    let open: Vec<u64> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .collect();
    let is_left = |limit: &u64| open.iter().filter(|number| *number < limit).count() as u64 + more == *limit;
    let soft = (1..4096).find(is_left).unwrap();
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: 4096 };
    // SAFETY: it reads one limit, and there is one.
    let set = unsafe { libc::prlimit(pid.as_raw(), libc::RLIMIT_NOFILE, &raw const limit, std::ptr::null_mut()) };
    assert_eq!(set, 0);
}

/// Without one for a connection to an endpoint, that is not the endpoint's fault.
#[test]
fn where_there_is_a_descriptor_for_the_client_alone() {
    let (server, address) = listen();
    server.set_nonblocking(true).unwrap();
    let proxy = Proxy::to(&[address], &[]);
    let mut resets = 0;
    e2e::process::until("ten connections are reset", || {
        leave(1, proxy.sidecar.process().pid);
        let mut client = proxy.connect();
        client.set_nonblocking(true).unwrap();
        let mut end = None;
        e2e::process::until("it is reset, or led on", || {
            end = client.read(&mut [0]).err().map(|error| error.kind()).filter(|kind| *kind != ErrorKind::WouldBlock);
            end.is_some() || server.accept().is_ok()
        });
        resets += u64::from(end == Some(ErrorKind::ConnectionReset));
        resets >= 10
    });
    proxy.sidecar.until_said("Too many open files");
    assert!(proxy.metric("adapter_proxy_connect_failures_total") >= 10);
    assert_eq!(proxy.metric("adapter_proxy_endpoint_ejections_total"), 0);
}

/// Nor with HTTP.
#[test]
fn where_there_is_a_descriptor_for_the_client_of_http_alone() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = http::Proxy::start(&[backend.address], "idle-upstreams: {connections: 0}");
    let mut refused = 0;
    e2e::process::until("ten requests are refused", || {
        leave(1, proxy.sidecar.process().pid);
        let answer = proxy.client().get("/");
        assert!(answer.status == 200 || answer.head.contains("\r\nX-Proxy-Error: connect-failed\r\n"), "{answer:?}");
        refused += u64::from(answer.status == 502);
        refused >= 10
    });
    proxy.sidecar.until_said("Too many open files");
    assert_eq!(proxy.count("adapter_proxy_endpoint_ejections_total"), 0);
    proxy.sidecar.finish();
}

/// Nor without a port of this host's for it.
#[test]
fn where_all_ports_are_in_use() {
    use libc::SYS_connect;
    use nix::errno::Errno::EADDRNOTAVAIL;
    let (_server, address) = listen();
    let proxy = Proxy::launched(&[address], |launch| launch.refused(SYS_connect, EADDRNOTAVAIL));
    for _ in 0..10 {
        let end = proxy.connect().read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset));
    }
    proxy.sidecar.until_said("all local ports are in use for connections to it");
    assert_eq!(proxy.metric("adapter_proxy_connect_failures_total"), 10);
    assert_eq!(proxy.metric("adapter_proxy_endpoint_ejections_total"), 0);
}

/// A check that cannot connect for want of one finds nothing out.
#[test]
fn where_there_is_no_descriptor_for_a_check() {
    let (address, listen) = (echo("hello"), free_port());
    let place = Place::new(&format!(
        "listeners: [{{listen: '{listen}', cluster: c}}]
clusters: {{c: {{endpoints: ['{address}'], health: {{check: {{tcp: {{}}}}, interval: 20ms, fall: 1}}}}}}"
    ));
    let proxy = Proxy::of(&place, listen, &[]);
    e2e::process::until("it is checked", || proxy.metric("adapter_proxy_endpoint_checks_total") > 0);
    let process = proxy.sidecar.process();
    leave(0, process.pid);
    let before = process.context_switches();
    e2e::process::until("it wants to check", || process.context_switches() > before + 20);
    leave(20, process.pid);
    let passed = || proxy.metric("adapter_proxy_endpoint_checks_total");
    let before = passed();
    e2e::process::until("it is checked again", || passed() > before);
    assert!(!proxy.sidecar.said().contains(" is out: "), "{}", proxy.sidecar.said());
}

/// Pipes, and waiting for each direction apart, take descriptors. Whatever there are left, all goes through.
#[test]
fn where_descriptors_run_out() {
    let (server, address) = listen();
    let descriptors = {
        let proxy = Proxy::to(&[address], &[]);
        let (_client, _upstream) = (proxy.connect(), accept(&server));
        std::fs::read_dir(format!("/proc/{}/fd", proxy.sidecar.process().pid)).unwrap().count() as u64
    };
    for more in 0..8 {
        let limit = |launch: Launch| launch.limited(Resource::RLIMIT_NOFILE, descriptors + more);
        let proxy = Proxy::launched(&[address], limit);
        both_ways(&proxy, &server, 8);
        assert_eq!(proxy.terminate().code, 0, "with {more} more");
    }
}

/// The pipes of all processes of a user share 64 MiB. Others may have had them.
#[test]
fn where_the_user_has_no_pipes_left() {
    const USER: u32 = 64_931;
    if !e2e::is_root() {
        return;
    }
    setrlimit(Resource::RLIMIT_NOFILE, 8192, 8192).unwrap();
    let pages: usize = std::fs::read_to_string("/proc/sys/fs/pipe-user-pages-soft").unwrap().trim().parse().unwrap();
    let pipes = thread::spawn(move || {
        // SAFETY: it takes no pointer. As a bare system call it is for this thread alone, which ends with it.
        assert_eq!(unsafe { libc::syscall(libc::SYS_setresuid, USER, USER, USER) }, 0);
        let pipe = |_| nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        (0..pages / 16).map(pipe).collect::<Vec<_>>()
    });
    let pipes = pipes.join().unwrap();
    let (server, address) = listen();
    let proxy = Proxy::launched(&[address], |launch| launch.as_user(USER, USER, None));
    both_ways(&proxy, &server, 64);
    assert_eq!(proxy.metric("adapter_proxy_pipes"), 0);
    drop(pipes);
    // It asks again, and has them as soon as there are some.
    e2e::process::until("it has pipes again", || {
        both_ways(&proxy, &server, 8);
        proxy.metric("adapter_proxy_pipes") > 0
    });
    // And it keeps none that it does not use.
    e2e::process::until("it closes its pipes", || proxy.metric("adapter_proxy_pipes") == 0);
}

#[test]
fn slow_readers_cost_no_memory() {
    let (server, address) = listen();
    let proxy = Proxy::to(&[address], &[]);
    let pairs: Vec<_> = (0..24).map(|_| (proxy.connect(), accept(&server))).collect();
    let before = proxy.sidecar.resident();
    let sent: Vec<_> = thread::scope(|scope| {
        let stuck: Vec<_> = pairs.iter().map(|(client, _)| scope.spawn(move || until_stuck(client))).collect();
        stuck.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // 16 of them have their megabyte in pipes, and the others one read of 64 KiB at most.
    assert_eq!(proxy.metric("adapter_proxy_pipes"), 16);
    let grown = proxy.sidecar.resident() - before;
    assert!(grown < 2 << 10, "{grown} kB for {} bytes", sent.iter().sum::<usize>());
    for ((client, upstream), sent) in pairs.iter().zip(sent) {
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(std::io::copy(&mut &*upstream, &mut std::io::sink()).unwrap(), sent as u64);
        upstream.shutdown(Shutdown::Write).unwrap();
        ends_well(client);
    }
    e2e::process::until("it closes its pipes", || proxy.metric("adapter_proxy_pipes") == 0);
}

/// Somebody who takes nothing does not make work of what comes for them.
#[test]
fn what_comes_for_one_who_takes_nothing_wakes_nobody() {
    const PIECES: u64 = 20;
    let (server, address) = listen();
    let proxy = Proxy::to(&[address], &[]);
    let (mut client, _upstream) = (proxy.connect(), accept(&server));
    let mut send = |length| {
        client.write_all(&vec![0; length]).unwrap();
        e2e::process::until("it is there", || unacknowledged(&client) == 0);
    };
    send(128 << 10);
    let mut passed = 0;
    e2e::process::until("it has what nobody takes", || {
        send(16 << 10);
        let before = std::mem::replace(&mut passed, proxy.metric("adapter_proxy_received_bytes_total"));
        passed == before
    });
    let switches = || proxy.sidecar.process().context_switches();
    let before = switches();
    (0..PIECES).for_each(|_| send(1));
    let wakes = switches() - before;
    assert_eq!(proxy.metric("adapter_proxy_received_bytes_total"), passed, "it takes nothing");
    assert!(wakes < PIECES / 2, "{wakes} wakes for {PIECES} pieces");
}

#[test]
fn a_thousand_idle_connections() {
    let address = echo("hello");
    setrlimit(Resource::RLIMIT_NOFILE, 8192, 8192).unwrap();
    let proxy = Proxy::to(&[address], &[]);
    let open = || {
        let mut stream = proxy.connect();
        assert_eq!(read(&mut stream, 5), "hello");
        hear(&mut stream, "is anybody there?").unwrap();
        stream
    };
    let _first: Vec<_> = (0..10).map(|_| open()).collect();
    let before = proxy.sidecar.resident();
    let mut streams: Vec<_> = (0..1000).map(|_| open()).collect();
    let each = (proxy.sidecar.resident() - before) * 1024 / 1000;
    assert!(each <= 10_000, "{each} bytes for each");
    assert_eq!(proxy.metric("adapter_proxy_pipes"), 0);
    for stream in &mut streams {
        hear(stream, "still there?").unwrap();
    }
}

#[test]
fn connections_that_were_stuck_hold_nothing_afterwards() {
    const PAIRS: usize = 200;
    const PIECE: usize = 16 << 10;
    const MUCH: usize = 128 << 10; // that is spliced
    let (server, address) = listen();
    let proxy = Proxy::to(&[address], &[]);
    let idle = |_| {
        let (mut client, mut upstream) = (proxy.connect(), accept(&server));
        hear_one_way(&mut client, &mut upstream, "hello");
        (client, upstream)
    };
    let mut pairs: Vec<_> = (0..PAIRS).map(idle).collect();
    let before = proxy.sidecar.resident();
    // Piece by piece, so that what does not fit is left of one that was read, and not in a pipe.
    let (mut sent, mut passed) = (0, 0);
    e2e::process::until("all are stuck", || {
        for (client, _) in &mut pairs {
            client.write_all(&[0; PIECE]).unwrap();
        }
        sent += PIECE;
        e2e::process::until("it is there", || pairs.iter().all(|(client, _)| unacknowledged(client) == 0));
        let before = std::mem::replace(&mut passed, proxy.metric("adapter_proxy_received_bytes_total"));
        passed == before
    });
    for (client, upstream) in &mut pairs {
        client.write_all(&vec![0; MUCH]).unwrap();
        upstream.read_exact(&mut vec![0; sent + MUCH]).unwrap();
    }
    e2e::process::until("they hold no buffers", || proxy.sidecar.resident() < before + 1024);
}
