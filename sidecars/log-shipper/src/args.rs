//! The command line.

use chassis::admin::Address;
use chassis::args::{Ending, Messages, parse, size};
use chassis::exit::{self, Usage};
use chassis::message;
use chassis::probe::Which;
use clap::{Args, Parser, Subcommand};
use log_shipper::config::{Compress, Config, Elasticsearch, Format, From, Id, Input, Kubernetes, Output, Stdout};
use std::path::PathBuf;
use std::process::ExitCode;

/// What to do.
pub enum Task {
    Ship(Settings),
    Check(Settings),
    Probe(Address, Which),
}

/// Everything this process was told.
pub struct Settings {
    pub config: Config,
    /// Where the configuration is from, if it is a file
    pub file: Option<PathBuf>,
    pub state: PathBuf,
    pub once: bool,
    pub hold_deleted: u64,
    pub ending: Ending,
    pub admin: Address,
}

/// What this process was started for.
///
/// # Errors
/// When there is nothing to do, as [`parse`] says it.
pub fn task() -> Result<Task, ExitCode> {
    let args = parse::<LogShipper>()?;
    message::init("log-shipper", args.messages.log_format);
    let task = match args.command {
        Some(Command::Probe { which }) => Ok(Task::Probe(args.admin, which)),
        Some(Command::Check { options }) => options.settings(args.admin).map(Task::Check),
        None => args.options.settings(args.admin).map(Task::Ship),
    };
    task.map_err(|usage| exit::code(Err(usage.into())))
}

/// Ship a pod's log files, and lose nothing
///
/// FILES are patterns of absolute paths such as '/var/log/app/*.log', in quotes, or `-` for stdin. What is shipped is
/// noted in the state directory once the sink has it, so that nothing is sent twice or forgotten.
#[derive(Parser)]
#[command(name = "log-shipper", version, after_help = EXAMPLES)]
struct LogShipper {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,

    /// The admin endpoint, which answers /livez, /readyz and /metrics, or `off`
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9620", global = true)]
    admin: Address,
    #[command(flatten)]
    messages: Messages,
}

#[derive(Subcommand)]
enum Command {
    /// Show which files match, and what their first lines would become
    Check {
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Ask the admin endpoint of a running log-shipper, for exec probes
    Probe {
        #[arg(value_enum)]
        which: Which,
    },
}

#[derive(Args)]
struct Options {
    /// Patterns of paths, or `-` for stdin
    #[arg(value_name = "FILES", conflicts_with = "config")]
    files: Vec<String>,
    /// Take inputs and output from this YAML file, and follow its changes
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where to: the URL of Elasticsearch or OpenSearch, `stdout` or `null`
    #[arg(long, value_name = "SINK", default_value = "stdout", conflicts_with = "config")]
    to: String,
    /// Append to this data stream of Elasticsearch [default: logs-app-default]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["config", "index"])]
    data_stream: Option<String>,
    /// Create documents in this index of Elasticsearch; %Y, %m, %d and %H stand for the time of the event
    #[arg(long, value_name = "NAME", conflicts_with = "config")]
    index: Option<String>,
    /// How documents are named: by where they are from, so that none is stored twice, or by the sink
    #[arg(long, value_name = "BY", value_enum, default_value = "origin", conflicts_with = "config")]
    id: Id,
    /// How requests to Elasticsearch are compressed
    #[arg(long, value_name = "HOW", value_enum, default_value = "none", conflicts_with = "config")]
    compress: Compress,
    /// With stdout: write lines as they are
    #[arg(long, conflicts_with = "config")]
    raw: bool,

    /// What the lines are
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "plain", conflicts_with = "config")]
    decode: Format,
    /// Where to begin with files that are there at the very first start
    #[arg(long, value_name = "WHERE", value_enum, default_value = "start", conflicts_with = "config")]
    from: From,
    /// Leave out files that match this pattern
    #[arg(long, value_name = "PATTERN", conflicts_with = "config")]
    exclude: Vec<String>,
    /// Symbolic links may lead to files below this directory only
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    confine: Vec<PathBuf>,
    /// Split lines that are longer; 128 bytes at least
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "256KiB", conflicts_with = "config")]
    max_line: u64,

    /// Where to keep what has been shipped, on a volume that outlives the container
    #[arg(long, value_name = "DIR", default_value = "/var/lib/log-shipper")]
    state: PathBuf,
    /// Hold removed files that have not been shipped, up to this size together
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "1GiB")]
    hold_deleted: u64,
    /// Ship what is there, of a pipe on stdin all until its end, and exit, 1 if something is left
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    ending: Ending,
}

const EXAMPLES: &str = "Examples:
  log-shipper '/var/log/app/*.log' --to http://elasticsearch:9200         everything, as it comes
  log-shipper --once '/var/log/job/*.log' --to http://elasticsearch:9200  for Jobs
  app | log-shipper - --to http://elasticsearch:9200
  log-shipper --config /etc/log-shipper.yaml
  log-shipper check --config /etc/log-shipper.yaml

Exit codes: 0 all is shipped, 1 something is left, 2 usage or configuration";

impl Options {
    fn settings(self, admin: Address) -> Result<Settings, Usage> {
        let config = match &self.config {
            Some(file) => chassis::config::load(file)?,
            None => self.config()?,
        };
        Ok(Settings {
            config,
            file: self.config,
            state: self.state,
            once: self.once,
            hold_deleted: self.hold_deleted,
            ending: self.ending,
            admin,
        })
    }

    fn config(&self) -> Result<Config, Usage> {
        if self.files.is_empty() {
            return Err(Usage(
                "no FILES to ship\nhint: name some, as in `log-shipper '/var/log/app/*.log'`, or give `--config`"
                    .into(),
            ));
        }
        if let Some(command) = self.files.iter().find(|name| ["check", "probe"].contains(&name.as_str())) {
            return Err(Usage(format!("`{command}` comes after FILES\nhint: write `log-shipper {command} …`")));
        }
        let input = Input {
            files: self.files.clone(),
            exclude: self.exclude.clone(),
            from: self.from,
            confine: self.confine.clone(),
            decode: self.decode,
            max_line: self.max_line,
            ..Input::default()
        };
        Ok(Config { inputs: vec![input], output: self.output()?, kubernetes: Kubernetes::default() })
    }

    fn output(&self) -> Result<Output, Usage> {
        let elsewhere = [
            (self.data_stream.is_some(), "--data-stream"),
            (self.index.is_some(), "--index"),
            (self.id != Id::default(), "--id"),
            (self.compress != Compress::default(), "--compress"),
        ];
        if let Some((_, flag)) = elsewhere.iter().find(|(given, _)| *given && !self.to.contains("://")) {
            return Err(Usage(format!(
                "`{flag}` is for Elasticsearch, and `--to` is `{}`\nhint: leave it out, or give a URL with `--to`",
                self.to
            )));
        }
        if self.raw && self.to != "stdout" {
            return Err(Usage(format!("`--raw` is for stdout, and `--to` is `{}`\nhint: leave it out", self.to)));
        }
        match self.to.as_str() {
            "null" => Ok(Output::Null(log_shipper::config::Nothing {})),
            "stdout" => Ok(Output::Stdout(Stdout { raw: self.raw })),
            url if url.contains("://") => {
                let stream = self.index.is_none().then(|| "logs-app-default".to_owned());
                Ok(Output::Elasticsearch(Box::new(Elasticsearch {
                    data_stream: self.data_stream.clone().or(stream),
                    index: self.index.clone(),
                    id: self.id,
                    compress: self.compress,
                    ..Elasticsearch::at(url)
                })))
            }
            other => Err(Usage(format!("`--to {other}` is no sink\nhint: give a URL, `stdout` or `null`"))),
        }
    }
}
