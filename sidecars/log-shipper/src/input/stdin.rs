//! Logs that come through a pipe, on stdin: `app | log-shipper -`.

use crate::input::source::Pipe;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use std::io;
use tokio::io::unix::AsyncFd;

pub struct Stdin {
    /// None when it is a file, which is always ready
    ready: Option<AsyncFd<OwnedFd>>,
    fd: OwnedFd,
    pub ended: bool,
}

impl Stdin {
    /// To be made in a runtime.
    ///
    /// # Errors
    /// When there is no stdin.
    pub fn new() -> io::Result<Self> {
        let fd = io::stdin().as_fd().try_clone_to_owned()?;
        // Files cannot be waited for; they need not be, either.
        #[expect(
            deprecated,
            reason = "its other form is unsafe, and an owned descriptor stays open as long as it must"
        )]
        let ready = AsyncFd::new(fd.try_clone()?).ok();
        if ready.is_some() {
            fcntl_setfl(&fd, fcntl_getfl(&fd)? | OFlags::NONBLOCK)?;
        }
        Ok(Self { ready, fd, ended: false })
    }

    /// Waits for bytes, or the end.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn wait(&self) -> io::Result<()> {
        if self.ended {
            return std::future::pending().await;
        }
        if let Some(ready) = &self.ready {
            ready.readable().await?.retain_ready();
        }
        Ok(())
    }

    /// Puts what is there into `pipe`, `most` bytes of it. Returns whether there was anything.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&mut self, pipe: &mut Pipe, most: usize) -> io::Result<bool> {
        let mut piece = [0; 16 << 10];
        let mut any = false;
        while !self.ended && pipe.len() < most {
            match rustix::io::read(&self.fd, &mut piece) {
                Ok(0) => self.ended = true,
                Ok(read) => pipe.push(&piece[..read]),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {
                    if let Some(ready) = &self.ready {
                        // Nothing is there: the next wait is for the kernel to say so.
                        let _ = ready
                            .try_io(tokio::io::Interest::READABLE, |_| Err::<(), _>(io::ErrorKind::WouldBlock.into()));
                    }
                    break;
                }
                Err(error) => return Err(error.into()),
            }
            any = true;
        }
        Ok(any)
    }
}
