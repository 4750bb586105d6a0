//! One question to one name server: over UDP, and over TCP when the answer is too long for that.

use super::wire::{Query, Reply, is_answer, read};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Some send more than they were asked for. In bytes
const LONGEST: usize = 4096;

/// # Errors
/// When there is no answer within `limit`.
pub async fn ask(server: SocketAddr, query: &Query, limit: Duration) -> io::Result<Reply> {
    let nothing = || io::Error::new(ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs()));
    let bytes = match timeout(limit, by_packet(server, query)).await.map_err(|_| nothing())?? {
        Some(bytes) => bytes,
        None => timeout(limit, by_stream(server, query)).await.map_err(|_| nothing())??,
    };
    read(&bytes).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "its answer makes no sense"))
}

/// A socket of its own for each question has a port that nobody can know, and takes answers of that server only. `None`
/// when the answer was cut off.
async fn by_packet(server: SocketAddr, query: &Query) -> io::Result<Option<Vec<u8>>> {
    let any: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(query.as_slice()).await?;
    let mut buffer = vec![0; LONGEST];
    loop {
        let length = socket.recv(&mut buffer).await?;
        match is_answer(query, &buffer[..length]) {
            Some(true) => return Ok(None),
            Some(false) => {
                buffer.truncate(length);
                return Ok(Some(buffer));
            }
            None => {} // somebody guesses, or it is an old one
        }
    }
}

async fn by_stream(server: SocketAddr, query: &Query) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.as_slice().len()).map_err(|_| ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes(), query.as_slice()].concat()).await?;
    let length = stream.read_u16().await?;
    let mut buffer = vec![0; length.into()];
    stream.read_exact(&mut buffer).await?;
    match is_answer(query, &buffer) {
        Some(_) => Ok(buffer),
        None => Err(io::Error::new(ErrorKind::InvalidData, "its answer is to another question")),
    }
}
