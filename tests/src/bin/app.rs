//! The tests' application, in every role a container can have: it writes files, serves them over HTTP, asks other
//! containers for theirs, makes orphans, and tells what it sees of its pod.

#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use clap::Parser;
use e2e::asking::{self, Asker};
use e2e::elasticsearch::Server;
use e2e::follow;
use e2e::members;
use e2e::moods;
use e2e::orphans::{self, Way};
use e2e::shop;
use e2e::stock;
use e2e::view::View;
use signal_hook::consts::SIGTERM;
use signal_hook::flag;
use signal_hook::iterator::Signals;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[derive(Parser)]
enum Role {
    /// Serve the files of DIRECTORY over HTTP on PORT
    Serve {
        directory: PathBuf,
        port: u16,
        /// Before that, write TEXT to FILE, whole or not at all
        #[arg(long, num_args = 2, value_names = ["FILE", "TEXT"])]
        write: Vec<String>,
    },
    /// Print what `http://HOST:PORT/FILE` answers
    Get {
        port: u16,
        #[arg(default_value = "")]
        file: String,
        #[arg(long, default_value = "127.0.0.1")]
        host: String,
    },
    /// Print what `http://127.0.0.1:PORT/PATH` answers to a POST without a body
    Post { port: u16, path: String },
    /// Ask for `http://127.0.0.1:PORT/FILE` until SIGTERM; print each answer that is new, and how many have failed
    Ask {
        port: u16,
        file: String,
        /// No more than so many times
        #[arg(long, default_value_t = u64::MAX)]
        count: u64,
        /// And so many times after SIGTERM
        #[arg(long, default_value_t = 0)]
        at_end: u64,
        /// At last, POST to PATH on ADMIN
        #[arg(long, num_args = 2, value_names = ["ADMIN", "PATH"])]
        post: Vec<String>,
    },
    /// Serve a status page and orders on PORT, to this pod alone, until SIGTERM
    Shop(shop::Args),
    /// Answer every request on PORT with NAME, until SIGTERM
    Stock { port: u16, name: String },
    /// Be an Elasticsearch on PORT, as the tests have one, until SIGTERM
    Elasticsearch { port: u16 },
    /// Serve how it is on PORT, to this pod alone, until SIGTERM, and become what it is told by POST
    Moods {
        port: u16,
        /// Take so many seconds to start
        #[arg(long, default_value_t = 0)]
        start: u64,
    },
    /// Note in FILE which files of DIRECTORY are new, now and whenever its set is another one, and each second that it
    /// runs, until SIGTERM
    Follow { directory: PathBuf, file: PathBuf },
    /// Make orphans, and print how many saw PID 1 adopt them
    Orphans { way: Way, count: usize },
    /// Print what this container sees of its pod, as JSON
    Look,
    /// Print which processes the pod has, and of this user's what they are and take, as JSON
    Members,
    /// Add TEXT to FILE, as a line, and exit with CODE
    Note {
        file: PathBuf,
        text: String,
        #[arg(default_value_t = 0)]
        code: u8,
    },
    /// Add COUNT numbered lines to FILE, and exit with CODE
    Log {
        file: PathBuf,
        count: u64,
        /// Before that, wait for SIGTERM, and add so many more
        #[arg(long, value_name = "COUNT")]
        at_end: Option<u64>,
        #[arg(long, default_value_t = 0)]
        code: u8,
    },
    /// Print FILE, or all files of a directory
    Read { file: PathBuf },
    /// Wait for SIGTERM, and exit; note in FILE when NAME hears it, and when it has come
    Wait {
        #[arg(requires = "name")]
        file: Option<PathBuf>,
        name: Option<String>,
    },
}

fn main() -> Result<ExitCode> {
    match Role::parse() {
        Role::Serve { directory, port, write } => {
            if let [file, text] = write.as_slice() {
                let new = format!("{file}.new");
                fs::write(&new, text).with_context(|| format!("cannot write {new}"))?;
                fs::rename(&new, file).with_context(|| format!("cannot write {file}"))?;
            }
            serve(&directory, port)?;
        }
        Role::Get { port, file, host } => print!("{}", asking::get(&host, port, &file)?),
        Role::Post { port, path } => println!("{}", asking::post(port, &path)?),
        Role::Ask { port, file, count, at_end, post } => {
            let mut asker = Asker::of(port, &file);
            let ended = Arc::new(AtomicBool::new(false));
            flag::register(SIGTERM, ended.clone())?;
            asker.ask_until(count, || ended.load(Ordering::Relaxed));
            asker.ask_anew(at_end);
            println!("asked {} times, {} failed", asker.asked, asker.failed);
            if let [admin, path] = post.as_slice() {
                asking::post(admin.parse()?, path)?;
            }
            return Ok(ExitCode::from(u8::from(asker.failed > 0)));
        }
        Role::Shop(args) => shop::run(args)?,
        Role::Stock { port, name } => {
            flag::register_conditional_shutdown(SIGTERM, 0, Arc::new(AtomicBool::new(true)))?;
            stock::serve(port, &name)?;
        }
        Role::Elasticsearch { port } => {
            let mut signals = Signals::new([SIGTERM])?;
            let _server = Server::on(TcpListener::bind(("0.0.0.0", port))?, None);
            signals.forever().next();
        }
        Role::Moods { port, start } => moods::run(port, Duration::from_secs(start))?,
        Role::Follow { directory, file } => {
            flag::register_conditional_shutdown(SIGTERM, 0, Arc::new(AtomicBool::new(true)))?;
            follow::note_changes(&directory, |text| note(&file, text))?;
        }
        Role::Orphans { way, count } => println!("{}", orphans::make(way, count)?),
        Role::Look => println!("{}", serde_json::to_string(&View::of_this_process()?)?),
        Role::Members => println!("{}", serde_json::to_string(&members::all()?)?),
        Role::Note { file, text, code } => {
            note(&file, &text)?;
            return Ok(code.into());
        }
        Role::Log { file, count, at_end, code } => {
            let mut signals = Signals::new([SIGTERM])?;
            log(&file, 0..count)?;
            if let Some(more) = at_end {
                signals.forever().next();
                log(&file, count..count + more)?;
            }
            return Ok(code.into());
        }
        Role::Read { file } => {
            let files: Vec<PathBuf> = match fs::read_dir(&file) {
                Ok(directory) => directory.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?,
                Err(_) => vec![file],
            };
            for file in files {
                print!("{}", fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?);
            }
        }
        Role::Wait { file, name } => {
            let mut signals = Signals::new([SIGTERM])?;
            let note = |what| match (&file, &name) {
                (Some(file), Some(name)) => note(file, &format!("{name} {what}")),
                _ => Ok(()),
            };
            note("runs")?;
            signals.forever().next();
            note("ends")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// As a logger with a buffer of its own does: most writes end within a line.
fn log(file: &Path, mut numbers: Range<u64>) -> Result<()> {
    let mut write = || {
        let mut log = BufWriter::new(File::options().append(true).create(true).open(file)?);
        numbers
            .try_for_each(|number| writeln!(log, "n={number:08} INFO [main] com.example.App: the quick brown fox"))?;
        log.flush()
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

/// Whole lines, whoever else writes.
fn note(file: &Path, text: &str) -> Result<()> {
    let opened = File::options().append(true).create(true).open(file);
    opened
        .and_then(|mut file| file.write_all(format!("{text}\n").as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))
}

fn serve(directory: &Path, port: u16) -> Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port)).with_context(|| format!("cannot listen on port {port}"))?;
    for connection in listener.incoming() {
        // A client that leaves is its own affair.
        let _ = connection.and_then(|connection| answer(directory, connection));
    }
    Ok(())
}

fn answer(directory: &Path, mut connection: TcpStream) -> std::io::Result<()> {
    let mut request = String::new();
    BufReader::new(&connection).read_line(&mut request)?;
    let file = request.split(' ').nth(1).and_then(|path| path.strip_prefix('/')).unwrap_or_default();
    match fs::read(directory.join(file)) {
        Ok(body) => {
            write!(connection, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())?;
            connection.write_all(&body)
        }
        Err(error) => write!(connection, "HTTP/1.0 404 Not Found\r\n\r\n{error}"),
    }
}
