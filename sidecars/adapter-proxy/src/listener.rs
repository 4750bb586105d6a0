//! Who connects to us.

mod unix;

use crate::address::Address;
use crate::stream::{self, Stream, Tcp, socket};
use anyhow::{Context, Result};
use rustix::fs::Mode;
use rustix::net::{SocketFlags, acceptfrom_with};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpSocket;

/// So many connections may wait for their turn. The kernel takes it for at most its `net.core.somaxconn`.
pub(crate) const BACKLOG: u32 = 4096;

/// After a second the kernel asks a client again that has not said anything, and then has its connection accepted.
pub const SILENT: Duration = Duration::from_millis(1200);

pub enum Listener {
    Tcp(AsyncFd<OwnedFd>),
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
            Self::Tcp(listener) => {
                let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
                let accept = |listener: &OwnedFd| Ok(acceptfrom_with(listener, flags)?);
                let (socket, peer) = listener.async_io(Interest::READABLE, accept).await?;
                let peer = peer.and_then(|peer| peer.try_into().ok()).ok_or(ErrorKind::AddrNotAvailable)?;
                Ok(Stream::Tcp(Tcp::accepted(socket, peer)))
            }
            Self::Unix(socket) => Ok(Stream::Unix(socket.accept().await?)),
        }
    }

    /// Where clients speak first, it need not hear of one that has not: that saves a wake, a read in vain and work of the
    /// kernel's for each connection. It hears of a silent one within [`SILENT`].
    pub fn set_client_first(&self, is_first: bool) {
        if let Self::Tcp(listener) = self {
            socket::defer_accept(listener.get_ref(), u8::from(is_first));
        }
    }

    /// The path of a Unix socket whose file somebody has removed, so that nobody can connect to it any more.
    pub fn lost(&self) -> Option<&Path> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(socket) => socket.lost(),
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

fn tcp(address: SocketAddr) -> io::Result<AsyncFd<OwnedFd>> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?; // what is left of connections of the one before does not keep the port
    stream::tcp::set_up(&socket)?;
    socket.bind(address)?;
    // As tokio's own it would have the runtime hear of each connection at once.
    stream::watch(socket.listen(BACKLOG)?.into_std()?.into(), Interest::READABLE)
}
