//! For pipes, and for a look at what would be shipped.

use super::counters::Counters;
use crate::batch::Batch;
use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, write};
use std::fs::File;
use std::io::stdout;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use tokio::task::spawn_blocking;

pub struct Stdout {
    /// The same as fd 1, without the buffer that std puts before it
    file: Arc<File>,
    pub(super) counters: Counters,
}

impl Stdout {
    pub(super) fn new() -> Result<Self> {
        let file = stdout().as_fd().try_clone_to_owned().context("stdout is not open")?;
        Ok(Self { file: Arc::new(file.into()), counters: Counters::default() })
    }

    /// Returns when all is written. Whoever reads it may take their time, so it is written beside the one thread; and what
    /// is being written cannot be given up: see [`super::Sink::is_final`].
    pub(super) async fn deliver(&self, batch: Batch) -> Result<Batch> {
        let file = self.file.clone();
        let write = move || write_all(file.as_fd(), &batch.body).map(|()| batch);
        let mut batch = spawn_blocking(write).await?.context("cannot write to stdout")?;
        self.counters.delivered(batch.items);
        self.counters.bytes.add(batch.body.len() as u64);
        batch.clear_events();
        Ok(batch)
    }
}

fn write_all(file: BorrowedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match write(file, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            // Whoever is at the other end of a terminal or a socket may have made it non-blocking, for us, too.
            Err(Errno::AGAIN) => match poll(&mut [PollFd::new(&file, PollFlags::OUT)], None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::write_all;
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    use rustix::io::Errno;
    use std::io::{Read, pipe};
    use std::os::fd::AsFd;
    use std::thread;

    #[test]
    fn a_slow_reader_is_waited_for_also_when_it_is_non_blocking() {
        let (mut reader, writer) = pipe().unwrap();
        fcntl_setfl(&writer, fcntl_getfl(&writer).unwrap() | OFlags::NONBLOCK).unwrap();
        let lines = "a line\n".repeat(100_000);
        let read = thread::spawn(move || {
            let mut read = String::new();
            reader.read_to_string(&mut read).map(|_| read)
        });
        write_all(writer.as_fd(), lines.as_bytes()).unwrap();
        drop(writer);
        assert_eq!(read.join().unwrap().unwrap(), lines);
    }

    #[test]
    fn a_closed_pipe_is_an_error() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        assert_eq!(write_all(writer.as_fd(), b"a line\n"), Err(Errno::PIPE));
    }
}
