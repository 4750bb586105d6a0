//! A worker as the proxy sees it.

use super::frame::{Made, read_answer};
use crate::body::Unfit;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::net;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::timeout;

/// The argument that makes this program a worker.
pub const ARGUMENT: &str = "worker";

/// For a process to begin, and to compile its filters.
const START: Duration = Duration::from_secs(10);

/// So much is read at a time, at least.
const READ: usize = 16 << 10;

/// One that runs; it is killed when this is dropped.
pub struct Process {
    child: Option<Child>,
    socket: Option<UnixStream>,
    /// What was read, and is no whole answer yet
    input: Vec<u8>,
    graves: UnboundedSender<Killed>,
}

/// One that was killed, and its socket, which is closed when it has ended.
pub type Killed = (Child, UnixStream);

impl Process {
    /// Starts one, and waits until it is ready.
    ///
    /// # Errors
    /// When there is no memory for it, say.
    pub async fn start(configuration: &str, graves: &UnboundedSender<Killed>) -> io::Result<Self> {
        let (ours, theirs) = net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let socket = UnixStream::from_std(ours)?;
        let child = Command::new("/proc/self/exe")
            .arg(ARGUMENT)
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut process = Self { child: Some(child), socket: Some(socket), input: vec![], graves: graves.clone() };
        match timeout(START, process.begin(configuration.as_bytes())).await {
            Ok(Ok(())) => Ok(process),
            Ok(Err(error)) => Err(io::Error::other(process.why(&error))),
            Err(_) => Err(ErrorKind::TimedOut.into()),
        }
    }

    async fn begin(&mut self, configuration: &[u8]) -> io::Result<()> {
        let length = u32::try_from(configuration.len()).map_err(io::Error::other)?;
        self.send(&length.to_ne_bytes()).await?;
        self.send(configuration).await?;
        self.frame(0).await?;
        self.input.clear();
        Ok(())
    }

    /// # Errors
    /// When it is gone.
    pub async fn send(&self, mut bytes: &[u8]) -> io::Result<()> {
        let socket = self.socket()?;
        while !bytes.is_empty() {
            match socket.try_write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => socket.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Its next answer.
    ///
    /// # Errors
    /// When it is gone, or says something of more than `most` bytes.
    pub async fn answer(&mut self, most: usize) -> io::Result<Result<Made, Unfit>> {
        // Besides what was made there are some bytes, and errors that tell where.
        let frame = self.frame(most.saturating_add(64 << 10)).await?;
        let answer = frame.get(4..).and_then(read_answer).ok_or(ErrorKind::InvalidData)?;
        let length = frame.len();
        self.input.drain(..length);
        Ok(answer)
    }

    /// The next frame, with its length; it stays in front of what was read. One that says it is longer than `most` is none
    /// of a worker's that is well.
    async fn frame(&mut self, most: usize) -> io::Result<&[u8]> {
        let socket = self.socket.as_ref().ok_or(ErrorKind::NotConnected)?;
        loop {
            let length = self.input.first_chunk().map(|length| u32::from_ne_bytes(*length) as usize);
            match length {
                Some(length) if length > most => return Err(ErrorKind::InvalidData.into()),
                Some(length) if self.input.len() >= length + 4 => return Ok(&self.input[..length + 4]),
                Some(length) => self.input.reserve(length + 4 - self.input.len()),
                None => self.input.reserve(READ),
            }
            match socket.try_read_buf(&mut self.input) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => socket.readable().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns when it is gone, of one that has nothing to say: somebody else may have killed it.
    pub async fn gone(&self) {
        let Some(socket) = &self.socket else { return };
        while socket.readable().await.is_ok() {
            match socket.try_read(&mut [0; 1]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                _ => return,
            }
        }
    }

    fn socket(&self) -> io::Result<&UnixStream> {
        self.socket.as_ref().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// What became of it, when its socket says no more than that it is closed.
    pub fn why(&mut self, error: &io::Error) -> String {
        let closed =
            matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
        if !closed {
            return error.to_string();
        }
        // Its memory was given back before its socket was closed, so that there is next to nothing to wait for.
        match self.child.take().map(|mut child| child.wait()) {
            Some(Ok(status)) => ended(status),
            _ => error.to_string(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let (Some(mut child), Some(socket)) = (self.child.take(), self.socket.take()) {
            // It may have ended.
            let _ = child.kill();
            let _ = self.graves.send((child, socket));
        }
    }
}

/// Waits for the ends of those that were killed: the kernel takes its time to give their memory back.
pub async fn bury(mut killed: UnboundedReceiver<Killed>) {
    while let Some((mut child, socket)) = killed.recv().await {
        while socket.readable().await.is_ok() {
            match socket.try_read(&mut [0; 4096]) {
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(0) | Err(_) => break,
            }
        }
        let _ = child.wait();
    }
}

fn ended(status: ExitStatus) -> String {
    match status.signal() {
        Some(6 | 11) => "it takes more memory or a deeper recursion than there is".into(),
        Some(9) => "its process was killed, perhaps for want of memory".into(),
        _ => format!("its process ended: {status}"),
    }
}
