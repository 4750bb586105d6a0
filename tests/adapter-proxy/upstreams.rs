//! nginx and haproxy behind it, curl and wrk before it.

use crate::real::{is_there, said};
use e2e::process::until;
use e2e::proxy::http::Proxy;
use e2e::proxy::nginx::{self, Nginx};
use e2e::sidecar::free_port;
use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use tempfile::TempDir;

/// haproxy in front of another server; killed when dropped.
struct Haproxy {
    address: SocketAddr,
    process: Child,
    _home: TempDir,
}

impl Haproxy {
    fn start(to: SocketAddr) -> Self {
        let (address, home) = (free_port(), tempfile::tempdir().unwrap());
        let file = home.path().join("haproxy.cfg");
        let text = format!(
            "defaults\n mode http\n timeout client 1m\n timeout server 1m\n timeout connect 10s\n\
             listen all\n bind {address}\n server one {to}\n"
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new("/usr/sbin/haproxy");
        let process = command.arg("-db").arg("-f").arg(&file).stderr(Stdio::null()).spawn().unwrap();
        until("haproxy listens", || TcpStream::connect(address).is_ok());
        Self { address, process, _home: home }
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn all_there() -> bool {
    [nginx::PROGRAM, "/usr/sbin/haproxy", "curl", "wrk"].into_iter().all(is_there)
}

/// It has files, takes new ones, and keeps the body of each POST in a file. Without `gzip_proxied` nginx compresses nothing
/// for a request with a `Via`.
fn files() -> Nginx {
    let address = free_port();
    let server = format!(
        "root HOME/files; client_max_body_size 0; if_modified_since before; gzip on; gzip_proxied any; gzip_types text/plain; gzip_min_length 100;
        location /put {{ dav_methods PUT; create_full_put_path on; }}
        location /post {{ client_body_in_file_only on; proxy_set_body off; proxy_pass http://{address}/taken; }}
        location /taken {{ return 201 taken\\n; }}"
    );
    Nginx::start(address, &server)
}

/// Bytes that are not the same anywhere, and do not get shorter by gzip.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56).to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn curl(arguments: &[&str]) -> String {
    said(Command::new("curl").args(["--silent", "--show-error", "--fail", "--max-time", "60"]).args(arguments))
}

/// What curl does with the files of `nginx` through a proxy to `upstream`, which leads there.
fn what_curl_does(nginx: &Nginx, upstream: SocketAddr) {
    let (proxy, home) = (Proxy::start(&[upstream], ""), tempfile::tempdir().unwrap());
    let files = nginx.home().join("files");
    let large = noise(40 << 20);
    let text = (0..5000).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "line {number}");
        text
    });
    fs::create_dir_all(&files).unwrap();
    fs::write(files.join("large.bin"), &large).unwrap();
    fs::write(files.join("text.txt"), &text).unwrap();
    let (got, local) = (home.path().join("got"), files.join("large.bin"));
    let (got, local) = (got.to_str().unwrap(), local.to_str().unwrap());
    let url = |path: &str| format!("http://{}/{path}", proxy.address);
    let is_large = |path: &Path| assert!(fs::read(path).unwrap() == large, "{} is not the same", path.display());

    curl(&["-o", got, &url("large.bin")]);
    is_large(Path::new(got));
    assert_eq!(curl(&["-r", "1000-1999", "-o", got, "-w", "%{http_code}", &url("large.bin")]), "206");
    assert_eq!(fs::read(got).unwrap(), large[1000..2000]);
    let parts = curl(&["-r", "0-5,-5", &url("text.txt")]);
    assert!(parts.contains("\r\n\r\nline 0\r\n") && parts.contains("\r\n\r\n4999\n\r\n"), "{parts}");
    assert_eq!(curl(&["--compressed", &url("text.txt")]), text);
    let head = curl(&["-H", "Accept-Encoding: gzip", "-D", "-", "-o", "/dev/null", &url("text.txt")]);
    assert!(head.to_lowercase().contains("content-encoding: gzip"), "{head}");

    // Over one connection, a HEAD and an answer without a body among them
    let connects = ["-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n"];
    let (text_url, large_url) = (url("text.txt"), url("large.bin"));
    let newer = ["-H", "If-Modified-Since: Thu, 01 Jan 2037 00:00:00 GMT"];
    let head = [&["--head"], connects.as_slice(), &[&large_url, "--next", "-s"]].concat();
    let unchanged = [&newer, connects.as_slice(), &[&text_url, "--next", "-s"]].concat();
    let whole = [connects.as_slice(), &[&text_url]].concat();
    assert_eq!(curl(&[head, unchanged, whole].concat()), "200 1\n304 0\n200 0\n");

    let (put_url, post_url) = (url("put/large.bin"), url("post"));
    for framing in ["Transfer-Encoding: chunked", "X-Framing: by length"] {
        let arguments = ["-H", framing, "-H", "Expect: 100-continue", "-w", "%{http_code}"];
        // Without a 100 it would wait longer than it may take altogether.
        let patient = ["--expect100-timeout", "60", "-o", "/dev/null"];
        let put = [arguments.as_slice(), &patient, &["-T", local, &put_url]].concat();
        assert!(["201", "204"].contains(&curl(&put).as_str()));
        is_large(&files.join("put/large.bin"));
        let body = format!("@{local}");
        let post = [arguments.as_slice(), &patient, &["--data-binary", &body, &post_url]].concat();
        assert_eq!(curl(&post), "201");
        let mut kept = fs::read_dir(nginx.home().join("client_body")).unwrap();
        let kept_file = kept.next().expect("the body").unwrap().path();
        is_large(&kept_file);
        assert!(kept.next().is_none(), "it came once");
        fs::remove_file(kept_file).unwrap();
    }
    proxy.sidecar.finish();
}

#[test]
fn curl_and_nginx() {
    if !all_there() {
        return;
    }
    let nginx = files();
    what_curl_does(&nginx, nginx.address);
}

#[test]
fn curl_and_haproxy() {
    if !all_there() {
        return;
    }
    let nginx = files();
    let haproxy = Haproxy::start(nginx.address);
    what_curl_does(&nginx, haproxy.address);
}

/// Each reload closes what its old worker has kept open, just when it may be used.
#[test]
fn upstreams_are_reloaded_under_load() {
    if !all_there() {
        return;
    }
    let version = |number: usize| format!("keepalive_requests 100000; return 200 v{number}\\n;");
    let servers = [1, 2].map(|_| Nginx::start(free_port(), &version(0)));
    let proxy = Proxy::start(&servers.each_ref().map(|server| server.address), "");
    let url = format!("http://{}/", proxy.address);
    let load = thread::spawn({
        let url = url.clone();
        move || said(Command::new("wrk").args(["-t", "1", "-c", "16", "-d", "6", "--timeout", "30", &url]))
    });
    let mut number = 0;
    while !load.is_finished() && number < 100 {
        number += 1;
        for server in &servers {
            server.reload(&version(number));
            let direct = format!("http://{}/", server.address);
            until("its new worker answers", || curl(&[&direct]) == format!("v{number}\n"));
        }
    }
    // An old worker may be told a moment later.
    until("all that is old is gone", || (0..4).all(|_| curl(&[&url]) == format!("v{number}\n")));
    let report = load.join().unwrap();
    assert!(number > 2 && report.contains(" requests in "), "{number} reloads: {report}");
    assert!(!report.contains("Socket errors") && !report.contains("Non-2xx"), "{number} reloads: {report}");
    proxy.sidecar.finish();
}
