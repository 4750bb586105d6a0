//! A stream of bytes from a server in this process to a client in it, through a proxy.

use anyhow::{Result, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Written and read at once, in bytes
const PIECE: usize = 256 << 10;

/// Nothing that moves is silent for so long.
const SILENCE: Duration = Duration::from_secs(30);

/// A server that sends as many bytes as it is asked for, and then closes.
pub struct Source {
    pub address: SocketAddr,
}

impl Source {
    /// # Errors
    /// If there is no port.
    pub fn new() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever hangs up has not got all, and sees that.
                thread::spawn(move || send(stream));
            }
        });
        Ok(Self { address })
    }
}

/// Asks a source for so many bytes through the proxy at `address`, and says how many came.
///
/// # Errors
/// If it breaks off.
pub fn through(address: SocketAddr, bytes: u64) -> Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.write_all(&bytes.to_le_bytes())?;
    let (mut piece, mut came) = (vec![0; PIECE], 0);
    loop {
        match stream.read(&mut piece)? {
            0 => break,
            count => came += count as u64,
        }
    }
    ensure!(came <= bytes, "more came than was asked for");
    Ok(came)
}

fn send(mut stream: TcpStream) -> Result<()> {
    let mut asked = [0; 8];
    stream.read_exact(&mut asked)?;
    let (piece, mut left) = (vec![0; PIECE], u64::from_le_bytes(asked));
    while left > 0 {
        let count = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        stream.write_all(&piece[..count])?;
        left -= count as u64;
    }
    Ok(())
}
