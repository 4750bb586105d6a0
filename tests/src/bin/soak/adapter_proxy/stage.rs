//! Three upstreams, each on a host of its own, and the proxy in front of them.

use super::scenario::{Event, Scenario};
use anyhow::{Context, Result, bail};
use e2e::launch::Launch;
use e2e::network::{self, Host};
use e2e::process::until;
use e2e::proxy::{Place, Proxy};
use e2e::sidecar::{Sidecar, free_port, with};
use nix::sys::signal::Signal;
use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

const PORT: u16 = 8080;

pub struct Stage {
    upstreams: [Upstream; 3],
    pub proxy: Proxy,
    place: Place,
    listen: SocketAddr,
    tcp: bool,
    reloads: usize,
    /// When upstreams lost what they had, or might have, since the load began
    pub faults: Vec<Fault>,
    /// Which of them was well again when
    pub returns: Vec<(usize, Duration)>,
}

pub struct Fault {
    pub of: usize,
    pub from: Duration,
    pub to: Option<Duration>,
}

struct Upstream {
    host: Host,
    posts: PathBuf,
    process: Option<Sidecar>,
}

impl Upstream {
    fn new(number: u8, directory: &Path) -> Result<Self> {
        let mut upstream = Self { host: Host::new(number)?, posts: directory.join(number.to_string()), process: None };
        upstream.start(0)?;
        Ok(upstream)
    }

    fn address(&self) -> SocketAddr {
        (self.host.address, PORT).into()
    }

    fn start(&mut self, delay: u64) -> Result<()> {
        let (delay, address) = (delay.to_string(), self.address());
        let launch = Launch::new(&std::env::current_exe()?).in_network(self.host.namespace()?);
        let process = Sidecar::start(with(launch, &[&"upstream", &self.posts, &delay, &address.to_string()]));
        process.until_said("port ");
        self.process = Some(process);
        Ok(())
    }

    fn process(&mut self) -> Result<Sidecar> {
        self.process.take().context("it does not run")
    }

    fn restart(&mut self, delay: u64) -> Result<()> {
        let ended = self.process()?.terminate();
        if ended.code != 0 {
            bail!("{}", ended.stderr);
        }
        self.start(delay)
    }

    fn signal(&self, signal: Signal) {
        self.process.iter().for_each(|process| process.signal(signal));
    }
}

impl Stage {
    pub fn new(scenario: &Scenario) -> Result<Self> {
        network::enter()?;
        let (place, listen) = (Place::new(""), free_port());
        let [first, second, third] = [1, 2, 3].map(|number| Upstream::new(number, place.path()));
        let upstreams = [first?, second?, third?];
        place.write(&config(listen, scenario.tcp, &upstreams.each_ref().map(Upstream::address)));
        let proxy = Proxy::of(&place, listen, &[&"--drain-timeout", &"1s"]);
        Ok(Self { upstreams, proxy, place, listen, tcp: scenario.tcp, reloads: 0, faults: vec![], returns: vec![] })
    }

    /// `time` tells how long the load has been there.
    pub fn happen(&mut self, event: Event, time: impl Fn() -> Duration) -> Result<()> {
        let from = time();
        match event {
            Event::Kill(one) => {
                self.upstreams[one].process()?.kill();
                self.faults.push(Fault { of: one, from, to: Some(time()) });
            }
            Event::Start(one) => self.upstreams[one].start(0)?,
            Event::Stop(one) => self.upstreams[one].signal(Signal::SIGSTOP),
            Event::Continue(one) => self.upstreams[one].signal(Signal::SIGCONT),
            Event::Restart(one) => self.upstreams[one].restart(0)?,
            Event::Slow(one) => self.upstreams[one].restart(500)?,
            Event::Unplug(one) => self.upstreams[one].host.link(false)?,
            Event::Plug(one) => self.upstreams[one].host.link(true)?,
            Event::Lose(one) => self.upstreams[one].host.reach(false)?,
            Event::Find(one) => self.upstreams[one].host.reach(true)?,
            Event::Reload => {
                self.reloads += 1;
                let mut left = self.upstreams.each_ref().map(Upstream::address).to_vec();
                left.remove(self.reloads % 3);
                self.place.write(&config(self.listen, self.tcp, &left));
            }
        }
        match event {
            Event::Stop(of) | Event::Unplug(of) | Event::Lose(of) => self.faults.push(Fault { of, from, to: None }),
            Event::Continue(one) | Event::Plug(one) | Event::Find(one) => {
                let open = self.faults.iter_mut().rfind(|fault| fault.of == one && fault.to.is_none());
                open.context("it began")?.to = Some(time());
            }
            _ => {}
        }
        if let Event::Start(one) | Event::Continue(one) | Event::Plug(one) | Event::Find(one) = event {
            self.returns.push((one, time()));
        }
        Ok(())
    }

    /// How often which POST was done.
    pub fn posts(&self) -> HashMap<String, u64> {
        let mut posts = HashMap::new();
        for upstream in &self.upstreams {
            let text = std::fs::read_to_string(&upstream.posts).unwrap_or_default();
            text.lines().for_each(|id| *posts.entry(id.to_owned()).or_default() += 1);
        }
        posts
    }

    /// Descriptors that the proxy has open, without the one of whoever asks for metrics.
    pub fn descriptors(&self) -> usize {
        let pid = self.proxy.sidecar.process().pid;
        std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
    }

    /// Most files that it was given were followed: of two that come at once only the second is.
    pub fn has_followed(&self) -> bool {
        let followed = self.proxy.metric("adapter_proxy_reloads_total{result=\"followed\"}");
        followed * 2 >= u64::try_from(self.reloads).unwrap_or(u64::MAX)
    }

    /// The proxy takes connections, and nobody has one.
    pub fn until_quiet(&self) {
        until("the proxy has an answer", || TcpStream::connect(self.listen).is_ok());
        until("it has closed that", || self.proxy.metric("adapter_proxy_connections_open") == 0);
    }
}

fn config(listen: SocketAddr, tcp: bool, endpoints: &[SocketAddr]) -> String {
    let protocol = if tcp { "tcp" } else { "http, http: {idle-upstreams: {timeout: 5s}}" };
    let endpoints: Vec<_> = endpoints.iter().map(|endpoint| format!("'{endpoint}'")).collect();
    format!(
        "listeners: [{{listen: '{listen}', cluster: all, max-connections: 11000, protocol: {protocol}}}]\n\
         clusters: {{all: {{endpoints: [{}]}}}}\n",
        endpoints.join(", ")
    )
}
