//! An app as they have grown: a status page in a form of its own, version 2 of an API, a log that it rotates itself, and
//! children that it forgets.

mod journal;

use crate::asking::Asker;
use crate::orphans::{self, Way};
use anyhow::{Context, Result};
use journal::Journal;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};
use signal_hook::consts::SIGTERM;
use signal_hook::low_level::pipe;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Result as IoResult, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    port: u16,
    /// Serve the files of DIRECTORY, too
    #[arg(long, value_name = "DIRECTORY")]
    pages: Option<PathBuf>,
    /// Log orders to FILE
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Ask on this port of localhost who has what is ordered
    #[arg(long, value_name = "PORT")]
    stock: Option<u16>,
    /// Which version this is
    #[arg(long, default_value_t = 1)]
    release: u32,
}

/// Serves them on a port of this host's loopback interface, until SIGTERM. For a process with one thread.
///
/// # Errors
/// If somebody else has the port, or the log cannot be written.
pub fn run(args: Args) -> Result<()> {
    let port = args.port;
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("cannot listen on {port}"))?;
    let (ended, signal) = UnixStream::pair()?;
    pipe::register(SIGTERM, signal)?;
    let mut shop = Shop::new(args)?;
    loop {
        let mut fds = [&ended.as_fd(), &listener.as_fd()].map(|fd| PollFd::new(*fd, PollFlags::POLLIN));
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        if fds[0].any() == Some(true) {
            return shop.note("closed");
        }
        // A client that leaves is its own affair.
        let _ = listener.accept().and_then(|(connection, _)| shop.answer(connection));
    }
}

struct Shop {
    started: Instant,
    /// Orders that were asked for, and are there
    served: u64,
    release: u32,
    pages: Option<PathBuf>,
    journal: Option<Journal>,
    stock: Option<Asker>,
}

impl Shop {
    fn new(args: Args) -> Result<Self> {
        let mut shop = Self {
            started: Instant::now(),
            served: 0,
            release: args.release,
            pages: args.pages,
            journal: args.log.map(Journal::open).transpose()?,
            stock: args.stock.map(|port| Asker::of(port, "")),
        };
        shop.note("open")?;
        Ok(shop)
    }

    fn note(&mut self, what: &str) -> Result<()> {
        let release = self.release;
        self.journal.as_mut().map_or(Ok(()), |journal| journal.write(&format!("INFO [main] shop {release}: {what}")))
    }

    /// One request, of a client that sends no body.
    fn answer(&mut self, mut connection: TcpStream) -> IoResult<()> {
        let mut head = BufReader::new(&connection).lines().take_while(|line| !matches!(line.as_deref(), Ok("")));
        let request = head.next().transpose()?.unwrap_or_default();
        head.try_for_each(|line| line.map(drop))?;
        let (method, target) = request.split_once(' ').unwrap_or_default();
        let target = target.split(' ').next().unwrap_or_default();
        if let Some(page) = self.page(target) {
            write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", page.len())?;
            return connection.write_all(&page);
        }
        let (status, body) = match (method, target.strip_prefix("/orders?count=").map(str::parse)) {
            ("POST", Some(Ok(count))) => match self.take(count) {
                Ok(taken) => ("200 OK", taken),
                Err(error) => ("500 Internal Server Error", json!({ "message": format!("{error:#}") })),
            },
            _ => self.resource(target),
        };
        let body = body.to_string();
        write!(
            connection,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        )?;
        write!(connection, "Connection: close\r\n\r\n{body}")
    }

    fn page(&self, target: &str) -> Option<Vec<u8>> {
        let name = Path::new(target.strip_prefix('/')?);
        let below = name.components().all(|component| matches!(component, Component::Normal(_)));
        fs::read(self.pages.as_ref()?.join(name)).ok().filter(|_| below)
    }

    fn resource(&mut self, target: &str) -> (&'static str, Value) {
        match target {
            "/status" => ("200 OK", self.status()),
            "/v2/order?id=42" => {
                self.served += 1;
                ("200 OK", order())
            }
            _ => ("404 Not Found", json!({ "message": format!("there is no {target}") })),
        }
    }

    /// Takes so many orders. Each is asked for in stock, and logged, and mailed by a child's child, of which nobody
    /// hears again.
    fn take(&mut self, count: u64) -> Result<Value> {
        let (mut from, mut orphans) = (BTreeMap::<String, u64>::new(), 0);
        let (mut failed, mut failure) = (0, None);
        for _ in 0..count {
            self.served += 1;
            let number = self.served;
            let said = match self.stock.as_mut().map(Asker::answer) {
                None => format!("order {number}"),
                Some(Ok(stock)) => {
                    *from.entry(stock.clone()).or_default() += 1;
                    format!("order {number} from {stock}")
                }
                Some(Err(error)) => {
                    failed += 1;
                    failure = Some(format!("{error:#}"));
                    format!("order {number} failed: {error:#}")
                }
            };
            self.note(&said)?;
            orphans += orphans::make(Way::Serial, 1)?;
        }
        let mut taken = json!({ "orders": count, "from": from, "failed": failed, "orphans": orphans });
        if let Some(failure) = failure {
            taken["failure"] = failure.into();
        }
        Ok(taken)
    }

    /// Queues by their names, numbers as texts here and there, states in words, milliseconds.
    fn status(&self) -> Value {
        json!({
            "status": "RUNNING",
            "uptimeMillis": self.started.elapsed().as_millis().to_string(),
            "heap": { "used": "13.5 MB", "max": "64 MB" },
            "queues": {
                "mail": { "length": "3", "oldestMillis": 1500, "consumer": "UP" },
                "orders": { "length": "12", "oldestMillis": "250", "consumer": "PAUSED" },
            },
            "ordersServed": self.served.to_string(),
        })
    }
}

fn order() -> Value {
    json!({
        "orderId": "42",
        "customer": { "givenName": "Ada", "familyName": "Lovelace" },
        "amountCents": 1250,
        "state": "SHIPPED",
        "lines": [{ "sku": "tea", "quantity": "2" }, { "sku": "cup", "quantity": "1" }],
    })
}

#[cfg(test)]
mod tests {
    use super::{Args, Shop};
    use std::fs;
    use std::path::PathBuf;

    fn shop(pages: Option<PathBuf>, log: Option<PathBuf>) -> Shop {
        Shop::new(Args { port: 0, pages, log, stock: None, release: 1 }).unwrap()
    }

    #[test]
    fn orders_are_counted() {
        let mut shop = shop(None, None);
        assert_eq!(shop.resource("/v2/order?id=42").1["orderId"], "42");
        assert_eq!(shop.resource("/v2/order?id=7").0, "404 Not Found");
        assert_eq!(shop.resource("/status").1["ordersServed"], "1");
    }

    #[test]
    fn pages_are_below_their_directory() {
        let home = tempfile::tempdir().unwrap();
        let pages = home.path().join("pages");
        fs::create_dir(&pages).unwrap();
        fs::write(pages.join("index.html"), "page").unwrap();
        fs::write(home.path().join("secret"), "secret").unwrap();
        let shop = shop(Some(pages), None);
        assert_eq!(shop.page("/index.html").as_deref(), Some(&b"page"[..]));
        assert_eq!(shop.page("/../secret"), None);
        assert_eq!(shop.page("//etc/hostname"), None);
    }
}
