//! A server that does as it is told: each request takes the next step of a script, and the last one holds from then on.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Longer than anything here takes
const LONG: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub enum Step {
    /// Answers with what it makes of the request
    Answer(Make),
    /// The same, and ends the connection
    AnswerAndClose(Make),
    /// The same, a few bytes at a time
    Trickle(Make),
    /// Answers with that when it has the head, and resets the connection while the body is on its way
    Interrupt(&'static str),
    Reset,
    Never,
    /// Begins so, and goes on like that for ever
    Endless(&'static str, &'static str),
}

type Make = Arc<dyn Fn(&Request) -> Vec<u8> + Send + Sync>;

#[derive(Debug)]
pub struct Request {
    pub head: String,
    pub body: Vec<u8>,
    /// Which connection it came by, from 0
    pub connection: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}: ")))?;
        Some(&line[name.len() + 2..])
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub struct Server {
    pub url: String,
    requests: UnboundedReceiver<Request>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start(script: impl IntoIterator<Item = Step>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), None, script)
    }

    pub fn on(listener: TcpListener, tls: Option<TlsAcceptor>, script: impl IntoIterator<Item = Step>) -> Self {
        let (sender, requests) = unbounded_channel();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(script.into_iter().collect()));
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (sender, script, tls) = (sender.clone(), script.clone(), tls.clone());
                // What becomes of a connection is the client's to see.
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, connection, &script, &sender).await,
                        Some(tls) => serve(tls.accept(stream).await?, connection, &script, &sender).await,
                    }
                });
            }
        });
        Self { url, requests, task }
    }

    /// The next request that it got.
    pub async fn request(&mut self) -> Request {
        timeout(LONG, self.requests.recv()).await.expect("a request in time").unwrap()
    }

    pub fn no_more_requests(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

trait Socket: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

async fn serve(
    mut stream: impl Socket,
    connection: usize,
    script: &Mutex<VecDeque<Step>>,
    requests: &UnboundedSender<Request>,
) -> io::Result<()> {
    loop {
        let mut bytes = vec![];
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut request = Request { head, body: bytes.split_off(end), connection };
        let step = {
            let mut script = script.lock().unwrap();
            if script.len() > 1 { script.pop_front() } else { script.front().cloned() }.unwrap()
        };
        if let Step::Interrupt(answer) = step {
            stream.write_all(answer.as_bytes()).await?;
            let _ = requests.send(request);
            return stream.tcp().set_zero_linger();
        }
        let length: usize = request.header("content-length").unwrap().parse().unwrap();
        while request.body.len() < length {
            if stream.read_buf(&mut request.body).await? == 0 {
                return Ok(());
            }
        }
        let answer = match &step {
            Step::Answer(make) | Step::AnswerAndClose(make) | Step::Trickle(make) => make(&request),
            _ => vec![],
        };
        let _ = requests.send(request);
        match step {
            Step::Answer(_) => stream.write_all(&answer).await?,
            Step::AnswerAndClose(_) => {
                stream.write_all(&answer).await?;
                return stream.shutdown().await;
            }
            Step::Trickle(_) => {
                for piece in answer.chunks(3) {
                    stream.write_all(piece).await?;
                    sleep(Duration::from_millis(1)).await;
                }
            }
            Step::Reset | Step::Interrupt(_) => return stream.tcp().set_zero_linger(),
            Step::Never => sleep(LONG).await,
            Step::Endless(beginning, unit) => {
                stream.write_all(beginning.as_bytes()).await?;
                loop {
                    stream.write_all(unit.as_bytes()).await?;
                }
            }
        }
    }
}

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

fn item(status: u16) -> String {
    match status {
        201 => r#"{"create":{"status":201}}"#.into(),
        _ => json!({"create": {"status": status, "error": {"type": format!("error_{status}"), "reason": "it is so"}}})
            .to_string(),
    }
}

pub fn bulk(statuses: impl IntoIterator<Item = u16>) -> String {
    let items: Vec<_> = statuses.into_iter().map(item).collect();
    format!(r#"{{"errors":false,"items":[{}]}}"#, items.join(","))
}

fn all_stored(request: &Request) -> String {
    let lines = request.body.split(|byte| *byte == b'\n').count();
    bulk(vec![201; lines / 2])
}

pub fn stored() -> Step {
    Step::Answer(Arc::new(|request| http("200 OK", "", &all_stored(request))))
}

pub fn stored_and_closed() -> Step {
    Step::AnswerAndClose(Arc::new(|request| http("200 OK", "", &all_stored(request))))
}

pub fn stored_slowly() -> Step {
    Step::Trickle(Arc::new(|request| http("200 OK", "", &all_stored(request))))
}

pub fn stored_in_chunks() -> Step {
    Step::Answer(Arc::new(|request| {
        let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for piece in all_stored(request).as_bytes().chunks(7) {
            answer.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            answer.extend_from_slice(piece);
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"0\r\n\r\n");
        answer
    }))
}

pub fn half_an_answer() -> Step {
    Step::AnswerAndClose(Arc::new(|request| {
        let mut answer = http("200 OK", "", &all_stored(request));
        answer.truncate(answer.len() - 10);
        answer
    }))
}

pub fn items(statuses: &'static [u16]) -> Step {
    Step::Answer(Arc::new(|_| http("200 OK", "", &bulk(statuses.iter().copied()))))
}

pub fn status(status: &'static str, headers: &'static str, body: &'static str) -> Step {
    Step::Answer(Arc::new(move |_| http(status, headers, body)))
}

pub fn raw(bytes: &'static str) -> Step {
    Step::AnswerAndClose(Arc::new(|_| bytes.into()))
}

/// Takes requests with so many bytes and no more.
pub fn at_most(bytes: usize) -> Step {
    Step::Answer(Arc::new(move |request| {
        if request.body.len() > bytes {
            http("413 Request Entity Too Large", "", "")
        } else {
            http("200 OK", "", &all_stored(request))
        }
    }))
}
