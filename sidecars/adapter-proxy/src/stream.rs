//! A connection, of whichever kind.

use crate::address::Address;
use rustix::net::{SendFlags, send, sockopt};
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

macro_rules! both {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self {
            Stream::Tcp($stream) => $call,
            Stream::Unix($stream) => $call,
        }
    };
}

impl Stream {
    /// # Errors
    /// When nobody takes the connection.
    pub async fn connect(address: &Address) -> io::Result<Self> {
        match address {
            Address::Socket(address) => {
                let stream = TcpStream::connect(address).await?;
                set_up(&stream)?;
                Ok(Self::Tcp(stream))
            }
            Address::Unix(path) => UnixStream::connect(path).await.map(Self::Unix),
        }
    }

    /// # Errors
    /// When its descriptor is none any more.
    pub async fn ready(&self, interest: Interest) -> io::Result<tokio::io::Ready> {
        both!(self, stream => stream.ready(interest).await)
    }

    pub fn poll_read_ready(&self, context: &mut Context) -> Poll<io::Result<()>> {
        both!(self, stream => stream.poll_read_ready(context))
    }

    pub fn poll_write_ready(&self, context: &mut Context) -> Poll<io::Result<()>> {
        both!(self, stream => stream.poll_write_ready(context))
    }

    /// # Errors
    /// `WouldBlock` when there is nothing yet.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        both!(self, stream => stream.try_read(into))
    }

    /// # Errors
    /// `WouldBlock` when there is no room yet.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        both!(self, stream => stream.try_write(bytes))
    }

    /// The same, but the kernel keeps what makes no whole packet until the end, which is to be told at once.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room yet.
    pub fn try_write_last(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, || Ok(send(self, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?))
    }

    /// # Errors
    /// `WouldBlock` when there is no room yet.
    pub fn try_write_vectored(&self, bytes: &[IoSlice]) -> io::Result<usize> {
        both!(self, stream => stream.try_write_vectored(bytes))
    }

    /// Waits until all of it is written.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.ready(Interest::WRITABLE).await?;
            match self.try_write(bytes) {
                Ok(length) => bytes = bytes.get(length..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until there is something to read; 0 at the end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            self.ready(Interest::READABLE).await?;
            match self.try_read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    /// A system call of its own on the descriptor, which clears its readiness when that would block.
    ///
    /// # Errors
    /// Those of the call.
    pub fn try_io<T>(&self, interest: Interest, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        both!(self, stream => stream.try_io(interest, call))
    }

    /// No more is written, and the other side is told so.
    ///
    /// # Errors
    /// When it is not connected any more.
    pub fn shut_down(&self) -> io::Result<()> {
        Ok(rustix::net::shutdown(self, rustix::net::Shutdown::Write)?)
    }

    /// What is dropped next is to look broken off, not ended. A Unix socket knows no such difference.
    pub fn reset(&self) {
        if let Self::Tcp(stream) = self {
            // It is as good as gone.
            let _ = sockopt::set_socket_linger(stream, Some(Duration::ZERO));
        }
    }

    /// After an end was read: whether the other side had closed before what was written last came there. Its kernel has
    /// answered that with a reset, which is an error of its own where it comes after an end.
    pub fn was_closed_before(&self) -> bool {
        let error = both!(self, stream => stream.take_error());
        matches!(error, Ok(Some(error)) if error.kind() == ErrorKind::BrokenPipe)
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Option<std::net::SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

/// For a connection, or for a listener, whose connections inherit it. Nothing waits to be sent, and a host that is gone
/// without a word is noticed after two minutes, also by connections on which nothing moves.
pub(crate) fn set_up(socket: impl AsFd) -> io::Result<()> {
    sockopt::set_tcp_nodelay(&socket, true)?;
    sockopt::set_tcp_keepidle(&socket, Duration::from_mins(1))?;
    sockopt::set_tcp_keepintvl(&socket, Duration::from_secs(15))?;
    sockopt::set_tcp_keepcnt(&socket, 4)?;
    Ok(sockopt::set_socket_keepalive(&socket, true)?)
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        both!(self, stream => stream.as_fd())
    }
}
