//! An endpoint of a cluster that says which one it is, over connections that it keeps.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Answers every request on `port` with `name`. Does not return.
///
/// # Errors
/// If somebody else has the port.
pub fn serve(port: u16, name: &str) -> Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port)).with_context(|| format!("cannot listen on {port}"))?;
    for connection in listener.incoming() {
        let name = name.to_owned();
        // A client that leaves is its own affair.
        thread::spawn(move || connection.and_then(|connection| answer(&connection, &name)));
    }
    Ok(())
}

/// Request by request, of a client that sends no bodies.
fn answer(mut connection: &TcpStream, name: &str) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut lines = BufReader::new(connection).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.is_empty() {
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len());
            connection.write_all(answer.as_bytes())?;
        }
    }
    Ok(())
}
