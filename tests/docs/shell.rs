//! A shell that a page's sessions are typed into: in a directory of its own, with the programs in its PATH, and with a
//! `/tmp`, a network and processes that nobody else sees, so that pages are alike whatever runs beside them.

use anyhow::{Context, Result, bail, ensure};
use e2e::launch::{Launch, pipe};
use e2e::mounts::Tmpfs;
use e2e::network;
use e2e::process::{DEADLINE, Process};
use e2e::session::{Step, matches};
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Follows the output of each command. No program prints it.
const END: &str = "\u{1}end\n";

/// What runs in the background may print so long after the command that makes it do so.
const LATE: Duration = Duration::from_secs(10);

pub struct Shell {
    /// PID 1 of what it starts, which ends with it
    _process: Process,
    directory: PathBuf,
    typed: File,
    screen: File,
    printed: String,
    _files: Tmpfs,
}

impl Shell {
    /// Gives this thread namespaces of its own.
    pub fn start() -> Result<Self> {
        // Opened now: the repository may be in the /tmp that is about to be covered.
        let programs: Vec<(OsString, File)> = fs::read_dir(e2e::program("pause").parent().expect("a directory"))?
            .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), File::open(entry.path())?))))
            .collect::<io::Result<_>>()?;
        network::enter()?;
        let files = Tmpfs::new("mode=0755");
        mount(Some(files.path()), "/tmp", None::<&str>, MsFlags::MS_BIND, None::<&str>).context("a /tmp of its own")?;
        let [bin, directory] = ["bin", "home"].map(|name| Path::new("/tmp").join(name));
        fs::create_dir(&bin)?;
        fs::create_dir(&directory)?;
        for (name, program) in programs {
            // Who writes a program must have ended before somebody runs it.
            let mut install = Command::new("install");
            let status = install.args(["-m", "755", "/dev/stdin"]).arg(bin.join(name)).stdin(program).status()?;
            ensure!(status.success(), "install fails: {status}");
        }
        let [(script, typed), (screen, printed)] = [pipe()?, pipe()?];
        let path = format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", bin.display());
        let shell = Launch::new(Path::new("/bin/bash"))
            .arg("--noprofile")
            .arg("--norc")
            .env("PATH", &path)
            .env("HOME", &directory.display().to_string())
            .env("LC_ALL", "C.UTF-8")
            .in_directory(&directory)
            .as_pid_1()
            .redirected(0, script)
            .redirected(1, printed.try_clone()?)
            .redirected(2, printed);
        let process = shell.spawn().context("bash")?;
        Ok(Self {
            _process: process,
            directory,
            typed: typed.into(),
            screen: screen.into(),
            printed: String::new(),
            _files: files,
        })
    }

    /// A file that the page has its reader save.
    pub fn save(&self, name: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.directory.join(name), text)?)
    }

    /// Types the command, and expects its output.
    pub fn run(&mut self, Step { command, output }: &Step) -> Result<()> {
        // Not from the script itself, which a command might read.
        write!(self.typed, "{{ {command}\n}} < /dev/null\nprintf '\\001end\\n'\n")?;
        let deadline = Instant::now() + DEADLINE;
        while !self.printed.contains(END) {
            if !self.look(deadline)? {
                bail!("`{command}` does not end; it prints\n{}", self.printed);
            }
        }
        self.printed = self.printed.replacen(END, "", 1);
        let deadline = Instant::now() + LATE;
        while !matches(&self.printed, output) {
            if !self.look(deadline)? {
                bail!("`{command}` prints\n{}and not\n{output}", self.printed);
            }
        }
        self.printed.clear();
        Ok(())
    }

    /// Reads what is printed next. There is nothing more when the deadline is over.
    fn look(&mut self, deadline: Instant) -> Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut screen = [PollFd::new(self.screen.as_fd(), PollFlags::POLLIN)];
        if poll(&mut screen, PollTimeout::try_from(left)?)? == 0 {
            return Ok(false);
        }
        let mut buffer = [0; 4096];
        let length = self.screen.read(&mut buffer)?;
        // As a terminal shows it.
        self.printed += &String::from_utf8_lossy(&buffer[..length]).replace(['\r', '\0'], "");
        Ok(length > 0)
    }
}
