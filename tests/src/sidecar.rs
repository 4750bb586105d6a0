//! A long-running sidecar from outside: started, listened to, asked to end.

use crate::launch::{Launch, pipe};
use crate::process::{DEADLINE, Process, until};
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// More arguments.
pub fn with(launch: Launch, arguments: &[&dyn AsRef<OsStr>]) -> Launch {
    arguments.iter().fold(launch, |launch, argument| launch.arg((*argument).as_ref().as_bytes()))
}

/// A running sidecar; killed when dropped.
pub struct Sidecar {
    process: Process,
    said: Arc<Said>,
    listener: Option<JoinHandle<()>>,
}

impl Drop for Sidecar {
    /// What it said may tell why a test fails.
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.said());
        }
    }
}

#[derive(Default)]
struct Said {
    text: Mutex<String>,
    more: Condvar,
}

/// How a run ended, and all that it said.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stderr: String,
}

impl Sidecar {
    /// # Panics
    /// If the kernel makes no process.
    pub fn start(launch: Launch) -> Self {
        let (stderr, writer) = pipe().expect("a pipe");
        let process = launch.redirected(2, writer).spawn().expect("a process");
        let said = Arc::new(Said::default());
        let listener = thread::spawn({
            let said = said.clone();
            move || said.listen(stderr)
        });
        Self { process, said, listener: Some(listener) }
    }

    /// Waits until it has said `what` on stderr.
    ///
    /// # Panics
    /// If it does not within [`DEADLINE`].
    pub fn until_said(&self, what: &str) {
        let said = self.said.text.lock().expect("the listener is well");
        let waited = self.said.more.wait_timeout_while(said, DEADLINE, |said| !said.contains(what));
        let (said, timeout) = waited.expect("the listener is well");
        // A panic that holds the lock would be another one in `drop`.
        let text = said.clone();
        drop(said);
        assert!(!timeout.timed_out(), "it does not say `{what}`: {text}");
    }

    /// What it has said up to now.
    ///
    /// # Panics
    /// If the listener did.
    pub fn said(&self) -> String {
        self.said.text.lock().expect("the listener is well").clone()
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Does something while the program is stopped, which finds all of that at once.
    pub fn stopped<T>(&self, what: impl FnOnce() -> T) -> T {
        self.signal(Signal::SIGSTOP);
        self.process.until_state('T');
        let done = what();
        self.signal(Signal::SIGCONT);
        done
    }

    /// Ends it as the kernel does that is out of memory.
    pub fn kill(mut self) {
        self.process.signal(Signal::SIGKILL);
        self.process.wait();
    }

    /// Asks it to end, and waits for that.
    pub fn terminate(self) -> Ended {
        self.signal(Signal::SIGTERM);
        self.end()
    }

    /// Asks it to end, and waits so long for that.
    ///
    /// # Panics
    /// If it goes on.
    pub fn terminate_within(self, time: Duration) -> Ended {
        self.signal(Signal::SIGTERM);
        self.process.ends_within(time);
        self.end()
    }

    /// Asks it to end, and expects that nothing is left.
    ///
    /// # Panics
    /// If something is.
    pub fn finish(self) -> String {
        let ended = self.terminate();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stderr
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end, or was killed.
    pub fn end(mut self) -> Ended {
        let status = self.process.wait();
        self.listener.take().map(JoinHandle::join);
        let stderr = self.said();
        let WaitStatus::Exited(_, code) = status else { panic!("it was killed: {status:?}: {stderr}") };
        Ended { code, stderr }
    }

    /// Waits until it is ready, by its admin endpoint.
    pub fn until_ready(&self, admin: SocketAddr) {
        until("it is ready", || get(admin, "/readyz").is_ok_and(|(status, _)| status == 200));
    }

    /// The most that was resident at once, in kB.
    pub fn peak(&self) -> u64 {
        self.process.status("VmHWM")
    }

    /// What is resident now, in kB.
    pub fn resident(&self) -> u64 {
        self.process.status("VmRSS")
    }

    pub fn process(&self) -> &Process {
        &self.process
    }
}

impl Said {
    fn listen(&self, stderr: OwnedFd) {
        let mut stderr = BufReader::new(File::from(stderr));
        let mut line = vec![];
        while matches!(stderr.read_until(b'\n', &mut line), Ok(1..)) {
            self.text.lock().expect("nobody panics with it").push_str(&String::from_utf8_lossy(&line));
            self.more.notify_all();
            line.clear();
        }
    }
}

/// Runs it to its end.
pub fn run(launch: Launch) -> Ended {
    Sidecar::start(launch).end()
}

/// Runs it, and expects it to succeed. Returns what it said.
///
/// # Panics
/// If it fails.
pub fn succeed(launch: Launch) -> String {
    let ended = run(launch);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stderr
}

/// Runs it, and expects it to succeed. Returns what it wrote to stdout.
///
/// # Panics
/// If it fails.
pub fn output(launch: Launch) -> String {
    let (stdout, writer) = pipe().expect("a pipe");
    let shipper = Sidecar::start(launch.redirected(1, writer));
    let mut written = vec![];
    File::from(stdout).read_to_end(&mut written).expect("a pipe");
    let ended = shipper.end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    String::from_utf8(written).expect("text")
}

/// Runs it, and expects it to fail with `code` and to say all of `words`.
///
/// # Panics
/// If it does not.
pub fn refuse(launch: Launch, code: i32, words: &[&str]) -> String {
    let ended = run(launch);
    assert_eq!(ended.code, code, "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "it does not say `{word}`: {}", ended.stderr);
    }
    ended.stderr
}

/// A port on loopback that nobody has, and that nobody else will take: it is of an address that only this process uses,
/// and is given once.
///
/// # Panics
/// If there is none.
pub fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(20_000); // below those that the kernel gives to connections
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let address = Ipv4Addr::new(127, 64 + (high | middle >> 6), middle, low); // Linux has 22 bits of process IDs
    loop {
        let address = (address, NEXT.fetch_add(1, Ordering::Relaxed)).into();
        // To try to listen would leave a listener, for a moment, to the children of other threads.
        if TcpStream::connect(address).is_err() {
            return address;
        }
    }
}

/// Whose processes nobody else counts: one of many for this process.
pub fn user_of_its_own(number: u32) -> u32 {
    100_000 + std::process::id() * 4 + number
}

/// What its admin endpoint answers: the status, and the body.
///
/// # Errors
/// If it does not answer.
///
/// # Panics
/// If it answers something else than HTTP.
pub fn get(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").expect("HTTP");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Ok((status, body.into()))
}

/// A number of a page of metrics: of the first line that begins with `name`.
pub fn metric(page: &str, name: &str) -> Option<f64> {
    let line = page.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}
