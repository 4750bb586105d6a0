//! Who connects to us.

mod unix;

use crate::address::Address;
use crate::stream::{self, Stream};
use anyhow::{Context, Result};
use rustix::fs::Mode;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

/// So many connections may wait for their turn. The kernel takes it for at most its `net.core.somaxconn`.
pub(crate) const BACKLOG: u32 = 4096;

pub enum Listener {
    Tcp(TcpListener),
    Unix(unix::Socket),
}

impl Listener {
    /// A Unix socket is made with `mode`. Within a runtime.
    ///
    /// # Errors
    /// When the address is taken, or not ours.
    pub fn at(address: &Address, mode: Mode) -> Result<Self> {
        match address {
            Address::Socket(socket) => tcp(*socket).map(Self::Tcp).map_err(|error| {
                let hint = match error.kind() {
                    ErrorKind::AddrInUse => {
                        "\nhint: the containers of a pod share its ports: choose another one, or end who has it"
                    }
                    ErrorKind::AddrNotAvailable => {
                        "\nhint: it takes an address of this pod, or 0.0.0.0 for all of them"
                    }
                    ErrorKind::PermissionDenied => "\nhint: choose a port from 1024 on",
                    _ => "",
                };
                anyhow::Error::new(error).context(format!("cannot listen on {address}{hint}"))
            }),
            Address::Unix(path) => {
                unix::Socket::at(path, mode).map(Self::Unix).with_context(|| format!("cannot listen on {address}"))
            }
        }
    }

    /// # Errors
    /// When there is no descriptor left, for one.
    pub async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => Ok(Stream::Tcp(listener.accept().await?.0)),
            Self::Unix(socket) => Ok(Stream::Unix(socket.accept().await?)),
        }
    }

    /// Gives a Unix socket another mode.
    ///
    /// # Errors
    /// When it is not ours any more.
    pub fn set_mode(&self, mode: Mode) -> io::Result<()> {
        match self {
            Self::Tcp(_) => Ok(()),
            Self::Unix(socket) => socket.set_mode(mode),
        }
    }
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?; // what is left of connections of the one before does not keep the port
    stream::set_up(&socket)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
