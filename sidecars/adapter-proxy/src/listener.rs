//! Who connects to us.

use crate::address::Address;
use crate::stream::Stream;
use anyhow::{Context, Result};
use std::io;
use tokio::net::{TcpListener, UnixListener};

pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// # Errors
    /// When the address is taken, or not ours.
    pub async fn at(address: &Address) -> Result<Self> {
        let listener = match address {
            Address::Socket(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Address::Unix(path) => UnixListener::bind(path).map(Self::Unix),
        };
        listener.with_context(|| format!("cannot listen on {address}"))
    }

    /// # Errors
    /// When there is no descriptor left, for one.
    pub async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}
