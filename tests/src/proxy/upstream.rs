//! An upstream that can be killed, in a process of its own: it answers GETs with 1 KiB, and appends the body of each POST
//! to the file that it is told, before it answers. It says its port on stderr. After SIGTERM it answers what it has.

use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

#[derive(clap::Args)]
pub struct Args {
    /// Where POSTs are noted
    file: PathBuf,
    /// Before each answer, in milliseconds
    #[arg(default_value_t = 0)]
    delay: u64,
    #[arg(default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Runs until SIGTERM.
///
/// # Errors
/// If it cannot listen.
pub fn run(args: &Args) -> Result<()> {
    let listener = TcpListener::bind(args.listen)?;
    let address = listener.local_addr()?;
    eprintln!("port {}", address.port());
    let (ending, open) = (AtomicBool::new(false), Mutex::new(BTreeMap::new()));
    let mut signals = Signals::new([SIGTERM])?;
    thread::scope(|scope| {
        scope.spawn(|| {
            signals.wait();
            ending.store(true, Ordering::SeqCst);
            drop(TcpStream::connect(address)); // so that it looks, when it has taken all that came before
        });
        for (number, stream) in listener.incoming().enumerate() {
            let stream = stream?;
            if ending.load(Ordering::SeqCst) {
                break;
            }
            lock(&open).insert(number, stream.try_clone()?);
            let (open, ending) = (&open, &ending);
            scope.spawn(move || {
                let _ = serve(&stream, args, ending);
                lock(open).remove(&number);
            });
        }
        drop(listener);
        lock(&open).values().for_each(|stream| drop(stream.shutdown(Shutdown::Read)));
        Ok(())
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: &TcpStream, args: &Args, ending: &AtomicBool) -> Result<()> {
    stream.set_nodelay(true)?;
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let mut reader = BufReader::new(stream);
    while let Some(body) = request(&mut reader)? {
        if !body.is_empty() {
            note(&args.file, &body)?;
        }
        thread::sleep(Duration::from_millis(args.delay)); // a slow server is what is wanted
        let close = if ending.load(Ordering::SeqCst) { "Connection: close\r\n" } else { "" };
        let answer = format!("HTTP/1.1 200 OK\r\nServer: {name}\r\nContent-Length: 1024\r\n{close}\r\n{:x<1024}", "");
        stream.write_all(answer.as_bytes())?;
        if !close.is_empty() {
            break;
        }
    }
    Ok(())
}

/// The body of the next request, if there is one.
fn request(reader: &mut BufReader<&TcpStream>) -> Result<Option<String>> {
    let (mut line, mut length) = (String::new(), 0);
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    Ok(Some(body))
}

fn note(file: &Path, body: &str) -> Result<()> {
    OpenOptions::new().create(true).append(true).open(file)?.write_all(format!("{body}\n").as_bytes())
}
