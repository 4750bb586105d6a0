//! log-shipper from outside: logs to be written, a run of the program, and what must have come of it.

use crate::elasticsearch::Server;
use crate::launch::Launch;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub use crate::sidecar::{Ended, Sidecar as Shipper, free_port, get, metric, output, refuse, run, succeed, with};

/// Where documents go when nothing else is said.
pub const STREAM: &str = "logs-app-default";

/// log-shipper with these arguments, to be started; without an admin endpoint unless they say where.
pub fn launch(arguments: &[&dyn AsRef<OsStr>]) -> Launch {
    with(Launch::new(&crate::program("log-shipper")).env("LOG_SHIPPER_ADMIN", "off"), arguments)
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

    /// The same, run by one who owns nothing, and may write only what it has to.
    ///
    /// # Panics
    /// If that cannot be allowed.
    pub fn ship_as_other(&self, server: &Server, more: &[&dyn AsRef<OsStr>]) -> Launch {
        for path in [self.home.path(), &self.state] {
            fs::set_permissions(path, Permissions::from_mode(0o777)).expect("a directory");
        }
        self.ship(server, more).as_user(65532, 65532, None)
    }

    /// # Panics
    /// If there is no such log.
    pub fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.log(name), Permissions::from_mode(mode)).expect("a log");
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
