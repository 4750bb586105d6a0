//! From listening to the end.

use crate::args::Settings;
use crate::door::Door;
use crate::drain;
use crate::status::Status;
use adapter_proxy::address::Address;
use adapter_proxy::cluster::Cluster;
use adapter_proxy::config::metrics::Page;
use adapter_proxy::config::{self, Config};
use adapter_proxy::exporter::Fetcher;
use adapter_proxy::filter::{self, Workers};
use adapter_proxy::http::Routing;
use adapter_proxy::listener::Listener;
use adapter_proxy::route::unreachable;
use adapter_proxy::traffic::Traffic;
use anyhow::{Context, Result};
use chassis::admin;
use chassis::message;
use chassis::stop::{Stop, Stopped};
use chassis::watch::Watch;
use rustix::fs::Mode;
use std::collections::BTreeMap;
use std::future::pending;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::sleep_until;

/// Serves until it is asked to end, and has.
///
/// # Errors
/// When an address is taken, or something was under way at the last moment.
pub async fn proxy(settings: Settings, stop: &Stop) -> Result<()> {
    let admin = admin::bind(settings.admin)?;
    let status = Rc::new(Status { quit: settings.quit.then(Notify::new), ..Status::default() });
    let answering = admin::serve(admin, status.clone());
    let mut proxy = Proxy::new(settings.file.clone(), settings.ending.quiet_for, status.clone());
    let tidying = spawn_local({
        let shared = status.shared.clone();
        async move { shared.tcp.pipes.tidy().await }
    });
    let result = tokio::select! {
        () = answering => Ok(()),
        result = proxy.run(&settings, stop) => result,
    };
    tidying.abort();
    status.shared.log.finish().await;
    result
}

struct Proxy {
    file: Option<PathBuf>,
    quiet_for: Duration,
    config: Option<Config>,
    doors: BTreeMap<Address, Door>,
    clusters: BTreeMap<String, Rc<Cluster>>,
    workers: Option<Rc<Workers>>,
    pages: BTreeMap<String, (Rc<Fetcher>, u32)>,
    status: Rc<Status>,
}

impl Proxy {
    fn new(file: Option<PathBuf>, quiet_for: Duration, status: Rc<Status>) -> Self {
        Self {
            file,
            quiet_for,
            config: None,
            doors: BTreeMap::new(),
            clusters: BTreeMap::new(),
            workers: None,
            pages: BTreeMap::new(),
            status,
        }
    }

    async fn run(&mut self, settings: &Settings, stop: &Stop) -> Result<()> {
        let files = self.file.iter().cloned().collect();
        let mut watch = Watch::new(files).context("cannot follow the configuration")?;
        self.follow(settings.config.clone())?;
        self.status.listening.set(true);
        self.reload(); // it may have changed before it was watched
        loop {
            tokio::select! {
                () = watch.changed() => self.reload(),
                () = stop.asked() => break,
                () = quit(&self.status) => {
                    message::info(format_args!("asked to quit: finishing, for {:?} at most", settings.ending.drain_timeout));
                    break;
                }
            }
        }
        let asked = Instant::now();
        let deadline = stop.deadline().or_else(|| asked.checked_add(settings.ending.drain_timeout));
        let (status, ended) = (self.status.clone(), self.status.shared.ended.clone());
        let all_heard = asked + self.doors.values().map(Door::hear_all).max().unwrap_or_default();
        let quiet = drain::quiet((asked, all_heard), settings.ending.quiet_for, &ended, || status.traffic());
        let over = async {
            match deadline {
                Some(deadline) => sleep_until(deadline.into()).await,
                None => pending().await,
            }
        };
        tokio::pin!(quiet, over);
        loop {
            tokio::select! {
                () = watch.changed() => self.reload(),
                () = &mut quiet => return Ok(()),
                () = &mut over => return drain::cut_off(&status.traffic()),
                () = stop.again() => return drain::cut_off(&status.traffic()).and(Err(Stopped.into())),
            }
        }
    }

    /// Follows what has changed, if it can be.
    fn reload(&mut self) {
        let Some(file) = self.file.clone() else { return };
        let followed = Config::load(&file).map_err(anyhow::Error::from).and_then(|config| self.follow(config));
        self.status.reloads.note(&file, followed);
    }

    /// Returns whether it is another one. Nothing has changed when it cannot be followed.
    fn follow(&mut self, config: Config) -> Result<bool> {
        let is_open = |listen: &Address| self.doors.get(listen).is_some_and(|door| door.listener().lost().is_none());
        let to_open: Vec<_> = config.listeners.iter().filter(|listener| !is_open(&listener.listen)).collect();
        if to_open.is_empty() && self.config.as_ref() == Some(&config) {
            return Ok(false);
        }
        let mut new = BTreeMap::new();
        for listener in to_open {
            new.insert(listener.listen.clone(), Listener::at(&listener.listen, Mode::from_raw_mode(listener.mode))?);
        }
        let clusters =
            config.clusters.iter().map(|(name, cluster)| (name.clone(), self.cluster(name, cluster))).collect();
        let before = std::mem::replace(&mut self.clusters, clusters);
        for (_, gone) in before.iter().filter(|(name, _)| !self.clusters.contains_key(*name)) {
            gone.retire();
        }
        self.status.clusters.replace(self.clusters.clone());
        let is_wanted = |listen: &Address| config.listeners.iter().any(|listener| listener.listen == *listen);
        self.doors.retain(|listen, _| is_wanted(listen) && !new.contains_key(listen));
        let workers = self.workers(&config);
        let stays = |before: &Rc<Workers>| workers.as_ref().is_some_and(|workers| Rc::ptr_eq(workers, before));
        if let Some(before) = self.workers.take().filter(|before| !stays(before)) {
            before.retire();
        }
        self.workers = workers;
        self.pages = self.pages(&config);
        for listener in &config.listeners {
            for warning in unreachable(&listener.routes) {
                message::warning(format_args!("{}: {warning}", listener.listen));
            }
        }
        let mut task = 0;
        for listener in &config.listeners {
            let (cluster, page) =
                (|name: &str| self.clusters.get(name).cloned(), |name: &str| self.pages.get(name).cloned());
            let routing = Routing::new(listener, cluster, page, self.workers.clone(), task);
            task += u32::try_from(filter::bodies(listener).count()).unwrap_or_default();
            if let Some(door) = self.doors.get(&listener.listen) {
                if let Err(error) = door.follow(listener.clone(), routing) {
                    message::error(&error.context(format!("cannot change {}", listener.listen)));
                }
            } else if let Some(socket) = new.remove(&listener.listen) {
                self.open(socket, listener, routing);
            }
        }
        self.count();
        self.config = Some(config);
        Ok(true)
    }

    /// The one there is keeps what it knows.
    fn cluster(&self, name: &str, settings: &config::Cluster) -> Rc<Cluster> {
        let before = self.config.as_ref().and_then(|config| config.clusters.get(name));
        if let Some(cluster) = self.clusters.get(name) {
            if before != Some(settings) {
                cluster.reconfigure(settings);
            }
            return cluster.clone();
        }
        let cluster = Cluster::new(name, settings);
        cluster.start();
        cluster
    }

    /// Those there are go on as long as there is nothing else for them to do.
    fn workers(&self, config: &Config) -> Option<Rc<Workers>> {
        if !filter::is_used(config) {
            return None;
        }
        let same = |before: &Config| {
            let routes = |config: &Config| config.listeners.iter().map(|one| one.routes.clone()).collect::<Vec<_>>();
            before.filters == config.filters && before.pages == config.pages && routes(before) == routes(config)
        };
        let before = self.workers.clone().filter(|_| self.config.as_ref().is_some_and(same));
        let begin = || Workers::new(&config.filters, &config.text.0, self.status.filters.clone());
        Some(before.unwrap_or_else(begin))
    }

    /// Those there are keep what they have fetched.
    fn pages(&self, config: &Config) -> BTreeMap<String, (Rc<Fetcher>, u32)> {
        let before = |name: &str, page: &Page| {
            let same = self.config.as_ref()?.pages.get(name) == Some(page);
            self.pages.get(name).filter(|_| same).map(|(fetcher, _)| fetcher.clone())
        };
        let pages = config.pages.iter().zip(filter::first_page(config)..);
        let all = pages.map(|((name, page), task)| {
            let fetcher = before(name, page).unwrap_or_else(|| Rc::new(Fetcher::new(name, page)));
            (name.clone(), (fetcher, task))
        });
        all.collect()
    }

    fn open(&mut self, socket: Listener, listener: &config::Listener, routing: Rc<Routing>) {
        let to = listener.cluster.as_ref().map_or("its routes".into(), |cluster| format!("the cluster {cluster}"));
        message::info(format_args!("listening on {} for {to}", listener.listen));
        let shared = &self.status.shared;
        // One that was gone for a while and has connections left goes on counting.
        let before = self.status.traffic().into_iter().find(|traffic| traffic.listener == listener.listen);
        let traffic =
            before.unwrap_or_else(|| Traffic::new(listener.listen.clone(), self.quiet_for, shared.ended.clone()));
        let door = Door::open(socket, (listener.clone(), routing), traffic, shared);
        self.doors.insert(listener.listen.clone(), door);
    }

    /// Has the status show what there is, and what is left of what there was.
    fn count(&self) {
        let mut all: Vec<_> = self.doors.values().map(|door| (door.traffic().clone(), door.cluster())).collect();
        let before = self.status.traffic.take();
        let gone = |traffic: &Rc<Traffic>| !self.doors.contains_key(&traffic.listener) && traffic.open() > 0;
        all.extend(before.into_iter().filter(|(traffic, _)| gone(traffic)));
        self.status.traffic.replace(all);
        self.status.listeners.replace(self.doors.values().map(Door::listener).cloned().collect());
        self.status.http.replace(self.doors.values().filter_map(Door::http).cloned().collect());
    }
}

/// Resolves when somebody has asked for the end by the admin endpoint, where that may be.
async fn quit(status: &Status) {
    match &status.quit {
        Some(quit) => quit.notified().await,
        None => pending().await,
    }
}
