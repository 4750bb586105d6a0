//! A worker as the proxy sees it.

use super::frame::{Job, Made, read_answer};
use crate::body::Unfit;
use std::io::{self, ErrorKind, IoSlice};
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

/// One that runs; it is killed when this is dropped.
pub struct Process {
    child: Option<Child>,
    socket: Option<UnixStream>,
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
        let mut process = Self { child: Some(child), socket: Some(socket), graves: graves.clone() };
        match timeout(START, process.begin(configuration.as_bytes())).await {
            Ok(Ok(())) => Ok(process),
            Ok(Err(error)) => Err(io::Error::other(process.why(&error))),
            Err(_) => Err(ErrorKind::TimedOut.into()),
        }
    }

    async fn begin(&self, configuration: &[u8]) -> io::Result<()> {
        let socket = self.socket()?;
        let length = u32::try_from(configuration.len()).map_err(io::Error::other)?;
        write_all(socket, &[&length.to_ne_bytes(), configuration]).await?;
        read_frame(socket, 0).await.map(drop)
    }

    /// Has it do something, and waits for that.
    ///
    /// # Errors
    /// When it is gone, or says something that is more than `most` bytes.
    pub async fn ask(&self, job: &Job<'_>, most: usize) -> io::Result<Result<Made, Unfit>> {
        let socket = self.socket()?;
        let head = job.head().ok_or_else(|| io::Error::other("the body is too large for a worker"))?;
        write_all(socket, &[&head, job.variables, job.body]).await?;
        // Besides what was made there are some bytes, and errors that tell where.
        let frame = read_frame(socket, most.saturating_add(4096)).await?;
        read_answer(&frame).ok_or_else(|| ErrorKind::InvalidData.into())
    }

    /// Whether it is there yet, of one that is to say nothing: somebody else may have killed it.
    pub fn lives(&self) -> bool {
        let nothing = self.socket().and_then(|socket| socket.try_read(&mut [0; 1]));
        nothing.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
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

async fn write_all(socket: &UnixStream, parts: &[&[u8]]) -> io::Result<()> {
    let mut slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut slices = &mut slices[..];
    IoSlice::advance_slices(&mut slices, 0); // past those that are empty
    while !slices.is_empty() {
        match socket.try_write_vectored(slices) {
            Ok(count) => IoSlice::advance_slices(&mut slices, count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => socket.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Without its length. One that says it is longer than `most` is none of a worker's that is well.
async fn read_frame(socket: &UnixStream, most: usize) -> io::Result<Vec<u8>> {
    let mut frame = Vec::with_capacity(4 << 10);
    let mut rest = None;
    loop {
        match socket.try_read_buf(&mut frame) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                socket.readable().await?;
                continue;
            }
            Err(error) => return Err(error),
        }
        if rest.is_none()
            && let Some(length) = frame.first_chunk()
        {
            let length = u32::from_ne_bytes(*length) as usize;
            if length > most {
                return Err(ErrorKind::InvalidData.into());
            }
            rest = Some(length);
            frame.drain(..4);
            frame.reserve_exact(length.saturating_sub(frame.len()));
        }
        if rest.is_some_and(|rest| frame.len() >= rest) {
            return Ok(frame);
        }
    }
}
