//! One side of a connection, as its pumps wait for it.

use crate::stream::tcp::is_urgent;
use crate::stream::{Stream, watch};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::net::{SendFlags, Shutdown, send, shutdown, sockopt};
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// No descriptor of these is to be what a standard stream was.
const FIRST: i32 = 3;

pub enum Side {
    Whole(Stream),
    Parted(Parted),
}

/// One whose two directions are waited for apart. A stream is waited for both ways at once, so that who waits until it
/// takes more is woken by all that comes to be read in the meantime: two wakes of three, where much goes through.
pub struct Parted {
    output: AsyncFd<OwnedFd>,
    /// The same connection by another descriptor
    input: Rc<OwnedFd>,
    /// As long as somebody wants to read
    watched: RefCell<Option<AsyncFd<Rc<OwnedFd>>>>,
}

impl Side {
    /// From now on waits for what is read apart from what is written; takes a descriptor more. Where that cannot be had
    /// all stays as it is.
    pub fn part(&mut self) {
        if let Self::Whole(stream) = self
            && let Ok(parted) = Parted::new(stream)
        {
            *self = Self::Parted(parted);
        }
    }

    /// Ready when there is something to be read.
    pub fn poll_read_ready(&self, context: &mut Context) -> Poll<io::Result<()>> {
        match self {
            Self::Whole(stream) => stream.poll_read_ready(context),
            Self::Parted(parted) => parted.poll_read_ready(context),
        }
    }

    /// Nobody wants to read before asking for that again.
    pub fn rest(&self) {
        if let Self::Parted(parted) = self {
            parted.watched.take();
        }
    }

    /// Whether urgent data is known to have come.
    pub fn is_urgent(&self) -> bool {
        match self {
            Self::Whole(stream) => stream.is_urgent(),
            Self::Parted(parted) => parted.watched.borrow().as_ref().is_some_and(is_urgent),
        }
    }

    /// Ready when more can be written.
    pub fn poll_write_ready(&self, context: &mut Context) -> Poll<io::Result<()>> {
        match self {
            Self::Whole(stream) => stream.poll_write_ready(context),
            Self::Parted(parted) => parted.output.poll_write_ready(context).map_ok(drop),
        }
    }

    /// Resolves when it has broken off; that it cannot even be waited for is as bad.
    pub async fn broken(&self) {
        match self {
            Self::Whole(stream) => drop(stream.ready(Interest::ERROR).await),
            Self::Parted(parted) => drop(parted.output.ready(Interest::ERROR).await),
        }
    }

    /// A call that reads, which clears that it is ready when that would block.
    ///
    /// # Errors
    /// Those of the call.
    pub fn try_in<T>(&self, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self {
            Self::Whole(stream) => stream.try_io(Interest::READABLE, call),
            Self::Parted(parted) => match &*parted.watched.borrow() {
                Some(input) => input.try_io(Interest::READABLE, |_| call()),
                None => call(),
            },
        }
    }

    /// A call that writes, which clears that it is ready when that would block.
    ///
    /// # Errors
    /// Those of the call.
    pub fn try_out<T>(&self, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self {
            Self::Whole(stream) => stream.try_io(Interest::WRITABLE, call),
            Self::Parted(parted) => parted.output.try_io(Interest::WRITABLE, |_| call()),
        }
    }

    /// # Errors
    /// `WouldBlock` when there is no room yet.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_out(|| Ok(send(self, bytes, SendFlags::NOSIGNAL)?))
    }

    /// No more is written, and the other end is told so. Who has gone altogether cannot be told, and need not.
    pub fn shut_down(&self) {
        let _ = shutdown(self, Shutdown::Write);
    }

    /// What is dropped next is to look broken off, not ended. A Unix socket knows no such difference.
    pub fn reset(&self) {
        let _ = sockopt::set_socket_linger(self, Some(Duration::ZERO)); // it is as good as gone
    }
}

impl Parted {
    fn new(stream: &Stream) -> io::Result<Self> {
        let [input, output] = [fcntl_dupfd_cloexec(stream, FIRST)?, fcntl_dupfd_cloexec(stream, FIRST)?];
        let output = watch(output, Interest::WRITABLE)?;
        Ok(Self { output, input: Rc::new(input), watched: RefCell::default() })
    }

    fn poll_read_ready(&self, context: &mut Context) -> Poll<io::Result<()>> {
        let mut watched = self.watched.borrow_mut();
        let input = match &mut *watched {
            Some(input) => input,
            none => none.insert(watch(self.input.clone(), Interest::READABLE | Interest::PRIORITY)?),
        };
        input.poll_read_ready(context).map_ok(drop)
    }
}

impl AsFd for Side {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Whole(stream) => stream.as_fd(),
            Self::Parted(parted) => parted.input.as_fd(),
        }
    }
}
