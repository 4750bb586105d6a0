//! An upstream that can be killed: it answers GETs with 1 KiB, and appends the body of each POST to the file that it is
//! told, before it answers. It says its port on stderr.

use std::env::args;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

fn main() -> Result<()> {
    let (file, delay) = (args().nth(1).unwrap_or_default(), args().nth(2).unwrap_or_default());
    let delay = Duration::from_millis(delay.parse().unwrap_or_default());
    let listener = TcpListener::bind("127.0.0.1:0")?;
    eprintln!("port {}", listener.local_addr()?.port());
    for stream in listener.incoming() {
        let (stream, file) = (stream?, file.clone());
        thread::spawn(move || serve(stream, Path::new(&file), delay));
    }
    Ok(())
}

fn serve(stream: TcpStream, file: &Path, delay: Duration) -> Result<()> {
    stream.set_nodelay(true)?;
    let (mut writer, mut reader) = (stream.try_clone()?, BufReader::new(stream));
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n{}", "x".repeat(1024));
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
        }
        let mut body = String::new();
        reader.by_ref().take(length).read_to_string(&mut body)?;
        if !body.is_empty() {
            OpenOptions::new().create(true).append(true).open(file)?.write_all((body + "\n").as_bytes())?;
        }
        thread::sleep(delay); // a slow server is what is wanted
        writer.write_all(answer.as_bytes())?;
    }
}
