//! What is behind adapter-proxy: servers that say who they are, a name server whose zone changes, Redis. All on addresses
//! of their own in 127.0.0.0/8.

use super::launch;
use crate::launch::Launch;
use crate::process::{Process, until};
use crate::sidecar::{Sidecar, free_port, get, with};
use nix::sys::signal::Signal;
use nix::sys::socket::shutdown;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// So long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// 254 addresses that no other test has.
#[derive(Clone, Copy)]
pub struct Net(u8, u8);

impl Net {
    /// # Panics
    /// If there are too many.
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let process = u8::try_from(std::process::id() % 128).expect("below 128");
        Self(64 + process, NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub fn ip(self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, self.0, self.1, last)
    }

    pub fn at(self, last: u8, port: u16) -> SocketAddr {
        (self.ip(last), port).into()
    }
}

/// Greets with the last number of its address, and then sends back what comes. Gone when dropped, and all of its
/// connections with it.
pub struct Server {
    address: SocketAddr,
    gone: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    listener: TcpListener,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// # Panics
    /// If the address is taken.
    pub fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("an address of our own");
        let address = listener.local_addr().expect("an address");
        let (gone, connections) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let thread = thread::spawn({
            let (gone, connections) = (gone.clone(), Arc::clone(&connections));
            let listener = listener.try_clone().expect("a descriptor");
            move || accept(&listener, &gone, &connections)
        });
        Self { address, gone, connections, listener, thread: Some(thread) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address)); // so that it looks
        // Closing it does not end what the children of other threads have of it for a moment.
        shutdown(self.listener.as_raw_fd(), nix::sys::socket::Shutdown::Both).expect("a listener");
        self.thread.take().map(thread::JoinHandle::join);
        for connection in self.connections.lock().expect("nobody panics with it").drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, gone: &AtomicBool, connections: &Mutex<Vec<TcpStream>>) {
    for connection in listener.incoming() {
        if gone.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut connection) = connection else { continue };
        let SocketAddr::V4(own) = connection.local_addr().expect("an address") else { continue };
        connections.lock().expect("nobody panics with it").push(connection.try_clone().expect("a descriptor"));
        thread::spawn(move || {
            writeln!(connection, "{}", own.ip().octets()[3])?;
            io::copy(&mut connection.try_clone()?, &mut connection)?;
            connection.shutdown(Shutdown::Both)
        });
    }
}

/// A connection through the proxy.
pub struct Client {
    stream: BufReader<TcpStream>,
    /// The last number of the address of the server at the other end
    pub server: u8,
}

impl Client {
    /// # Errors
    /// If there is no server at the other end.
    pub fn connect(proxy: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(proxy)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut stream = BufReader::new(stream);
        let mut greeting = String::new();
        stream.read_line(&mut greeting)?;
        let server = greeting.trim().parse().map_err(|_| ErrorKind::UnexpectedEof)?;
        Ok(Self { stream, server })
    }

    /// Whether it is still there.
    pub fn echoes(&mut self) -> bool {
        let mut answer = [0; 4];
        self.stream.get_mut().write_all(b"ping").is_ok()
            && self.stream.read_exact(&mut answer).is_ok()
            && answer == *b"ping"
    }
}

/// Who answers so many connections, one after the other; each must be answered.
///
/// # Panics
/// If one is not.
pub fn who(proxy: SocketAddr, times: usize) -> BTreeSet<u8> {
    (0..times).map(|_| Client::connect(proxy).expect("an answer").server).collect()
}

/// dnsmasq, with a zone `test` that changes.
pub struct NameServer {
    process: Process,
    hosts: PathBuf,
}

impl NameServer {
    /// With a TTL of one second for these lines of a hosts file, which is in `home`.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(ip: Ipv4Addr, home: &Path, zone: &str) -> Self {
        let hosts = home.join(format!("zone-{ip}"));
        fs::write(&hosts, zone).expect("a file");
        let launch =
            Launch::new(Path::new("/usr/sbin/dnsmasq")).arg("--keep-in-foreground").arg("--conf-file=/dev/null");
        let launch = ["--no-resolv", "--no-hosts", "--no-poll", "--bind-interfaces", "--user=root", "--group=root"]
            .iter()
            .fold(launch, |launch, argument| launch.arg(*argument));
        let launch = [
            "--pid-file=",
            "--local-ttl=1",
            "--local=/test/cluster.local/",
            "--cname=alias.test,name.test",
            "--log-facility=-",
        ]
        .iter()
        .fold(launch, |launch, argument| launch.arg(*argument));
        let launch = launch.arg(format!("--listen-address={ip}")).arg(format!("--addn-hosts={}", hosts.display()));
        let process = launch.closed(2).spawn().expect("a process");
        until("dnsmasq listens", || TcpStream::connect((ip, 53)).is_ok());
        Self { process, hosts }
    }

    /// # Panics
    /// If it cannot be written.
    pub fn change(&self, zone: &str) {
        fs::write(&self.hosts, zone).expect("a file");
        self.process.signal(Signal::SIGHUP);
    }
}

/// Redis, without a disk.
///
/// # Panics
/// If it does not start.
pub fn redis(address: SocketAddr) -> Process {
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let launch = Launch::new(Path::new("/usr/bin/redis-server"));
    let arguments = ["--bind", &ip, "--port", &port, "--save", "", "--appendonly", "no", "--logfile", "/dev/null"];
    let process = arguments.iter().fold(launch, |launch, argument| launch.arg(*argument)).spawn().expect("a process");
    until("redis listens", || TcpStream::connect(address).is_ok());
    process
}

/// A proxy, with one listener and one cluster, and what it tells.
pub struct Proxy {
    pub sidecar: Sidecar,
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    home: tempfile::TempDir,
}

/// What a proxy is to see.
#[derive(Default)]
pub struct View<'a> {
    pub resolv_conf: Option<&'a str>,
    pub hosts: Option<&'a str>,
    /// What the listener says of HTTP, if it speaks that
    pub http: Option<&'a str>,
}

impl Proxy {
    /// `cluster` is what the file says of its only cluster, in YAML's short form.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(cluster: &str, view: &View) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let (listen, admin) = (free_port(), free_port());
        let config = home.path().join("config.yaml");
        let http = view.http.map(|http| format!(", protocol: http, http: {{{http}}}")).unwrap_or_default();
        let text = format!("listeners: [{{listen: '{listen}', cluster: main{http}}}]\nclusters: {{main: {cluster}}}\n");
        fs::write(&config, text).expect("a file");
        let mut launch = with(launch(&[]), &[&"--config", &config, &"--admin", &admin.to_string()]);
        for (path, text) in [("/etc/resolv.conf", view.resolv_conf), ("/etc/hosts", view.hosts)] {
            if let Some(text) = text {
                let file = home.path().join(Path::new(path).file_name().expect("a name"));
                fs::write(&file, text).expect("a file");
                launch = launch.with_file(Path::new(path), &file);
            }
        }
        let sidecar = Sidecar::start(launch);
        sidecar.until_ready(admin);
        Self { sidecar, listen, admin, home }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// What `/endpoints` tells.
    ///
    /// # Panics
    /// If it tells nothing.
    pub fn endpoints(&self) -> Vec<serde_json::Value> {
        let (status, body) = get(self.admin, "/endpoints").expect("an answer");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("an array")
    }

    /// The addresses of those that are in no other state than this.
    pub fn in_state(&self, state: &str) -> Vec<String> {
        let endpoints = self.endpoints();
        let those = endpoints.iter().filter(|endpoint| endpoint["state"] == state);
        those.filter_map(|endpoint| Some(endpoint["address"].as_str()?.to_owned())).collect()
    }

    /// Waits until these are the addresses of all endpoints that are up.
    pub fn until_up(&self, addresses: &[SocketAddr]) {
        let mut wanted: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        wanted.sort_unstable();
        until(&format!("{wanted:?} are up"), || {
            let mut up = self.in_state("up");
            up.sort_unstable();
            up == wanted
        });
    }

    /// A number of `/metrics` that has no fraction.
    ///
    /// # Panics
    /// If it is not there.
    pub fn metric(&self, name: &str) -> u64 {
        let (_, page) = get(self.admin, "/metrics").expect("an answer");
        let line = page.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {page}"));
        line.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number: {line}"))
    }
}
