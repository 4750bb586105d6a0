//! A signal that wakes up what waits for it: the handler writes a byte to a socket, whose other end stays readable.

use anyhow::{Context, Result};
use signal_hook::low_level::pipe;
use std::ffi::c_int;
use std::io::ErrorKind::WouldBlock;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net;

pub struct Wake {
    socket: UnixStream,
    /// Made when it is first waited for: only then there is a runtime.
    waiting: OnceLock<Option<net::UnixStream>>,
}

impl Wake {
    pub fn at(signals: &[c_int]) -> Result<Self> {
        let pair = || {
            let (socket, written) = UnixStream::pair()?;
            socket.set_nonblocking(true)?;
            for &signal in signals {
                pipe::register(signal, written.try_clone()?)?;
            }
            Ok::<_, std::io::Error>(socket)
        };
        Ok(Self { socket: pair().context("cannot handle signals")?, waiting: OnceLock::new() })
    }

    /// Resolves when there has been a signal, for any number of callers, and now and then for nothing. `already` says
    /// whether there was one.
    pub async fn up(&self, already: impl Fn() -> bool) {
        let waiting = || self.socket.try_clone().and_then(net::UnixStream::from_std).ok();
        let Some(waiting) = self.waiting.get_or_init(waiting) else {
            // There was no descriptor left to wait with.
            return tokio::time::sleep(Duration::from_millis(200)).await;
        };
        if waiting.readable().await.is_ok() {
            // Nobody reads the byte, so that everyone is woken up. If there is none, it was a false alarm of epoll's.
            let _ = waiting.try_io(Interest::READABLE, || if already() { Ok(()) } else { Err(WouldBlock.into()) });
        }
    }
}
