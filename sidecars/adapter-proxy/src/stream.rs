//! A connection, of whichever kind.

pub(crate) mod socket;
pub mod tcp;

pub use tcp::Tcp;

use crate::address::Address;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};
use tokio::net::UnixStream;

pub enum Stream {
    Tcp(Tcp),
    Unix(UnixStream),
}

impl Stream {
    /// # Errors
    /// When nobody takes the connection.
    pub async fn connect(address: &Address) -> io::Result<Self> {
        match address {
            Address::Socket(address) => Tcp::connect(*address).await.map(Self::Tcp),
            Address::Unix(path) => UnixStream::connect(path).await.map(Self::Unix),
        }
    }

    /// # Errors
    /// When it cannot be waited for.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match self {
            Self::Tcp(stream) => Ok(stream.watched()?.ready(interest).await?.ready()),
            Self::Unix(stream) => stream.ready(interest).await,
        }
    }

    pub fn poll_read_ready(&self, context: &mut Context) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.watched()?.poll_read_ready(context).map_ok(drop),
            Self::Unix(stream) => stream.poll_read_ready(context),
        }
    }

    pub fn poll_write_ready(&self, context: &mut Context) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.watched()?.poll_write_ready(context).map_ok(drop),
            Self::Unix(stream) => stream.poll_write_ready(context),
        }
    }

    /// # Errors
    /// `WouldBlock` when there is nothing yet.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, || Ok(rustix::io::read(self, into)?))
    }

    /// Whether there is something to be read; that is `false` at the end.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing yet.
    pub fn peek(&self) -> io::Result<bool> {
        Ok(recv(self, &mut [0u8; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT)?.1 > 0)
    }

    /// # Errors
    /// `WouldBlock` when there is no room yet.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, || Ok(send(self, bytes, SendFlags::NOSIGNAL)?))
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
        self.try_io(Interest::WRITABLE, || Ok(rustix::io::writev(self, bytes)?))
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
        match self {
            Self::Tcp(stream) => stream.try_io(interest, call),
            Self::Unix(stream) => stream.try_io(interest, call),
        }
    }

    /// Whether urgent data is known to have come, behind which a read may end too early.
    pub fn is_urgent(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_urgent(),
            Self::Unix(_) => false,
        }
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
        let _ = sockopt::set_socket_linger(self, Some(Duration::ZERO)); // it is as good as gone
    }

    /// After an end was read: whether the other side had closed before the last `sent` bytes came there. Its kernel has
    /// answered these with a reset, which is an error of its own where it comes after an end, and has acknowledged
    /// none of them: of one who reads before it closes, the end is an acknowledgement, too.
    pub fn was_closed_before(&self, sent: usize) -> bool {
        sockopt::socket_error(self) == Ok(Err(Errno::PIPE)) && socket::unacknowledged(self) >= sent
    }

    /// Where a client is, unless that is a Unix socket.
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.client,
            Self::Unix(_) => None,
        }
    }
}

/// Whether there is no connection for want of something here, so that it is not the fault of who was to take it.
pub fn is_own_fault(error: &io::Error) -> bool {
    let own = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::NOSPC];
    error.kind() == tcp::NO_PORT || Errno::from_io_error(error).is_some_and(|errno| own.contains(&errno))
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

/// Has the runtime hear of a descriptor.
///
/// # Errors
/// When there is no memory for that.
#[expect(deprecated, reason = "its other form is unsafe, and who owns a descriptor keeps it open as long as it must")]
pub(crate) fn watch<T: AsRawFd>(descriptor: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(descriptor, interest)
}
