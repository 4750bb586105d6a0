//! A process that does what bodies are there for, one after the other, until its socket is closed. It has no environment,
//! no file, and no more memory than it was given.

use super::frame::{Job, wears, write_answer};
use super::tasks::Tasks;
use crate::config::Config;
use anyhow::{Context, Result, anyhow};
use rustix::process::{Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Serves the proxy that started this process, over its standard input.
///
/// # Errors
/// When that is none.
pub fn work() -> Result<()> {
    // It might be busy when the proxy is killed.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    anyhow::ensure!(getppid().is_some(), "started by nobody");
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut proxy = Proxy { socket, buffer: vec![0; 16 << 10] };
    let tasks = tasks(proxy.frame()?.context("told nothing")?)?;
    let mut answer = vec![0; 4];
    proxy.socket.write_all(&answer)?; // it is ready
    while let Some(frame) = proxy.frame()? {
        let job = Job::read(frame).context("a job that is none")?;
        let made = tasks.run(&job);
        let is_last = wears(&job, &made);
        write_answer(&made, &mut answer);
        proxy.socket.write_all(&answer)?;
        if is_last {
            break;
        }
    }
    Ok(())
}

fn tasks(configuration: &[u8]) -> Result<Tasks> {
    let text = std::str::from_utf8(configuration).context("this is for adapter-proxy itself")?;
    let config = Config::parse(Path::new("configuration"), text)?;
    let limit = |what, most: u64| setrlimit(what, Rlimit { current: Some(most), maximum: Some(most) });
    limit(Resource::As, config.filters.memory)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    Tasks::of(&config).map_err(|wrong| anyhow!(wrong))
}

struct Proxy {
    socket: UnixStream,
    buffer: Vec<u8>,
}

impl Proxy {
    /// The next one, without its length; `None` at the end. The proxy sends none before the last one was answered.
    fn frame(&mut self) -> Result<Option<&[u8]>> {
        let mut filled = 0;
        loop {
            let known = self.buffer.first_chunk().filter(|_| filled >= 4);
            if let Some(length) = known.map(|length| u32::from_ne_bytes(*length) as usize + 4) {
                if filled >= length {
                    return Ok(self.buffer.get(4..length));
                }
                if self.buffer.len() < length {
                    self.buffer.resize(length, 0);
                }
            }
            match self.socket.read(&mut self.buffer[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
