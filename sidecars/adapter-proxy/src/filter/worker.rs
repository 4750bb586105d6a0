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
use std::time::{Duration, Instant};

/// Answers are sent together, as long as they are no more than so many bytes …
const TOGETHER: usize = 64 << 10;

/// … and that takes no longer.
const SOON: Duration = Duration::from_micros(200);

/// Serves the proxy that started this process, over its standard input.
///
/// # Errors
/// When that is none.
pub fn work() -> Result<()> {
    // It might be busy when the proxy is killed.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    anyhow::ensure!(getppid().is_some(), "started by nobody");
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut proxy = Proxy { socket, buffer: vec![0; 64 << 10], start: 0, end: 0 };
    let tasks = tasks(proxy.frame()?.context("told nothing")?)?;
    proxy.socket.write_all(&[0; 4])?; // it is ready
    let (mut answers, mut is_worn, mut begun) = (vec![], false, Instant::now());
    while let Some(frame) = proxy.frame()? {
        let job = Job::read(frame).context("a job that is none")?;
        let made = tasks.run(&job);
        is_worn |= wears(frame.len() + 4, &made);
        write_answer(&made, &mut answers);
        // To wake the proxy costs more than most bodies do, but it is not to be left in doubt.
        let is_last = !proxy.has_more();
        if is_last || answers.len() > TOGETHER || begun.elapsed() > SOON {
            proxy.socket.write_all(&answers)?;
            answers.clear();
        }
        if is_last {
            if is_worn {
                break;
            }
            proxy.wait()?;
            begun = Instant::now();
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
    /// What was read is from `start` to `end`
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Proxy {
    /// The length of the next frame, with what tells it, if that is there.
    fn length(&self) -> Option<usize> {
        let length = self.buffer[self.start..self.end].first_chunk()?;
        Some(u32::from_ne_bytes(*length) as usize + 4)
    }

    /// Whether there is a whole frame.
    fn has_more(&self) -> bool {
        self.length().is_some_and(|length| self.end - self.start >= length)
    }

    /// The next one, without its length; `None` at the end.
    fn frame(&mut self) -> Result<Option<&[u8]>> {
        while !self.has_more() {
            if !self.read()? {
                anyhow::ensure!(self.start == self.end, "cut off");
                return Ok(None);
            }
        }
        let (start, length) = (self.start, self.length().unwrap_or_default());
        self.start += length;
        Ok(self.buffer.get(start + 4..start + length))
    }

    /// Returns when there is something, or the end.
    fn wait(&mut self) -> Result<()> {
        if self.start == self.end {
            self.read()?;
        }
        Ok(())
    }

    /// Reads what there is; `false` at the end.
    fn read(&mut self) -> Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let room = self.length().unwrap_or_default().max(self.end + 1);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        loop {
            match self.socket.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
