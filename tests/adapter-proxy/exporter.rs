//! Pages of metrics, as Prometheus asks for them.

mod json_exporter;
mod presets;
mod scrapes;
mod sources;
mod wrong;

use e2e::proxy::{Place, Proxy, connect};
use e2e::sidecar::free_port;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

pub const TEXT: &str = "text/plain;version=0.0.4";
pub const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";

/// A proxy with one page, at `/metrics`.
pub struct Exporter {
    pub proxy: Proxy,
    pub place: Place,
}

impl Exporter {
    /// `page` is what the page says, in YAML's short form.
    pub fn of(page: &str) -> Self {
        let listen = free_port();
        let place = Place::new(&config(listen, page));
        Self { proxy: Proxy::of(&place, listen, &[]), place }
    }

    /// One target of this kind, which `target` says in YAML's short form.
    pub fn one(target: &str) -> Self {
        Self::of(&format!("{{targets: [{{name: app, {target}}}]}}"))
    }

    /// The page's `Content-Type`, and the page.
    pub fn answer(&self, accept: &str) -> (String, String) {
        let mut stream = connect(self.proxy.listen);
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, page) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let mut kinds = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        (kinds.next().unwrap().1.into(), page.into())
    }

    /// The page in both formats, each of which those accept who are strict about it.
    pub fn pages(&self) -> (String, String) {
        let (kind, text) = self.answer(TEXT);
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        accepted(Command::new("promtool").args(["check", "metrics"]), &text);
        let (kind, openmetrics) = self.answer(OPENMETRICS);
        assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        let parser = "import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
                      print(sum(len(family.samples) for family in parse(sys.stdin.read())))";
        accepted(Command::new("/usr/bin/python3").args(["-c", parser]), &openmetrics);
        (text, openmetrics)
    }
}

pub fn config(listen: SocketAddr, page: &str) -> String {
    format!(
        "listeners:
- listen: {listen}
  protocol: http
  routes: [{{name: m, match: {{path: /metrics}}, metrics: app}}]
clusters: {{}}
pages:
  app: {page}
"
    )
}

/// Runs a program that reads a page. `promtool` has opinions on names, too, with status 3, which are not the adapter's.
fn accepted(command: &mut Command, page: &str) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.as_mut().expect("`make tools` installs it");
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let (mut said, mut error) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    let status = child.wait().unwrap();
    assert!(matches!(status.code(), Some(0 | 3)), "{command:?}: {said}{error}\n{page}");
}

/// That these lines are there.
pub fn has(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.lines().any(|one| one == *line), "there is no {line}\n{page}");
    }
}

/// A server that answers each request with what `answer` has for its path, as long as the test runs.
pub fn serve(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = vec![];
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap() == 0 {
                    break;
                }
                request.push(byte[0]);
            }
            let path = String::from_utf8(request).unwrap();
            let (status, body) = answer(path.split(' ').nth(1).unwrap_or_default());
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
            // Who asked may be gone.
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    address
}
