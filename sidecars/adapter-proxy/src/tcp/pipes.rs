//! Pipes, for splice(2): the kernel moves pages through them that nobody copies.
//!
//! Their memory counts against the user, who has 64 MiB on a node, whatever the number of pods (pipe(7),
//! `pipe-user-pages-soft`); with more than that, new pipes are of a page or two. So there are few of them, they are
//! shared by all connections, and they go when they are not needed.

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with};
use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::sleep;

/// At a time. A connection has one while the other side does not take what is in it, so that is what so many slow
/// readers take.
const MAX: usize = 16;
/// What a pipe should hold. Larger ones take `CAP_SYS_RESOURCE`.
const SIZES: [usize; 2] = [1 << 20, 256 << 10];
/// Smaller than that, a pipe costs more than it saves. It is what the kernel gives unasked to who has not had too much.
const SMALLEST: usize = 64 << 10;
/// A pipe that was not used for so long is closed, and where there was none one is asked for again.
const LINGER: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Pipes {
    free: RefCell<Vec<Rc<Pipe>>>,
    /// All that there are, free or not
    made: Cell<usize>,
    used: Cell<Option<Instant>>,
    refused: Cell<Option<Instant>>,
    given_back: Notify,
}

pub struct Pipe {
    pub reader: OwnedFd,
    pub writer: OwnedFd,
    /// In bytes, if its pages are full
    pub size: usize,
}

/// A pipe from the pool. It returns there when it is dropped, if nothing is in it.
pub struct Taken<'a> {
    pipes: &'a Pipes,
    pipe: Rc<Pipe>,
    /// Bytes in it, which who moves them counts
    pub filled: usize,
}

impl Pipes {
    /// An empty one; `None` when there are too many already, or the kernel gives none that is worth it.
    pub fn take(&self) -> Option<Taken<'_>> {
        let free = self.free.borrow_mut().pop();
        let pipe = free.or_else(|| self.make())?;
        Some(Taken { pipes: self, pipe, filled: 0 })
    }

    /// How many there are.
    pub fn made(&self) -> usize {
        self.made.get()
    }

    fn make(&self) -> Option<Rc<Pipe>> {
        let waits = self.refused.get().is_some_and(|refused| refused.elapsed() < LINGER);
        if waits || self.made.get() == MAX {
            return None;
        }
        match Pipe::new() {
            Ok(pipe) if pipe.size >= SMALLEST => {
                self.made.set(self.made.get() + 1);
                Some(Rc::new(pipe))
            }
            _ => {
                self.refused.set(Some(Instant::now()));
                None
            }
        }
    }

    /// Closes those that are not used any more, for ever.
    pub async fn tidy(&self) {
        loop {
            self.given_back.notified().await;
            while self.used.get().is_some_and(|used| used.elapsed() < LINGER) {
                sleep(LINGER).await;
            }
            let closed = self.free.take().len();
            self.made.set(self.made.get() - closed);
        }
    }
}

impl Pipe {
    fn new() -> Result<Self, Errno> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let grown = SIZES.iter().find_map(|size| fcntl_setpipe_size(&writer, *size).ok());
        let size = grown.map_or_else(|| fcntl_getpipe_size(&writer), Ok)?;
        Ok(Self { reader, writer, size })
    }
}

impl Deref for Taken<'_> {
    type Target = Pipe;

    fn deref(&self) -> &Pipe {
        &self.pipe
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.filled > 0 {
            self.pipes.made.set(self.pipes.made.get() - 1); // and it is closed
            return;
        }
        self.pipes.used.set(Some(Instant::now()));
        self.pipes.free.borrow_mut().push(self.pipe.clone());
        self.pipes.given_back.notify_one();
    }
}
