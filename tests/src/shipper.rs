//! log-shipper from outside: logs to be written, a run of the program, and what must have come of it.

use crate::elasticsearch::Server;
use crate::launch::{Launch, pipe};
use crate::process::{DEADLINE, Process, until};
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Where documents go when nothing else is said.
pub const STREAM: &str = "logs-app-default";

/// log-shipper with these arguments, to be started; without an admin endpoint unless they say where.
pub fn launch(arguments: &[&dyn AsRef<OsStr>]) -> Launch {
    with(Launch::new(&crate::program("log-shipper")).env("LOG_SHIPPER_ADMIN", "off"), arguments)
}

/// More arguments.
pub fn with(launch: Launch, arguments: &[&dyn AsRef<OsStr>]) -> Launch {
    arguments.iter().fold(launch, |launch, argument| launch.arg((*argument).as_ref().as_bytes()))
}

/// Numbered lines, of about 100 bytes each.
pub fn lines(numbers: Range<u64>) -> String {
    let mut text = String::new();
    for number in numbers {
        let _ = writeln!(
            text,
            "2026-11-21 18:03:02,123 INFO n={number:08} [main] com.example.App: the quick brown fox jumps"
        );
    }
    text
}

/// A pod's logs, and the shipper's state.
pub struct Place {
    home: tempfile::TempDir,
    pub logs: PathBuf,
    pub state: PathBuf,
}

impl Place {
    /// # Panics
    /// If there is no place for it.
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        Self::on(&std::env::temp_dir())
    }

    /// The same on the volume of a directory.
    ///
    /// # Panics
    /// If there is no place for it.
    pub fn on(volume: &Path) -> Self {
        let home = tempfile::tempdir_in(volume).expect("a directory");
        let [logs, state] = ["logs", "state"].map(|name| home.path().join(name));
        for directory in [&logs, &state] {
            fs::create_dir(directory).expect("a new directory");
        }
        Self { home, logs, state }
    }

    /// A file beside the logs.
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A log.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs.join(name)
    }

    /// Appends to a log in one write, and makes it if there is none.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.log(name);
        fs::create_dir_all(path.parent().expect("a file's path")).expect("a directory");
        let mut log = File::options().create(true).append(true).open(&path).expect("a log");
        log.write_all(text.as_ref()).expect("a log that can be written");
    }

    /// # Panics
    /// If there is no such log.
    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.log(from), self.log(to)).expect("a log");
    }

    /// As logrotate does it with `copytruncate`.
    ///
    /// # Panics
    /// If there is no such log.
    pub fn copy_and_truncate(&self, from: &str, to: &str) {
        fs::copy(self.log(from), self.log(to)).expect("a log");
        self.truncate(from);
    }

    /// # Panics
    /// If there is no such log.
    pub fn truncate(&self, name: &str) {
        File::options().write(true).open(self.log(name)).and_then(|log| log.set_len(0)).expect("a log");
    }

    /// A shipper of all `*.log` to `server`.
    pub fn ship(&self, server: &Server, more: &[&dyn AsRef<OsStr>]) -> Launch {
        let pattern = self.log("*.log");
        with(self.to(&server.url(), more), &[&pattern])
    }

    /// So many logs, `00000.log` and so on, with a line each.
    ///
    /// # Panics
    /// If one cannot be written.
    pub fn one_line_each(&self, count: u64) {
        for number in 0..count {
            fs::write(self.log(&format!("{number:05}.log")), lines(number..number + 1)).expect("a log");
        }
    }

    /// A shipper to `to` that has not been told what.
    pub fn to(&self, to: &str, more: &[&dyn AsRef<OsStr>]) -> Launch {
        with(launch(&[&"--to", &to, &"--state", &self.state]), more)
    }

    /// A shipper of what this file of configuration says. `LOGS`, `STATE` and `HOME` in it stand for the directories.
    pub fn configured(&self, config: &str, more: &[&dyn AsRef<OsStr>]) -> Launch {
        let path = self.configure(config);
        with(launch(&[&"--config", &path, &"--state", &self.state]), more)
    }

    /// Writes the file of configuration, as an editor does: another one takes its name.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn configure(&self, config: &str) -> PathBuf {
        let (path, new) = (self.file("config.yaml"), self.file("config.yaml.new"));
        let places = [("LOGS", &*self.logs), ("STATE", &*self.state), ("HOME", self.home.path())];
        let config = places
            .iter()
            .fold(config.to_owned(), |config, (name, path)| config.replace(name, &path.display().to_string()));
        fs::write(&new, config).and_then(|()| fs::rename(&new, &path)).expect("a file of configuration");
        path
    }
}

/// A running shipper; killed when dropped.
pub struct Shipper {
    process: Process,
    said: Arc<Said>,
    listener: Option<JoinHandle<()>>,
}

impl Drop for Shipper {
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

impl Shipper {
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
    Shipper::start(launch).end()
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
    let shipper = Shipper::start(launch.redirected(1, writer));
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

/// All numbered lines are stored, once each, and nothing else.
///
/// # Panics
/// If not.
pub fn expect_all(server: &Server, count: u64) {
    server.with(|state| {
        let (numbers, stored) = (&state.store.numbers, state.store.stored());
        let missing: Vec<_> = numbers.missing(count).collect();
        assert!(missing.is_empty(), "{} of {count} lost, the first is {}", missing.len(), missing[0]);
        assert_eq!((numbers.extra(), stored), (0, count), "stored twice, and stored in all");
    });
}

/// The lines of a log came in their order.
///
/// # Panics
/// If not.
pub fn expect_order(server: &Server) {
    let messages = server.with(|state| state.store.messages(STREAM));
    let disorder = messages.windows(2).find(|pair| pair[0] >= pair[1]);
    assert_eq!(disorder, None);
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
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
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
