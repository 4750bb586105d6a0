//! A TCP connection. The runtime hears nothing of a client's until somebody waits for it: one that asks at once, is
//! answered soon, and is closed then saves two system calls of a dozen.

use super::watch;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use std::cell::OnceCell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// That all of this host's ports are in use for connections to an address.
pub(super) const NO_PORT: ErrorKind = ErrorKind::ResourceBusy;

pub struct Tcp {
    /// Where the client was when it came. One that has gone has no address any more, and what it said may still be there
    pub client: Option<SocketAddr>,
    socket: Rc<OwnedFd>,
    watched: OnceCell<AsyncFd<Rc<OwnedFd>>>,
}

impl Tcp {
    /// That of a client, which does not block.
    pub fn accepted(socket: OwnedFd, client: SocketAddr) -> Self {
        Self { client: Some(client), socket: Rc::new(socket), watched: OnceCell::new() }
    }

    /// # Errors
    /// When nobody takes the connection.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        set_up(&socket)?;
        let begun = connect(&socket, &address);
        let this = Self { client: None, socket: Rc::new(socket), watched: OnceCell::new() };
        match begun {
            Err(Errno::INPROGRESS) => {
                drop(this.watched()?.writable().await?);
                sockopt::socket_error(&this)??;
            }
            // With IPv6 it may as well be that there is no such address here, which is the endpoint's for good.
            Err(Errno::ADDRNOTAVAIL) if address.is_ipv4() => {
                return Err(io::Error::new(NO_PORT, "all local ports are in use for connections to it"));
            }
            begun => begun?,
        }
        Ok(this)
    }

    /// From the first call on the runtime hears of it.
    ///
    /// # Errors
    /// When there is no memory for that.
    pub fn watched(&self) -> io::Result<&AsyncFd<Rc<OwnedFd>>> {
        if let Some(watched) = self.watched.get() {
            return Ok(watched);
        }
        let watched = watch(self.socket.clone(), Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY)?;
        Ok(self.watched.get_or_init(|| watched))
    }

    /// A call that is tried only when it may succeed, as far as is known.
    ///
    /// # Errors
    /// Those of the call.
    pub fn try_io<T>(&self, interest: Interest, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.watched.get() {
            Some(watched) => watched.try_io(interest, |_| call()),
            None => call(),
        }
    }

    /// Whether urgent data is known to have come.
    pub fn is_urgent(&self) -> bool {
        self.watched.get().is_some_and(is_urgent)
    }
}

/// Whether urgent data (tcp(7)) is known to have come. There a read ends, and splice(2) finds nothing, though there is
/// more.
pub fn is_urgent(watched: &AsyncFd<Rc<OwnedFd>>) -> bool {
    // That is cheap, and nearly always the answer; the end looks the same.
    if watched.try_io(Interest::PRIORITY, |_| Ok(())).is_err() {
        return false;
    }
    let ready = pin!(watched.ready(Interest::PRIORITY)).poll(&mut Context::from_waker(Waker::noop()));
    matches!(ready, Poll::Ready(Ok(guard)) if guard.ready().is_priority())
}

/// For a connection, or for a listener, whose connections inherit it. Nothing waits to be sent, a host that is gone
/// without a word is noticed after two minutes, also by connections on which nothing moves, and urgent bytes stay among
/// the others, which is where they belong (RFC 6093, 6).
///
/// # Errors
/// If it is no TCP socket.
pub fn set_up(socket: impl AsFd) -> io::Result<()> {
    sockopt::set_tcp_nodelay(&socket, true)?;
    sockopt::set_tcp_keepidle(&socket, Duration::from_mins(1))?;
    sockopt::set_tcp_keepintvl(&socket, Duration::from_secs(15))?;
    sockopt::set_tcp_keepcnt(&socket, 4)?;
    sockopt::set_socket_keepalive(&socket, true)?;
    Ok(sockopt::set_socket_oobinline(&socket, true)?)
}

impl AsFd for Tcp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
