//! The tests' application, in every role a container can have: it writes files, serves them over HTTP, asks other
//! containers for theirs, makes orphans, and tells what it sees of its pod.

#![forbid(unsafe_code)]

use anyhow::{Context, Result, ensure};
use clap::Parser;
use e2e::orphans::{self, Way};
use e2e::view::View;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

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
    /// Print what `http://127.0.0.1:PORT/FILE` answers
    Get { port: u16, file: String },
    /// Make orphans, and print how many saw PID 1 adopt them
    Orphans { way: Way, count: usize },
    /// Print what this container sees of its pod, as JSON
    Look,
}

fn main() -> Result<()> {
    match Role::parse() {
        Role::Serve { directory, port, write } => {
            if let [file, text] = write.as_slice() {
                let new = format!("{file}.new");
                fs::write(&new, text).with_context(|| format!("cannot write {new}"))?;
                fs::rename(&new, file).with_context(|| format!("cannot write {file}"))?;
            }
            serve(&directory, port)
        }
        Role::Get { port, file } => {
            print!("{}", get(port, &file)?);
            Ok(())
        }
        Role::Orphans { way, count } => {
            println!("{}", orphans::make(way, count)?);
            Ok(())
        }
        Role::Look => {
            println!("{}", serde_json::to_string(&View::of_this_process()?)?);
            Ok(())
        }
    }
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

fn get(port: u16, file: &str) -> Result<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).with_context(|| format!("no one on port {port}"))?;
    write!(connection, "GET /{file} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    ensure!(head.starts_with("HTTP/1.0 200 "), "port {port} answers `{head}` for `/{file}`");
    Ok(body.into())
}
