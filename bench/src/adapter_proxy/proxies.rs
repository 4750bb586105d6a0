//! The proxies, what each is told, and what they lead to.

use super::adapter::app;
use super::stream::{Source, through};
use crate::running::{Running, mortal};
use anyhow::{Context, Result, ensure};
use e2e::command::output;
use std::fs;
use std::io::{Read, Write};
use std::iter;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The body of each answer, in bytes
pub const BODY: usize = 1024;

/// How long one may take to be there.
const LIMIT: Duration = Duration::from_secs(30);

/// One of those that are compared.
pub struct Proxy {
    pub name: &'static str,
    /// What it is told, with names for the ports
    configuration: &'static str,
    command: fn(&Path, u16) -> Command,
    ports: Ports,
}

#[derive(Clone, Copy)]
struct Ports {
    http: u16,
    tcp: u16,
    admin: u16,
}

/// One that runs.
pub struct Started {
    pub running: Running,
    pub http: SocketAddr,
    pub tcp: SocketAddr,
    /// From its start to its first answer
    took: Duration,
    /// What it reads at its start, and may read again
    _home: TempDir,
}

/// Three that answer HTTP, and one that sends a stream.
pub struct Backends {
    http: [u16; 3],
    source: Source,
    _running: Running,
    _home: TempDir,
}

/// All that can be had, adapter-proxy first.
///
/// # Errors
/// If there are no ports.
pub fn proxies() -> Result<Vec<Proxy>> {
    let mut proxies = vec![
        Proxy::new("adapter-proxy", include_str!("configurations/adapter-proxy.yaml"), adapter_proxy)?,
        Proxy::new("haproxy", include_str!("configurations/haproxy.cfg"), haproxy)?,
        Proxy::new("nginx", include_str!("configurations/nginx.conf"), |file, _| nginx(file))?,
    ];
    if envoy_program().exists() {
        proxies.push(Proxy::new("envoy", include_str!("configurations/envoy.yaml"), envoy)?);
    } else {
        eprintln!("adapter-proxy: without envoy, which `make peers` could not install");
    }
    Ok(proxies)
}

/// haproxy for TCP as one who knows splice(2) would have it.
///
/// # Errors
/// If there are no ports.
pub fn tuned_haproxy() -> Result<Proxy> {
    Proxy::new("haproxy, splicing by hand", include_str!("configurations/haproxy-tuned.cfg"), haproxy)
}

pub fn adapter_proxy(file: &Path, admin: u16) -> Command {
    let mut command = Command::new(e2e::program("adapter-proxy"));
    command.arg("--config").arg(file).args(["--admin", &format!("127.0.0.1:{admin}")]);
    command
}

pub fn haproxy(file: &Path, _: u16) -> Command {
    let mut command = Command::new("haproxy");
    command.arg("-q").arg("-f").arg(file);
    command
}

pub fn nginx(file: &Path) -> Command {
    let mut command = Command::new("nginx");
    command.arg("-p").arg(file.with_file_name("")).arg("-e").arg("stderr").arg("-c").arg(file);
    command
}

fn envoy(file: &Path, _: u16) -> Command {
    let mut command = Command::new(envoy_program());
    command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c"]).arg(file);
    command
}

/// Where `make peers` puts it.
fn envoy_program() -> PathBuf {
    e2e::workspace("target/envoy/envoy/_bin/envoy")
}

impl Proxy {
    /// # Errors
    /// If there are no ports.
    pub fn new(name: &'static str, configuration: &'static str, command: fn(&Path, u16) -> Command) -> Result<Self> {
        let [http, tcp, admin] = free_ports()?;
        Ok(Self { name, configuration, command, ports: Ports { http, tcp, admin } })
    }

    /// Starts it, and waits until it leads to `backends`.
    ///
    /// # Errors
    /// If it does not.
    pub fn start(&self, backends: &Backends) -> Result<Started> {
        let started = self.launch(backends, |command| outlived(&command))?;
        if self.configuration.contains("@TCP@") {
            let bytes = through(started.tcp, 1).with_context(|| format!("{}: TCP", self.name))?;
            ensure!(bytes == 1, "{} passes {bytes} bytes of 1", self.name);
        }
        Ok(started)
    }

    /// How long it is from its start to its first answer.
    ///
    /// # Errors
    /// If there is none.
    pub fn time_to_answer(&self, backends: &Backends) -> Result<Duration> {
        Ok(self.launch(backends, |command| command)?.took)
    }

    fn launch(&self, backends: &Backends, prepare: fn(Command) -> Command) -> Result<Started> {
        let home = tempfile::tempdir()?;
        let file = home.path().join("proxy.yaml");
        fs::write(&file, self.told(backends))?;
        let mut command = prepare((self.command)(&file, self.ports.admin));
        let [http, tcp] = [self.ports.http, self.ports.tcp].map(local);
        let speaks_http = self.configuration.contains("@HTTP@");
        let said = home.path().join("stderr");
        let begun = Instant::now();
        let running = Running::start(command.stderr(fs::File::create(&said)?))?;
        until(self.name, || if speaks_http { ask(http).is_ok() } else { TcpStream::connect(tcp).is_ok() })
            .with_context(|| fs::read_to_string(&said).unwrap_or_default())?;
        Ok(Started { running, http, tcp, took: begun.elapsed(), _home: home })
    }

    fn told(&self, backends: &Backends) -> String {
        let [a, b, c] = backends.http;
        let Ports { http, tcp, admin } = self.ports;
        let stream = backends.source.address.port();
        let names = [("HTTP", http), ("TCP", tcp), ("ADMIN", admin), ("A", a), ("B", b), ("C", c), ("STREAM", stream)];
        let files = e2e::workspace("bench/src/adapter_proxy/configurations/adapter");
        let text = self.configuration.replace("@FILES@", &files.to_string_lossy());
        names.iter().fold(text, |text, (name, port)| text.replace(&format!("@{name}@"), &port.to_string()))
    }
}

impl Backends {
    /// # Errors
    /// If they cannot be started.
    pub fn start() -> Result<Self> {
        let http = free_ports()?;
        let home = tempfile::tempdir()?;
        let file = home.path().join("backends.conf");
        let mut text = include_str!("configurations/backends.conf").replace("@KILOBYTE@", &"x".repeat(BODY));
        text = text.replace("@ACCOUNT@", &app::account()?);
        fs::write(home.path().join("queues"), app::queues())?;
        for (name, port) in ["@A@", "@B@", "@C@"].iter().zip(http) {
            text = text.replace(name, &port.to_string());
        }
        fs::write(&file, text)?;
        let running = Running::start(&mut outlived(&nginx(&file)))?;
        for port in http {
            until("a backend", || ask(local(port)).is_ok())?;
        }
        Ok(Self { http, source: Source::new()?, _running: running, _home: home })
    }
}

/// What is compared, in a line.
///
/// # Errors
/// If a package is not installed.
pub fn versions() -> Result<String> {
    let packages = ["haproxy", "nginx", "wrk"].into_iter();
    let mut versions = packages
        .map(|package| Ok(format!("{package} {}", crate::machine::version(package)?)))
        .collect::<Result<Vec<_>>>()?;
    if envoy_program().exists() {
        let said = output(Command::new(envoy_program()).arg("--version"))?;
        let version = said.split("version: ").nth(1).and_then(|said| said.split('/').nth(1));
        versions.push(format!("envoy {}", version.context("envoy does not tell its version")?));
    }
    Ok(versions.join(", "))
}

/// A request and its answer, on a connection of their own.
fn ask(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
    let mut answer = vec![];
    stream.read_to_end(&mut answer)?;
    ensure!(answer.starts_with(b"HTTP/1.1 200 ") && answer.len() > BODY, "no answer");
    Ok(())
}

fn until(what: &str, mut condition: impl FnMut() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !condition() {
        ensure!(begun.elapsed() < LIMIT, "{what} is not there within {LIMIT:?}");
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(())
}

/// Ports on which nobody listens, and which clients are not given.
fn free_ports() -> Result<[u16; 3]> {
    static NEXT: AtomicU16 = AtomicU16::new(21_000);
    let mut ports = [0; 3];
    for free in &mut ports {
        let mut candidates = iter::repeat_with(|| NEXT.fetch_add(1, Relaxed)).take_while(|&port| port < 30_000);
        *free = candidates.find(|&port| TcpListener::bind(local(port)).is_ok()).context("there is no free port")?;
    }
    Ok(ports)
}

/// The same, which ends when the bench does.
fn outlived(command: &Command) -> Command {
    let mut outlived = mortal(command.get_program());
    outlived.args(command.get_args());
    outlived
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}
