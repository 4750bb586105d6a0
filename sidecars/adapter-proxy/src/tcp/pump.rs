//! One of the two ways of a connection.
//!
//! Small things are read and written: for a request of Redis's that is two calls and a copy of a few bytes, where a
//! pipe would take as many calls and pages of its own. Who sends more than fits is served by splice(2).

use super::pipes::{Pipes, Taken};
use super::side::Side;
use crate::traffic::{Connection, Way};
use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, splice};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, ErrorKind::WouldBlock};
use std::os::fd::AsFd;
use tokio::task::yield_now;

/// What is read at a time, into the one buffer of all connections.
const BUFFER: usize = 64 << 10;
/// A read that finds so much is followed by splices, and when they find less, by reads again. Measured as exchanges of
/// one size both ways: up to 64 KiB there is no difference, from 256 KiB on splicing takes 0.6 of the time.
const MUCH: usize = 32 << 10;
/// After so much it is another connection's turn.
const TURN: usize = 4 << 20;

/// What all connections have in common.
#[derive(Default)]
pub struct Shared {
    pub pipes: Pipes,
    buffer: RefCell<Vec<u8>>,
}

pub struct Pump<'a> {
    pub from: &'a Side,
    pub to: &'a Side,
    pub way: Way,
    pub flow: &'a Flow,
    /// Whether it stops before its first splice. Of one that splices something would be lost with its pipe
    pub parts: bool,
    pub connection: &'a Connection,
    pub shared: &'a Shared,
}

/// What outlives a pump whose sides are parted.
#[derive(Default)]
pub struct Flow {
    means: Cell<Means>,
    /// What was read and could not be written at once
    left: RefCell<Vec<u8>>,
}

/// Why a pump stops before the end.
pub enum Stopped {
    /// There is so much that its sides are better parted
    Much,
    /// One side broke off
    Broken,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Means {
    #[default]
    Copy,
    Splice,
    /// The kernel does not splice these
    CopyAlways,
    /// The same, and a read that finds less than it could take has not found all: there is urgent data
    CopyAll,
}

impl From<io::Error> for Stopped {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// What became of a turn.
enum Turn {
    /// There is nothing more to be read now
    Drained,
    /// There may be more
    More,
    /// There will never be more
    End,
}

impl Pump<'_> {
    /// Moves all that comes, and then tells the other side that nothing more does. It may be dropped while it waits, and
    /// another one with the same flow goes on.
    ///
    /// # Errors
    /// When one side broke off, or the sides are to be parted.
    pub async fn run(&self) -> Result<(), Stopped> {
        self.write_left().await?;
        loop {
            poll_fn(|context| self.from.poll_read_ready(context)).await?;
            self.notice();
            let turn = match self.flow.means.get() {
                Means::Splice => match self.shared.pipes.take() {
                    Some(pipe) => self.splice(pipe).await?,
                    None => self.copy().await?,
                },
                Means::Copy | Means::CopyAlways | Means::CopyAll => self.copy().await?,
            };
            match turn {
                Turn::Drained => {}
                Turn::More => yield_now().await,
                Turn::End => break,
            }
        }
        self.to.shut_down();
        self.connection.touch();
        Ok(())
    }

    /// What the runtime has heard is known before what it told of is read.
    fn notice(&self) {
        if self.from.is_urgent() {
            self.flow.means.set(Means::CopyAll);
        }
    }

    async fn copy(&self) -> Result<Turn, Stopped> {
        let read = match self.copy_now() {
            Err(error) if error.kind() == WouldBlock => return Ok(Turn::Drained),
            copied => copied?,
        };
        self.write_left().await?;
        if read >= MUCH && self.flow.means.get() == Means::Copy {
            self.flow.means.set(Means::Splice);
            if self.parts {
                return Err(Stopped::Much);
            }
        }
        Ok(if read == 0 { Turn::End } else { Turn::Drained })
    }

    /// How many bytes were read. Those of them that could not be written at once are left.
    fn copy_now(&self) -> io::Result<usize> {
        let mut buffer = self.shared.buffer.borrow_mut();
        buffer.resize(BUFFER, 0);
        let read = self.read(&mut buffer)?;
        let mut bytes = &buffer[..read];
        while !bytes.is_empty() {
            match self.to.try_write(bytes) {
                Err(error) if error.kind() == WouldBlock => break,
                wrote => bytes = &bytes[wrote?..],
            }
        }
        self.connection.moved(self.way, (read - bytes.len()) as u64);
        self.leave(bytes);
        Ok(read)
    }

    /// A read that finds less than it could take has found all (epoll(7)): the next one, which would say so, is saved.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        let result = self.from.try_in(|| {
            read = rustix::io::read(self.from, &mut *buffer)?;
            let is_all = read > 0 && read < buffer.len() && self.flow.means.get() != Means::CopyAll;
            if is_all { Err(WouldBlock.into()) } else { Ok(()) }
        });
        if read > 0 { Ok(read) } else { result.map(|()| 0) }
    }

    fn leave(&self, bytes: &[u8]) {
        self.connection.hold(bytes.len());
        self.flow.left.replace(bytes.to_vec());
    }

    async fn write_left(&self) -> io::Result<()> {
        loop {
            let wrote = {
                let mut left = self.flow.left.borrow_mut();
                if left.is_empty() {
                    *left = vec![]; // an idle connection holds no buffer
                    return Ok(());
                }
                let wrote = self.to.try_write(&left);
                wrote.inspect(|wrote| drop(left.drain(..wrote)))
            };
            match wrote {
                Ok(wrote) => {
                    self.connection.release(wrote);
                    self.connection.moved(self.way, wrote as u64);
                }
                Err(error) if error.kind() == WouldBlock => self.until_writable().await?,
                Err(error) => return Err(error),
            }
        }
    }

    async fn until_writable(&self) -> io::Result<()> {
        self.from.rest();
        poll_fn(|context| self.to.poll_write_ready(context)).await
    }

    /// Fills the pipe and empties it in turn, until there is nothing to fill it with.
    async fn splice(&self, mut pipe: Taken<'_>) -> io::Result<Turn> {
        let mut moved = 0;
        while moved < TURN {
            self.notice();
            if self.flow.means.get() == Means::CopyAll {
                return Ok(Turn::More);
            }
            let fill = || move_pages(self.from, &pipe.writer, pipe.size);
            match self.from.try_in(fill) {
                Ok(0) => {
                    // Or urgent data with the end behind it.
                    self.flow.means.set(Means::CopyAll);
                    return Ok(Turn::More);
                }
                Ok(filled) => {
                    pipe.filled = filled;
                    moved += filled;
                    self.empty(&mut pipe).await?;
                }
                Err(error) if error.kind() == WouldBlock => {
                    if moved < MUCH {
                        self.flow.means.set(Means::Copy);
                    }
                    return Ok(Turn::Drained);
                }
                Err(error) if is_unable(&error) => {
                    self.flow.means.set(Means::CopyAlways);
                    return Ok(Turn::More);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Turn::More)
    }

    async fn empty(&self, pipe: &mut Taken<'_>) -> io::Result<()> {
        while pipe.filled > 0 {
            let empty = || move_pages(&pipe.reader, self.to, pipe.filled);
            match self.to.try_out(empty) {
                Ok(moved) => {
                    pipe.filled -= moved;
                    self.connection.moved(self.way, moved as u64);
                }
                Err(error) if error.kind() == WouldBlock => {
                    self.connection.hold(pipe.filled);
                    self.until_writable().await?;
                    self.connection.release(pipe.filled);
                }
                Err(error) if is_unable(&error) => {
                    // What is in it already has to come out another way.
                    let mut bytes = vec![0; pipe.filled];
                    let read = rustix::io::read(&pipe.reader, &mut bytes)?;
                    pipe.filled -= read;
                    self.leave(&bytes[..read]);
                    self.write_left().await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn move_pages(from: impl AsFd, to: impl AsFd, most: usize) -> io::Result<usize> {
    Ok(splice(from, None, to, None, most, SpliceFlags::MOVE | SpliceFlags::NONBLOCK)?)
}

/// Whether the kernel, or a sandbox's, does not splice this at all.
fn is_unable(error: &io::Error) -> bool {
    let unable = [Errno::INVAL, Errno::NOSYS, Errno::PERM, Errno::OPNOTSUPP];
    Errno::from_io_error(error).is_some_and(|errno| unable.contains(&errno))
}
