//! Requests under way when the program ends, and those that wait for an endpoint then.

use e2e::launch::{Launch, pipe};
use e2e::process::until;
use e2e::proxy::cluster::{NameServer, Net};
use e2e::proxy::http::{Backend, Client, Proxy, file};
use e2e::proxy::{accept, launch, listen, read};
use e2e::sidecar::{free_port, user_of_its_own, with};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::resource::Resource;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An upstream that answers GETs of `/wait` when it is told to, by its name.
pub struct Gate {
    pub backend: Backend,
    come: Receiver<()>,
    go: Sender<()>,
}

impl Gate {
    pub fn start(name: &'static str) -> Self {
        let ((tell, come), (go, told)) = (channel(), channel());
        let both = Arc::new((Mutex::new(tell), Mutex::new(told)));
        let backend = Backend::start(move |request, stream| {
            if request.head.starts_with("GET /wait") {
                let _ = both.0.lock().expect("no handler panics").send(());
                let _ = both.1.lock().expect("no handler panics").recv();
            }
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()).is_ok()
        });
        Self { backend, come, go }
    }

    /// Sends a request that waits here.
    pub fn hold(&self, client: &mut Client) {
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
        self.come.recv().expect("it comes");
    }

    pub fn open(&self) {
        self.go.send(()).expect("it waits");
    }
}

/// A file that leads to these.
pub fn one(endpoints: Vec<SocketAddr>, http: &'static str, cluster: &'static str) -> impl FnOnce(SocketAddr) -> String {
    move |listen| file(listen, &endpoints, http, cluster)
}

fn ending(time: &'static str) -> impl FnOnce(Launch) -> Launch {
    move |launch| with(launch, &[&"--quiet-for", &"50ms", &"--drain-timeout", &time])
}

#[test]
fn requests_finish_after_sigterm() {
    let gate = Gate::start("a");
    let (reader, writer) = pipe().expect("a pipe");
    let proxy = Proxy::of(one(vec![gate.backend.address], "access-log: text", ""), |launch| {
        ending("10m")(launch).redirected(1, writer)
    });
    let (mut idle, mut held) = (proxy.client(), proxy.client());
    assert_eq!(idle.get("/idle").body, "a");
    gate.hold(&mut held);
    proxy.sidecar.signal(Signal::SIGTERM);
    proxy.sidecar.until_said("asked to stop");
    assert!(!proxy.sidecar.process().ends_within(Duration::from_millis(500)), "nothing moves, and it is needed");
    // The app needs it yet: over the connections that there are, and over new ones.
    assert_eq!(idle.get("/again").body, "a");
    assert_eq!(proxy.client().get("/new").body, "a");
    gate.open();
    assert_eq!(held.answer().body, "a");
    assert_eq!(held.get("/last").body, "a");
    drop((idle, held));
    assert_eq!(proxy.sidecar.end().code, 0);
    let mut log = String::new();
    File::from(reader).read_to_string(&mut log).expect("a log");
    for target in ["/idle", "/again", "/new", "/wait", "/last"] {
        assert!(log.contains(&format!("\"GET {target}\" 200 ")), "{log}");
    }
}

fn end(client: &Client) {
    client.stream.get_ref().shutdown(Shutdown::Write).expect("a connection");
}

/// Whether it reads yet is not to be known: as with nginx and envoy, nobody waits for an answer then.
#[test]
fn a_client_that_ends_its_side() {
    let gate = Gate::start("a");
    let proxy = Proxy::of(one(vec![gate.backend.address], "", ""), |launch| launch);
    let mut client = proxy.client();
    gate.hold(&mut client);
    end(&client);
    assert_eq!(client.rest(), "");
    gate.open();
    until("the upstream sees it, too", || gate.backend.closed() == 1);
    assert!(proxy.count("adapter_proxy_http_active_requests") == 0);
}

#[test]
fn a_client_that_ends_its_side_and_is_answered_soon() {
    let gate = Gate::start("a");
    let proxy = Proxy::of(one(vec![gate.backend.address], "", ""), |launch| launch);
    until("it was soon enough", || {
        let mut client = proxy.client();
        gate.hold(&mut client);
        end(&client);
        proxy.sidecar.process().until_state('S'); // it has heard of that, if it wants to
        gate.open();
        client.rest().ends_with("\r\n\r\na")
    });
}

#[test]
fn the_deadline_and_requests() {
    let backend = Backend::start(|request, stream| {
        let is_whole = request.head.contains("/whole");
        let framing = match () {
            () if is_whole => "Content-Length: 3\r\n",
            () if request.head.contains("/told") => "Content-Length: 10\r\n",
            () => "",
        };
        let _ = write!(stream, "HTTP/1.1 200 OK\r\n{framing}\r\nabc");
        if !is_whole {
            std::thread::park();
        }
        is_whole
    });
    let (reader, writer) = pipe().expect("a pipe");
    let proxy = Proxy::of(one(vec![backend.address], "access-log: text", ""), |launch| {
        ending("300ms")(launch).redirected(1, writer)
    });
    let mut idle = proxy.client();
    assert_eq!(idle.get("/whole").body, "abc");
    let requests = [
        "GET /told HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /chunked HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /end HTTP/1.0\r\n\r\n",
    ];
    let mut clients = requests.map(|request| {
        let mut client = proxy.client();
        client.send(request);
        client.until_heard("abc");
        client
    });
    let listen = proxy.address;
    let ended = proxy.sidecar.terminate();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("connections are cut off: 3 of {listen}")), "{}", ended.stderr);
    for client in &mut clients {
        let end = std::io::copy(&mut client.stream, &mut std::io::sink()).map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset));
    }
    let mut idle = idle.stream.into_inner();
    assert_eq!(idle.read(&mut [0]).map_err(|error| error.kind()), Ok(0), "nothing was under way there");
    let mut log = String::new();
    File::from(reader).read_to_string(&mut log).expect("a log");
    for target in ["/told", "/chunked", "/end"] {
        let line = log.lines().find(|line| line.contains(target)).unwrap_or_else(|| panic!("no {target}: {log}"));
        assert!(line.contains(" 200 0 ") && !line.contains(" 200 0 0 "), "with what it has had: {line}");
    }
}

/// It is in a hurry, and still nothing looks whole that is not.
#[test]
fn a_second_signal_cuts_off_what_is_under_way() {
    let backend = Backend::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nbegun");
        std::thread::park();
        false
    });
    let (reader, writer) = pipe().expect("a pipe");
    let proxy = Proxy::of(one(vec![backend.address], "access-log: text", ""), |launch| {
        ending("10m")(launch).redirected(1, writer)
    });
    let mut client = proxy.client();
    client.send("GET /endless HTTP/1.0\r\n\r\n");
    client.until_heard("begun");
    proxy.sidecar.signal(Signal::SIGTERM);
    proxy.sidecar.until_said("asked to stop");
    proxy.sidecar.signal(Signal::SIGTERM);
    let ended = proxy.sidecar.end();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("connections are cut off: 1 of "), "{}", ended.stderr);
    assert_eq!(client.stream.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
    let mut log = String::new();
    File::from(reader).read_to_string(&mut log).expect("a log");
    assert!(log.contains("/endless") && log.contains("proxy-ended"), "{log}");
}

/// As with TCP: nothing is missing where nothing moves.
#[test]
fn the_deadline_and_a_silent_upgrade() {
    let backend = Backend::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n");
        std::thread::park();
        false
    });
    let proxy = Proxy::of(one(vec![backend.address], "", ""), ending("1s"));
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n");
    assert_eq!(client.answer().status, 101);
    let ended = proxy.sidecar.terminate();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(client.stream.read(&mut [0]).map_err(|error| error.kind()), Ok(0));
}

#[test]
fn a_log_that_nobody_reads_keeps_nobody() {
    let backend = Backend::answering(OK);
    let (_reader, writer) = pipe().expect("a pipe");
    let proxy = Proxy::of(one(vec![backend.address], "access-log: text", ""), |launch| {
        ending("10m")(launch).redirected(1, writer)
    });
    let mut client = proxy.client();
    let target = format!("/{}", "x".repeat(10_000));
    until("it leaves lines out", || {
        assert_eq!(client.get(&target).status, 200);
        proxy.count("adapter_proxy_access_log_left_out_total") >= 1
    });
    drop(client);
    assert_eq!(proxy.sidecar.terminate().code, 0);
}

/// Messages neither: there is room for none from the start.
#[test]
fn messages_that_nobody_reads_keep_nobody() {
    let (backend, gone, listen) = (Backend::answering(OK), free_port(), free_port());
    let (_reader, writer) = pipe().expect("a pipe");
    let full = vec![0; usize::try_from(fcntl(&writer, FcntlArg::F_GETPIPE_SZ).expect("a size")).expect("a size")];
    File::from(writer.try_clone().expect("a descriptor")).write_all(&full).expect("there is room for that");
    let to = format!("{},{gone}", backend.address);
    let arguments: [&dyn AsRef<OsStr>; 6] = [&"--listen", &listen.to_string(), &"--to", &to, &"--protocol", &"http"];
    let mut process = ending("10m")(launch(&arguments)).redirected(2, writer).spawn().expect("a process");
    until("it listens", || TcpStream::connect(listen).is_ok());
    let mut client = Client::to(listen);
    for _ in 0..20 {
        assert_eq!(client.get("/").status, 200);
    }
    drop(client);
    process.signal(Signal::SIGTERM);
    assert!(matches!(process.wait(), WaitStatus::Exited(_, 0)));
}

/// A log takes no thread, which may not be to be had.
#[test]
fn a_log_where_there_may_be_no_more_threads() {
    if !e2e::is_root() {
        return;
    }
    let backend = Backend::answering(OK);
    let (reader, writer) = pipe().expect("a pipe");
    let proxy = Proxy::of(one(vec![backend.address], "access-log: text", ""), |launch| {
        let user = user_of_its_own(1);
        let launch = launch.limited(Resource::RLIMIT_NPROC, 1).as_user(user, user, None);
        ending("10m")(launch).redirected(1, writer)
    });
    assert_eq!(proxy.client().get("/one").status, 200);
    assert_eq!(proxy.sidecar.terminate().code, 0);
    let mut log = String::new();
    File::from(reader).read_to_string(&mut log).expect("a log");
    assert!(log.contains("\"GET /one\" 200 "), "{log}");
}

#[test]
fn waiting_for_an_endpoint() {
    let gate = Gate::start("a");
    let limits = "connect-timeout: 10m, limits: {connections: 1, pending: 1}, ";
    let proxy = Proxy::of(one(vec![gate.backend.address], "", limits), |launch| launch);
    let mut clients: Vec<_> = (0..4).map(|_| proxy.client()).collect();
    gate.hold(&mut clients[0]);
    let pending = |count: u64| until("so many wait", || proxy.count("adapter_proxy_cluster_pending{") == count);
    clients[1].send("GET /gives-up HTTP/1.1\r\nHost: a\r\n\r\n");
    pending(1);
    let answer = clients[2].get("/refused");
    assert_eq!((answer.status, answer.body.as_str()), (503, "endpoints-busy\n"));
    // Who waits no more makes room for others.
    clients.remove(1);
    pending(0);
    clients[1].send("POST /waits HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n");
    pending(1);
    let body = "x".repeat(50_000);
    clients[1].send(&body);
    gate.open();
    assert_eq!(clients[0].answer().body, "a");
    assert_eq!(clients[1].answer().body, "a");
    let targets: Vec<_> = gate.backend.seen().iter().map(|request| request.head[..9].to_owned()).collect();
    assert_eq!(targets, ["GET /wait", "POST /wai"]);
    // And it takes no longer than connecting may.
    proxy.follow(&file(
        proxy.address,
        &[gate.backend.address],
        "",
        "connect-timeout: 200ms, limits: {connections: 1}, ",
    ));
    gate.hold(&mut clients[0]);
    assert_eq!(clients[1].get("/late").body, "endpoints-busy\n");
    gate.open();
    assert_eq!(clients[0].answer().body, "a");
}

/// Nobody knows yet where it goes.
#[test]
fn waiting_for_a_name() {
    if !e2e::is_root() {
        return;
    }
    let (net, home) = (Net::new(), tempfile::tempdir().expect("a directory"));
    let backend = Backend::answering(OK);
    let _names = NameServer::start(net.ip(54), home.path(), "127.0.0.1 name.test\n");
    let between = UdpSocket::bind((net.ip(53), 53)).expect("an address of our own");
    let resolv_conf = home.path().join("resolv.conf");
    std::fs::write(&resolv_conf, format!("nameserver {}\noptions timeout:30\n", net.ip(53))).expect("a file");
    let port = backend.address.port();
    let text = |listen| {
        format!(
            "listeners: [{{listen: '{listen}', protocol: http, cluster: c}}]\n\
             clusters: {{c: {{endpoints: ['name.test:{port}'], connect-timeout: 10m}}}}\n"
        )
    };
    let proxy = Proxy::of(text, |launch| launch.with_file(Path::new("/etc/resolv.conf"), &resolv_conf));
    let (mut gone, mut client) = (proxy.client(), proxy.client());
    gone.send("POST /gone HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    client.send("POST /waits HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    let pending = |count: u64| until("so many wait", || proxy.count("adapter_proxy_cluster_pending{") == count);
    pending(2);
    drop(gone);
    pending(1);
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = between.recv_from(&mut buffer) {
            let other = UdpSocket::bind((net.ip(55), 0))?;
            other.send_to(&buffer[..length], (net.ip(54), 53))?;
            let length = other.recv(&mut buffer)?;
            between.send_to(&buffer[..length], from)?;
        }
        std::io::Result::Ok(())
    });
    assert_eq!(client.answer().body, "ok");
    assert_eq!(backend.seen().len(), 1, "{:?}", backend.seen());
    drop(client);
    proxy.sidecar.finish();
}

/// What has said nothing for `--quiet-for` is silent: that is what is reported, and what the other side sees.
#[test]
fn the_deadline_and_who_is_silent() {
    for (quiet_for, code, end) in [("1h", 1, Err(ErrorKind::ConnectionReset)), ("1ms", 0, Ok(0))] {
        let (listener, address) = listen();
        let time: [&dyn AsRef<OsStr>; 4] = [&"--quiet-for", &quiet_for, &"--drain-timeout", &"300ms"];
        let proxy = e2e::proxy::Proxy::to(&[address], &time);
        let mut client = proxy.connect();
        client.write_all(b"x").expect("it reads");
        let mut upstream = accept(&listener);
        read(&mut upstream, 1);
        let ended = proxy.terminate();
        assert_eq!(ended.code, code, "{}", ended.stderr);
        assert_eq!(client.read(&mut [0]).map_err(|error| error.kind()), end, "{quiet_for}");
    }
}

/// The listener may not have heard of them yet, and the app may need them in a moment.
#[test]
fn connections_that_have_said_nothing_at_the_end() {
    let backend = Backend::answering(OK);
    let proxy = Proxy::of(one(vec![backend.address], "", ""), ending("1h"));
    let mut silent = proxy.client();
    proxy.sidecar.signal(Signal::SIGTERM);
    proxy.sidecar.until_said("asked to stop");
    until("it has heard of it", || proxy.count("adapter_proxy_connections_open") == 1);
    assert_eq!(silent.get("/").status, 200);
    drop(silent);
    assert_eq!(proxy.sidecar.end().code, 0);
}
