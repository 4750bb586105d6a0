//! What an app does that needs another service all the time: it asks again and again, and counts what fails. It tries
//! nothing twice.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks one port of this host for one file.
pub struct Asker {
    port: u16,
    file: String,
    /// As long as the server keeps it
    connection: Option<BufReader<TcpStream>>,
    answers: BTreeSet<String>,
    pub asked: u64,
    pub failed: u64,
}

impl Asker {
    pub fn of(port: u16, file: &str) -> Self {
        Self { port, file: file.into(), connection: None, answers: BTreeSet::new(), asked: 0, failed: 0 }
    }

    /// Asks at most `count` times, over one connection as long as that is kept.
    pub fn ask_until(&mut self, count: u64, ended: impl Fn() -> bool) {
        for _ in 0..count {
            if ended() {
                return;
            }
            self.ask();
        }
    }

    /// Asks over a new connection each time, while the one that there was stays open.
    pub fn ask_anew(&mut self, count: u64) {
        let kept = self.connection.take();
        for _ in 0..count {
            self.ask();
            self.connection = None;
        }
        self.connection = kept;
    }

    fn ask(&mut self) {
        self.asked += 1;
        match self.answer() {
            Ok(answer) if self.answers.contains(&answer) => {}
            Ok(answer) => {
                println!("{}", answer.trim_end());
                self.answers.insert(answer);
            }
            Err(error) => {
                println!("failed: {error:#}");
                self.failed += 1;
                self.connection = None;
            }
        }
        sleep(PAUSE);
    }

    /// Asks once.
    ///
    /// # Errors
    /// If it is not answered with 200; the next question comes over a new connection then.
    pub fn answer(&mut self) -> Result<String> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => BufReader::new(connect(self.port)?),
        };
        // In one piece: of two, the second would wait for the first one's acknowledgement.
        let question = format!("GET /{} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", self.file);
        connection.get_mut().write_all(question.as_bytes())?;
        let (mut head, mut length, mut kept) = (String::new(), 0, true);
        while !head.ends_with("\r\n\r\n") {
            let before = head.len();
            ensure!(connection.read_line(&mut head)? > 0, "the connection ends before the answer");
            let line = head[before..].to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().context("no length")?;
            }
            kept &= !line.starts_with("connection: close");
        }
        let mut body = String::new();
        let got = connection.by_ref().take(length).read_to_string(&mut body)?;
        ensure!(got as u64 == length, "the answer breaks off");
        ensure!(head.starts_with("HTTP/1.1 200 "), "{}: {}", head.lines().next().unwrap_or_default(), body.trim_end());
        self.connection = kept.then_some(connection);
        Ok(body)
    }
}

/// What `http://HOST:PORT/FILE` answers.
///
/// # Errors
/// If it is not answered with 200.
pub fn get(host: &str, port: u16, file: &str) -> Result<String> {
    let mut connection = TcpStream::connect((host, port)).with_context(|| format!("no one on {host}:{port}"))?;
    write!(connection, "GET /{file} HTTP/1.0\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    ensure!(
        head.starts_with("HTTP/1") && head.get(8..13) == Some(" 200 "),
        "port {port} answers `{head}` for `/{file}`"
    );
    Ok(body.into())
}

/// What is answered to a POST to `path` without a body.
///
/// # Errors
/// If it is not answered with 200.
pub fn post(port: u16, path: &str) -> Result<String> {
    let mut connection = connect(port)?;
    write!(connection, "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "port {port} answers `{answer}`");
    Ok(answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).into())
}

fn connect(port: u16) -> Result<TcpStream> {
    TcpStream::connect(("127.0.0.1", port)).with_context(|| format!("no one on port {port}"))
}
