//! One of the two ways of a connection.
//!
//! Small things are read and written: for a request of Redis's that is two calls and a copy of a few bytes, where a
//! pipe would take as many calls and pages of its own. Who sends more than fits is served by splice(2).

use super::pipes::{Pipes, Taken};
use crate::stream::Stream;
use crate::traffic::{Connection, Way};
use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, splice};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind::WouldBlock};
use std::os::fd::AsFd;
use tokio::io::Interest;
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
    pub from: &'a Stream,
    pub to: &'a Stream,
    pub way: Way,
    pub connection: &'a Connection,
    pub shared: &'a Shared,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Means {
    Copy,
    Splice,
    /// The kernel does not splice these
    CopyAlways,
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
    /// Moves all that comes, and then tells the other side that nothing more does.
    ///
    /// # Errors
    /// When one side broke off.
    pub async fn run(&self) -> io::Result<()> {
        let mut means = Means::Copy;
        loop {
            poll_fn(|context| self.from.poll_read_ready(context)).await?;
            let turn = match means {
                Means::Splice => match self.shared.pipes.take() {
                    Some(pipe) => self.splice(pipe, &mut means).await?,
                    None => self.copy(&mut means).await?,
                },
                Means::Copy | Means::CopyAlways => self.copy(&mut means).await?,
            };
            match turn {
                Turn::Drained => {}
                Turn::More => yield_now().await,
                Turn::End => break,
            }
        }
        // Who has gone altogether cannot be told, and need not.
        let _ = self.to.shut_down();
        self.connection.touch();
        Ok(())
    }

    async fn copy(&self, means: &mut Means) -> io::Result<Turn> {
        let (read, left) = match self.copy_now() {
            Err(error) if error.kind() == WouldBlock => return Ok(Turn::Drained),
            copied => copied?,
        };
        if !left.is_empty() {
            self.write(&left).await?;
        }
        if read >= MUCH && *means == Means::Copy {
            *means = Means::Splice;
        }
        Ok(if read == 0 { Turn::End } else { Turn::Drained })
    }

    /// How many bytes were read, and those of them that could not be written at once.
    fn copy_now(&self) -> io::Result<(usize, Vec<u8>)> {
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
        Ok((read, bytes.to_vec()))
    }

    /// A read that finds less than it could take has found all (epoll(7)): the next one, which would say so, is saved.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        let result = self.from.try_io(Interest::READABLE, || {
            read = rustix::io::read(self.from, &mut *buffer)?;
            if read > 0 && read < buffer.len() { Err(WouldBlock.into()) } else { Ok(()) }
        });
        if read > 0 { Ok(read) } else { result.map(|()| 0) }
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.to.try_write(bytes) {
                Err(error) if error.kind() == WouldBlock => self.until_writable(bytes.len()).await?,
                wrote => {
                    let wrote = wrote?;
                    self.connection.moved(self.way, wrote as u64);
                    bytes = &bytes[wrote..];
                }
            }
        }
        Ok(())
    }

    async fn until_writable(&self, left: usize) -> io::Result<()> {
        self.connection.hold(left);
        poll_fn(|context| self.to.poll_write_ready(context)).await?;
        self.connection.release(left);
        Ok(())
    }

    /// Fills the pipe and empties it in turn, until there is nothing to fill it with.
    async fn splice(&self, mut pipe: Taken<'_>, means: &mut Means) -> io::Result<Turn> {
        let mut moved = 0;
        while moved < TURN {
            let fill = || move_pages(self.from, &pipe.writer, pipe.size);
            match self.from.try_io(Interest::READABLE, fill) {
                Ok(0) => return Ok(Turn::End),
                Ok(filled) => {
                    pipe.filled = filled;
                    moved += filled;
                    self.empty(&mut pipe).await?;
                }
                Err(error) if error.kind() == WouldBlock => {
                    if moved < MUCH {
                        *means = Means::Copy;
                    }
                    return Ok(Turn::Drained);
                }
                Err(error) if is_unable(&error) => {
                    *means = Means::CopyAlways;
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
            match self.to.try_io(Interest::WRITABLE, empty) {
                Ok(moved) => {
                    pipe.filled -= moved;
                    self.connection.moved(self.way, moved as u64);
                }
                Err(error) if error.kind() == WouldBlock => self.until_writable(pipe.filled).await?,
                Err(error) if is_unable(&error) => {
                    // What is in it already has to come out another way.
                    let mut bytes = vec![0; pipe.filled];
                    let read = rustix::io::read(&pipe.reader, &mut bytes)?;
                    pipe.filled -= read;
                    self.write(&bytes[..read]).await?;
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
