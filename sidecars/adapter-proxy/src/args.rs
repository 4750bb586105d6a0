//! The command line.

use adapter_proxy::address::{Address as ListenAddress, Target};
use adapter_proxy::config::{Cluster, Config, Endpoint, Filters, Listener, Protocol, Text, is_token};
use adapter_proxy::exporter::presets;
use chassis::admin::Address;
use chassis::args::{Ending, Messages, duration, parse};
use chassis::exit::{self, Usage};
use chassis::message;
use chassis::probe::Which;
use clap::{ArgGroup, Args, Parser, Subcommand};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// What to do.
pub enum Task {
    Proxy(Settings),
    Check(Settings),
    Probe(Address, Which),
    Wait(Address, Duration),
    Explain(Question),
    Try(Trial),
    /// What is written in one
    Preset(&'static str),
    /// For the proxy that started this process
    Work,
}

/// Everything this process was told.
pub struct Settings {
    pub config: Config,
    /// Where the configuration is from, if it is a file
    pub file: Option<PathBuf>,
    pub ending: Ending,
    pub admin: Address,
    /// Whether a POST of /quit ends it
    pub quit: bool,
}

/// A request of which somebody wants to know what becomes of it.
pub struct Question {
    pub config: Config,
    /// Where it is asked
    pub listener: Option<ListenAddress>,
    pub headers: Vec<(String, String)>,
    /// The file that has its body
    pub body: Option<PathBuf>,
    /// `GET /v1/users/7?x=1`
    pub request: String,
}

/// A body, or what is fetched, of which somebody wants to see what is made.
pub enum Trial {
    Route {
        question: Question,
        route: String,
        /// Of an answer; without it the body is the request's
        status: Option<u16>,
    },
    Page {
        question: Question,
        page: String,
        /// Whose body was given
        target: Option<String>,
        openmetrics: bool,
    },
}

/// What this process was started for.
///
/// # Errors
/// When there is nothing to do, as [`parse`] says it.
pub fn task() -> Result<Task, ExitCode> {
    let args = parse::<AdapterProxy>()?;
    message::init("adapter-proxy", args.messages.log_format);
    let task = match args.command {
        Some(Command::Probe { which }) => Ok(Task::Probe(args.admin, which)),
        Some(Command::Wait { timeout }) => Ok(Task::Wait(args.admin, timeout)),
        Some(Command::Worker) => Ok(Task::Work),
        Some(Command::Check { options }) => options.settings(args.admin).map(Task::Check),
        Some(Command::Explain { sample, request }) => sample.question(request).map(Task::Explain),
        Some(Command::Try { sample, route: Some(route), status, request, .. }) => {
            sample.question(request).map(|question| Task::Try(Trial::Route { question, route, status }))
        }
        Some(Command::Try { sample, page, target, openmetrics, request, .. }) => {
            let page = page.unwrap_or_default();
            sample.question(request).map(|question| Task::Try(Trial::Page { question, page, target, openmetrics }))
        }
        Some(Command::Preset { name }) => presets::text(&name).map(Task::Preset).map_err(Usage),
        None => args.options.settings(args.admin).map(Task::Proxy),
    };
    task.map_err(|usage| exit::code(Err(usage.into())))
}

/// One local address for a whole cluster, and for an app that speaks another API
///
/// The app connects to an address of its own pod. adapter-proxy sends what comes on to one of many endpoints, the one
/// that does best, and to another one when that fails. With routes in its file it sends on other requests than those
/// that come, gives back other answers, and makes metrics of the pages that an app has.
#[derive(Parser)]
#[command(name = "adapter-proxy", version, after_help = EXAMPLES)]
struct AdapterProxy {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,

    /// The admin endpoint, which answers /livez, /readyz, /metrics and /endpoints, or `off`
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9630", global = true)]
    admin: Address,
    #[command(flatten)]
    messages: Messages,
}

#[derive(Subcommand)]
enum Command {
    /// Show what the configuration means, and whether it is right
    Check {
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Tell where a request would go, why, and as what: nothing is sent
    Explain {
        #[command(flatten)]
        sample: Sample,
        /// The method, and the path with its query
        #[arg(value_name = "'GET /PATH?QUERY'")]
        request: String,
    },
    /// Show what a route makes of a body, or what a page of metrics would be
    ///
    /// With --route, --body is what a client sends, or with --status what the upstream answers; nothing is sent. With
    /// --page it is what a target gives; without it the targets are asked.
    #[command(group = ArgGroup::new("what").required(true))]
    Try {
        #[command(flatten)]
        sample: Sample,
        /// The name of the route
        #[arg(long, value_name = "NAME", group = "what")]
        route: Option<String>,
        /// The body is that of an answer with this status
        #[arg(long, value_name = "STATUS", requires = "route")]
        status: Option<u16>,
        /// The name of the page
        #[arg(long, value_name = "NAME", group = "what")]
        page: Option<String>,
        /// The target that the body is from, if the page has more than one
        #[arg(long, value_name = "NAME", requires = "page")]
        target: Option<String>,
        /// Write the page as `OpenMetrics`, instead of Prometheus' text
        #[arg(long, requires = "page")]
        openmetrics: bool,
        /// The request, of which filters know the path, the query and so on
        #[arg(value_name = "'GET /PATH?QUERY'", default_value = "GET /")]
        request: String,
    },
    /// Print a preset for pages of metrics: a good one to begin with
    Preset {
        /// Such as `nginx`; a name that is none has all of them told
        name: String,
    },
    /// Ask the admin endpoint of a running adapter-proxy, for exec probes
    Probe {
        #[arg(value_enum)]
        which: Which,
    },
    /// Return when a running adapter-proxy is ready: for the postStart hook of a sidecar
    Wait {
        /// Give up after so long
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
        timeout: Duration,
    },
    /// Run filters for the adapter-proxy that started this one
    #[command(hide = true)]
    Worker,
}

/// A request that is sent nowhere.
#[derive(Args)]
struct Sample {
    /// The YAML file with listeners, clusters and pages
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The listener that gets the request, if there is more than one
    #[arg(long, value_name = "ADDRESS")]
    listener: Option<ListenAddress>,
    /// A header field of the request, such as `x-version: 1` or `host: api.example.com`
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The file that has the body; `-` is stdin
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
}

impl Sample {
    fn question(self, request: String) -> Result<Question, Usage> {
        let Self { config, listener, headers, body } = self;
        Ok(Question { config: Config::load(&config)?, listener, headers, body, request })
    }
}

#[derive(Args)]
struct Options {
    /// Take listeners, clusters and pages from this YAML file, and follow its changes
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the app connects to, such as `127.0.0.1:6379` or `unix:/run/redis.sock`
    #[arg(long, value_name = "ADDRESS", conflicts_with = "config", requires = "to")]
    listen: Option<ListenAddress>,
    /// The endpoints, such as redis-a:6379,redis-b:6379
    #[arg(long, value_name = "ENDPOINT", value_delimiter = ',', conflicts_with = "config", requires = "listen")]
    to: Vec<Target>,
    /// What is spoken there
    #[arg(long, value_name = "NAME", value_enum, default_value = "tcp", conflicts_with = "config")]
    protocol: Protocol,

    /// Take POST /quit on the admin endpoint for a SIGTERM: for Jobs, whose sidecars nobody else ends
    #[arg(long)]
    quit: bool,
    #[command(flatten)]
    ending: Ending,
}

const EXAMPLES: &str = "Examples:
  adapter-proxy --listen 127.0.0.1:6379 --to redis-a:6379,redis-b:6379
  adapter-proxy --config /etc/adapter-proxy.yaml
  adapter-proxy wait --timeout 30s
  adapter-proxy check --config /etc/adapter-proxy.yaml
  adapter-proxy explain --config /etc/adapter-proxy.yaml -H 'host: api.example.com' 'GET /v1/users/7'
  adapter-proxy try --config /etc/adapter-proxy.yaml --route user --status 200 --body answer.json 'GET /v1/users/7'
  adapter-proxy try --config /etc/adapter-proxy.yaml --page app

Exit codes: 0 all that was begun is done, 1 something was cut off or cannot be done, 2 usage or configuration";

/// As curl takes it.
fn header(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("expected a header field such as `x-version: 1`")?;
    let is_field = is_token(name) && !value.contains(|one: char| one.is_control() && one != '\t');
    is_field.then(|| (name.into(), value.trim().into())).ok_or("there is a character that no header field can have")
}

impl Options {
    fn settings(self, admin: Address) -> Result<Settings, Usage> {
        let config = match (&self.config, self.listen) {
            (Some(file), _) => Config::load(file)?,
            (None, Some(listen)) => {
                let endpoints = self.to.into_iter().map(Endpoint::at).collect();
                Config {
                    listeners: vec![Listener::at(listen, self.protocol, "cluster")],
                    clusters: BTreeMap::from([("cluster".into(), Cluster::of(endpoints))]),
                    filters: Filters::default(),
                    pages: BTreeMap::new(),
                    text: Text::default(),
                }
            }
            (None, None) => {
                let text = "nothing to listen on\nhint: give `--listen` and `--to`, or `--config`";
                return Err(Usage(text.into()));
            }
        };
        if let Address::At(at) = &admin
            && config.listeners.iter().any(|listener| listener.listen.takes(&ListenAddress::Socket(*at)))
        {
            let text = "is the admin endpoint's, too\nhint: choose another one for that with `--admin`, or `off`";
            return Err(Usage(format!("{at} {text}")));
        }
        Ok(Settings { config, file: self.config, ending: self.ending, admin, quit: self.quit })
    }
}
