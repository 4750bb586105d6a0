//! An app that is not always well, for probes to find out: it starts slowly, is busy, is stuck, and drains when it is told
//! that its end comes. What becomes of it is on stdout.

use anyhow::{Context, Result};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use std::io::{BufRead, BufReader, Result as IoResult, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    /// It can take no more work for now
    Busy,
    /// Nothing but a restart helps
    Stuck,
    /// It takes no new work, and ends soon
    Draining,
}

/// Serves how it is on `port` of this host's loopback interface until SIGTERM, once it has taken `start` to start.
///
/// # Errors
/// If somebody else has the port.
pub fn run(port: u16, start: Duration) -> Result<()> {
    let mut signals = Signals::new([SIGTERM])?;
    println!("starts");
    thread::sleep(start);
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("cannot listen on {port}"))?;
    println!("is well");
    thread::spawn(move || {
        let mut mood = Mood::Well;
        // One request at a time: when it answers that it drains, it has no other.
        for connection in listener.incoming() {
            // A client that leaves is its own affair.
            let _ = connection.and_then(|connection| answer(&mut mood, connection));
        }
    });
    signals.forever().next();
    println!("hears SIGTERM, and ends");
    Ok(())
}

/// One request, of a client that sends no body.
fn answer(mood: &mut Mood, mut connection: TcpStream) -> IoResult<()> {
    let mut head = BufReader::new(&connection).lines().take_while(|line| !matches!(line.as_deref(), Ok("")));
    let request = head.next().transpose()?.unwrap_or_default();
    head.try_for_each(|line| line.map(drop))?;
    let mut words = request.split(' ');
    let (status, body) = resource(mood, words.next().unwrap_or_default(), words.next().unwrap_or_default());
    write!(connection, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn resource(mood: &mut Mood, method: &str, path: &str) -> (&'static str, &'static str) {
    let told = match (method, path) {
        ("GET", "/livez") if *mood == Mood::Stuck => return ("500 Internal Server Error", "stuck"),
        ("GET", "/readyz") if *mood != Mood::Well => return ("503 Service Unavailable", "not now"),
        ("GET", "/" | "/livez" | "/readyz") => return ("200 OK", "well"),
        ("POST", "/well") => Mood::Well,
        ("POST", "/busy") => Mood::Busy,
        ("POST", "/stuck") => Mood::Stuck,
        ("POST", "/drain") => Mood::Draining,
        _ => return ("404 Not Found", "no such mood"),
    };
    let said = match told {
        Mood::Well => "is well",
        Mood::Busy => "is busy",
        Mood::Stuck => "is stuck",
        Mood::Draining => "drains",
    };
    println!("{said}");
    *mood = told;
    ("200 OK", said)
}

#[cfg(test)]
mod tests {
    use super::{Mood, resource};

    #[test]
    fn probes_find_out() {
        for (told, live, ready) in
            [("/well", true, true), ("/busy", true, false), ("/stuck", false, false), ("/drain", true, false)]
        {
            let mut mood = Mood::Well;
            assert!(resource(&mut mood, "POST", told).0.starts_with("200"), "{told}");
            assert_eq!(resource(&mut mood, "GET", "/livez").0 == "200 OK", live, "{told}");
            assert_eq!(resource(&mut mood, "GET", "/readyz").0 == "200 OK", ready, "{told}");
        }
    }
}
