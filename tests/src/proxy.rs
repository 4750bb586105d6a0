//! adapter-proxy from outside.

pub mod cluster;
pub mod http;
pub mod nginx;
pub mod upstream;

use crate::launch::Launch;
use crate::sidecar::{Ended, Sidecar, free_port, get, with};
use nix::sys::socket::{setsockopt, sockopt::Linger};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How long a test's own sockets wait for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// adapter-proxy with these arguments, to be started; without an admin endpoint unless they say where.
pub fn launch(arguments: &[&dyn AsRef<OsStr>]) -> Launch {
    with(Launch::new(&crate::program("adapter-proxy")).env("ADAPTER_PROXY_ADMIN", "off"), arguments)
}

/// A running one, with an admin endpoint.
pub struct Proxy {
    pub sidecar: Sidecar,
    pub listen: SocketAddr,
    pub admin: SocketAddr,
}

impl Proxy {
    /// One that leads to `endpoints`, by flags, and is ready.
    pub fn to(endpoints: &[SocketAddr], arguments: &[&dyn AsRef<OsStr>]) -> Self {
        Self::launched(endpoints, |launch| with(launch, arguments))
    }

    /// The same, launched in some other way.
    pub fn launched(endpoints: &[SocketAddr], how: impl FnOnce(Launch) -> Launch) -> Self {
        let (listen, admin) = (free_port(), free_port());
        let to = endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let launch = launch(&[&"--listen", &listen.to_string(), &"--to", &to, &"--admin", &admin.to_string()]);
        Self::ready(how(launch), listen, admin)
    }

    /// One that follows `place`'s file, whose first listener is at `listen`.
    pub fn of(place: &Place, listen: SocketAddr, arguments: &[&dyn AsRef<OsStr>]) -> Self {
        let admin = free_port();
        let launch = launch(&[&"--config", &place.config(), &"--admin", &admin.to_string()]);
        Self::ready(with(launch, arguments), listen, admin)
    }

    fn ready(launch: Launch, listen: SocketAddr, admin: SocketAddr) -> Self {
        let sidecar = Sidecar::start(launch);
        sidecar.until_ready(admin);
        Self { sidecar, listen, admin }
    }

    /// # Panics
    /// If it takes no connection.
    pub fn connect(&self) -> TcpStream {
        connect(self.listen)
    }

    /// The value of a metric, by the beginning of its line.
    ///
    /// # Panics
    /// If there is none.
    pub fn metric(&self, name: &str) -> u64 {
        let (_, page) = get(self.admin, "/metrics").expect("metrics");
        let line = page.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        value.unwrap_or_else(|| panic!("no number {name} in {page}"))
    }

    /// Asks it to end, and waits for that.
    pub fn terminate(self) -> Ended {
        self.sidecar.terminate()
    }
}

/// A directory with a file of configuration.
pub struct Place(TempDir);

impl Place {
    /// # Panics
    /// If it cannot be made.
    pub fn new(config: &str) -> Self {
        let place = Self(tempfile::tempdir().expect("a directory"));
        place.write(config);
        place
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("config.yaml")
    }

    /// Puts another file in its place, at once.
    ///
    /// # Panics
    /// If the disk is full.
    pub fn write(&self, config: &str) {
        let new = self.path().join("new");
        std::fs::write(&new, config).and_then(|()| std::fs::rename(new, self.config())).expect("a file");
    }
}

/// # Panics
/// If nobody takes the connection.
pub fn connect(address: SocketAddr) -> TcpStream {
    patient(TcpStream::connect(address).expect("a connection"))
}

/// # Panics
/// If `listener` fails.
pub fn accept(listener: &TcpListener) -> TcpStream {
    patient(listener.accept().expect("a connection").0)
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE))).expect("a socket");
    stream
}

/// Resets it.
///
/// # Panics
/// If that cannot be.
pub fn break_off(stream: TcpStream) {
    setsockopt(&stream, Linger, &libc::linger { l_onoff: 1, l_linger: 0 }).expect("a socket");
    drop(stream);
}

/// How many bytes the other end's kernel has not got yet.
///
/// # Panics
/// If that cannot be asked.
pub fn unacknowledged(stream: &TcpStream) -> libc::c_int {
    let mut count = 0;
    // SAFETY: it writes one int, and there is one.
    assert_eq!(unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) }, 0);
    count
}

/// A listener on loopback, and where it is.
///
/// # Panics
/// If there is no port.
pub fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// What a server does that answers a connection by this name, and then says again whatever it hears.
pub fn echo(name: &'static str) -> SocketAddr {
    let (listener, address) = listen();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let Ok(mut stream) = stream else { return };
                let Ok(mut reader) = stream.try_clone() else { return };
                let _ = stream.write_all(name.as_bytes()).and_then(|()| std::io::copy(&mut reader, &mut stream));
            });
        }
    });
    address
}

/// Says something, and hears it again.
///
/// # Errors
/// If it does not.
pub fn hear(stream: &mut TcpStream, words: &str) -> std::io::Result<()> {
    stream.write_all(words.as_bytes())?;
    let mut heard = vec![0; words.len()];
    stream.read_exact(&mut heard)?;
    if heard == words.as_bytes() { Ok(()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
}

/// So many bytes, as text.
///
/// # Panics
/// If they do not come.
pub fn read(stream: &mut TcpStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).expect("bytes");
    String::from_utf8(bytes).expect("text")
}
