//! Real servers behind it, and their own clients before it.

use e2e::proxy::{Proxy, connect};
use e2e::sidecar::free_port;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A server in a directory of its own, ended with the test.
struct Server {
    process: Child,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        e2e::skip(&format!("there is no {program}: `make tools` installs it"));
    }
    there
}

pub fn said(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{command:?}: {status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Its host and its port, as flags take them.
fn parts(address: SocketAddr) -> (String, String) {
    (address.ip().to_string(), address.port().to_string())
}

fn redis() -> Server {
    let (directory, address) = (tempfile::tempdir().unwrap(), free_port());
    let (host, port) = parts(address);
    let process = Command::new("redis-server")
        .args(["--port", &port, "--bind", &host, "--save", "", "--appendonly", "no", "--dir"])
        .arg(directory.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let server = Server { process, address, _directory: directory };
    e2e::process::until("redis answers", || TcpStream::connect(address).is_ok());
    server
}

#[test]
fn redis_and_its_benchmark() {
    if !is_there("redis-server") {
        return;
    }
    let server = redis();
    let proxy = Proxy::to(&[server.address], &[]);
    let (host, port) = parts(proxy.listen);
    let cli = |arguments: &[&str]| said(Command::new("redis-cli").args(["-h", &host, "-p", &port]).args(arguments));
    assert_eq!(cli(&["set", "name", "value"]), "OK\n");
    assert_eq!(cli(&["get", "name"]), "value\n");
    let bench = |arguments: &[&str]| {
        let command = ["-h", &host, "-p", &port, "--csv", "-t", "set,get"];
        said(Command::new("redis-benchmark").args(command).args(arguments))
    };
    for arguments in [&["-n", "20000", "-c", "50"], &["-n", "20000", "-P", "16"], &["-n", "500", "-d", "300000"]] {
        let rates = bench(arguments);
        assert_eq!(rates.lines().count(), 3, "{rates}");
        assert!(!rates.to_lowercase().contains("error"), "{rates}");
    }
    // A subscriber says nothing for long, and hears what comes.
    let mut subscriber = connect(proxy.listen);
    subscriber.write_all(b"subscribe news\r\n").unwrap();
    let welcome = "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n";
    assert_eq!(e2e::proxy::read(&mut subscriber, welcome.len()), welcome);
    assert_eq!(cli(&["publish", "news", "hello"]), "1\n");
    let message = "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n";
    assert_eq!(e2e::proxy::read(&mut subscriber, message.len()), message);
    drop(subscriber);
    assert_eq!(proxy.metric("adapter_proxy_connections_refused_total"), 0);
    assert_eq!(proxy.terminate().code, 0);
}

/// Programs that Debian keeps out of the way, of the newest version.
fn postgres_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    programs.filter(|bin| bin.join("postgres").exists()).max()
}

fn postgres(bin: &Path) -> Server {
    // It does not run as root, and wants a user with a name.
    let user = nix::unistd::User::from_name("postgres").unwrap().expect("the package's user").uid.as_raw();
    let (directory, address) = (tempfile::tempdir().unwrap(), free_port());
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    for path in [directory.path(), &data] {
        chown(path, Some(user), Some(user)).unwrap();
    }
    let run = |program: &str| {
        let mut command = Command::new(bin.join(program));
        command.uid(user).gid(user).env("HOME", directory.path()).current_dir(directory.path()).arg("-D").arg(&data);
        command
    };
    said(run("initdb").args(["--auth=trust", "--no-sync", "--username=app", "--no-instructions", "--locale=C"]));
    let (host, port) = parts(address);
    let process = run("postgres")
        .args(["-h", &host, "-k", "", "-F", "-p", &port])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Server { process, address, _directory: directory };
    e2e::process::until("PostgreSQL answers", || {
        let asked = Command::new(bin.join("pg_isready")).args(["-h", &host, "-p", &port]).output();
        asked.is_ok_and(|asked| asked.status.success())
    });
    server
}

#[test]
fn postgresql_and_psql() {
    if !e2e::is_root() {
        return;
    }
    let Some(bin) = postgres_programs() else {
        return e2e::skip("there is no PostgreSQL: `make tools` installs it");
    };
    let server = postgres(&bin);
    let proxy = Proxy::to(&[server.address], &[]);
    let (host, port) = parts(proxy.listen);
    let psql = |statement: &str| {
        let connection = ["-h", &host, "-p", &port, "-U", "app", "-d", "postgres", "-XAtq"];
        said(Command::new(bin.join("psql")).args(connection).args(["-c", statement]))
    };
    assert_eq!(psql("select 6 * 7"), "42\n");
    psql("create table t as select n, repeat(md5(n::text), 30) as text from generate_series(1, 20000) n");
    // 19 MB, most of which is spliced
    let rows = psql("select n || ' ' || text from t order by n");
    assert_eq!(rows.lines().count(), 20_000);
    assert_eq!(psql("select md5(string_agg(n || ' ' || text, E'\\n' order by n)) from t"), {
        let mut md5 = Command::new("md5sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        md5.stdin.take().unwrap().write_all(rows.trim_end().as_bytes()).unwrap();
        let sum = md5.wait_with_output().unwrap().stdout;
        format!("{}\n", String::from_utf8(sum).unwrap().split(' ').next().unwrap())
    });
    assert!(proxy.metric("adapter_proxy_sent_bytes_total") > 19_000_000);
    assert_eq!(proxy.terminate().code, 0);
}
