//! The shippers, and how each is told what to do.

use super::cost::{Cost, cost};
use super::lines::{COUNT, Lines};
use super::sink::{Brought, Sink};
use crate::running::mortal;
use anyhow::{Context, Result, ensure};
use nix::unistd::Pid;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

pub struct Shipper {
    pub name: &'static str,
    kind: Kind,
    to: To,
    /// Lines per CPU second that it should ship, in millions
    pub asked: Option<f64>,
}

#[derive(Clone, Copy)]
enum Kind {
    /// With these arguments more
    LogShipper(&'static [&'static str]),
    Rsyslog,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Null,
    Elasticsearch,
}

/// Reads and throws away.
pub fn to_null() -> Vec<Shipper> {
    vec![
        Shipper { name: "log-shipper", kind: Kind::LogShipper(&[]), to: To::Null, asked: Some(15.0) },
        Shipper { name: "rsyslog", kind: Kind::Rsyslog, to: To::Null, asked: None },
    ]
}

pub fn to_elasticsearch() -> Vec<Shipper> {
    let ours = |name, arguments, asked| Shipper {
        name,
        kind: Kind::LogShipper(arguments),
        to: To::Elasticsearch,
        asked: Some(asked),
    };
    vec![
        ours("log-shipper", &[], 3.5),
        ours("log-shipper --compress zstd", &["--compress", "zstd"], 1.2),
        ours("log-shipper --compress gzip", &["--compress", "gzip"], 0.9),
        rsyslog(),
    ]
}

pub fn log_shipper() -> Shipper {
    Shipper { name: "log-shipper", kind: Kind::LogShipper(&[]), to: To::Elasticsearch, asked: None }
}

pub fn rsyslog() -> Shipper {
    Shipper { name: "rsyslog", kind: Kind::Rsyslog, to: To::Elasticsearch, asked: None }
}

impl Shipper {
    /// Ships all lines.
    ///
    /// # Errors
    /// If it fails, or some do not come.
    pub fn ship(&self, lines: &Lines, sink: &Sink, keep: bool) -> Result<(Cost, Brought)> {
        sink.forget(keep);
        let home = home()?;
        let mut command = self.command(&lines.file, home.path(), sink.address)?;
        let cost = match self.kind {
            Kind::LogShipper(_) => cost(command.arg("--once"), |_| sink.has_failed()),
            Kind::Rsyslog if self.to == To::Null => {
                let size = lines.file.metadata()?.len();
                // It goes on with what it has in its queue before it ends.
                cost(&mut command, |pid| position(pid, &lines.file) == Some(size))
            }
            Kind::Rsyslog => cost(&mut command, |_| sink.documents() >= COUNT || sink.has_failed()),
        };
        let cost = cost.with_context(|| format!("{} fails", self.name))?;
        let brought = sink.brought()?;
        let expected = if self.to == To::Null { 0 } else { COUNT };
        ensure!(brought.documents == expected, "{} brings {} lines of {expected}", self.name, brought.documents);
        Ok((cost, brought))
    }

    /// Follows `file` until it is asked to end. `home` is an empty directory for what it has to remember.
    ///
    /// # Errors
    /// If there is no writing in `home`.
    pub fn command(&self, file: &Path, home: &Path, sink: SocketAddr) -> Result<Command> {
        match self.kind {
            Kind::LogShipper(arguments) => {
                let to = if self.to == To::Null { "null".into() } else { format!("http://{sink}") };
                let mut command = mortal(e2e::program("log-shipper"));
                command.arg(file).args(["--to", &to, "--admin", "off"]).args(arguments).arg("--state").arg(home);
                Ok(command)
            }
            Kind::Rsyslog => {
                let configuration = home.join("rsyslog.conf");
                fs::write(&configuration, self.configuration(file, home, sink))?;
                let mut command = mortal("rsyslogd");
                command.arg("-n").arg("-f").arg(&configuration).arg("-i").arg(home.join("pid"));
                Ok(command)
            }
        }
    }

    /// As its manual has it, with bulks of 1,024 documents.
    fn configuration(&self, file: &Path, home: &Path, sink: SocketAddr) -> String {
        let (file, home, port) = (file.display(), home.display(), sink.port());
        let action = match self.to {
            // It refuses to have nothing to do: this is the least that it can be told.
            To::Null => r#"action(type="omfile" file="/dev/null" template="bare")"#.into(),
            To::Elasticsearch => format!(
                r#"action(type="omelasticsearch" server="127.0.0.1" serverport="{port}" bulkmode="on"
                    template="document" searchIndex="logs-app-default" searchType="" esVersion.major="8")"#
            ),
        };
        format!(
            r#"module(load="imfile")
            module(load="omelasticsearch")
            global(workDirectory="{home}")
            main_queue(queue.dequeueBatchSize="1024" queue.timeoutShutdown="60000")
            template(name="bare" type="string" string="%rawmsg%\n")
            template(name="document" type="list" option.jsonf="on") {{
                property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
                property(outname="message" name="msg" format="jsonf")
                property(outname="path" name="$!metadata!filename" format="jsonf")
            }}
            input(type="imfile" file="{file}" tag="app" addMetadata="on" ruleset="ship")
            ruleset(name="ship") {{ {action} }}
            "#
        )
    }
}

/// On a disk, as positions have to be.
///
/// # Errors
/// If there is no place.
pub fn home() -> Result<tempfile::TempDir> {
    Ok(tempfile::tempdir_in(e2e::workspace("target").canonicalize()?)?)
}

/// How far a process has read a file, which it may have open more than once.
fn position(pid: Pid, file: &Path) -> Option<u64> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let its = descriptors.filter(|entry| fs::read_link(entry.path()).is_ok_and(|to| to == file));
    its.filter_map(|entry| {
        let text = fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", entry.file_name().display())).ok()?;
        text.lines().find_map(|line| line.strip_prefix("pos:")?.trim().parse().ok())
    })
    .max()
}
