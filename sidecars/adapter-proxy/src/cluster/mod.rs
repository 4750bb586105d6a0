//! A cluster: its endpoints, which of them is chosen, and what becomes of those that fail.
//!
//! A [`Cluster`] begins its work beside the requests (resolving names, following a file, checking health) with
//! [`Cluster::start`], and ends it when it is dropped.

mod balance;
pub mod dns;
mod endpoint;
mod file;
mod health;
mod latency;
mod members;
mod metrics;
mod names;
mod outlier;
mod page;
mod random;
mod settings;
mod tasks;
#[cfg(test)]
mod tests;
mod waiting;

pub use endpoint::{End, Endpoint, Failure, Try};
pub use metrics::metrics;
pub use page::page;

use crate::config;
use balance::Choice;
use chassis::message;
use file::File;
use members::Members;
use names::Names;
use random::Random;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Display, Formatter};
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use waiting::Waiting;

/// So long the first requests of all wait for a name server: as long as the C library does.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

pub struct Cluster {
    pub name: Rc<str>,
    me: Weak<Self>,
    settings: RefCell<config::Cluster>,
    members: Members,
    random: Random,
    waiting: Waiting,
    names: Names,
    file: RefCell<Option<File>>,
    started: Cell<bool>,
    counters: Counters,
}

/// What happened to all of a cluster.
#[derive(Default)]
struct Counters {
    resolves: Cell<u64>,
    resolve_failures: Cell<u64>,
    file_failures: Cell<u64>,
    /// Tries that found no endpoint, and those that found all of them busy
    none: Cell<u64>,
    refused: Cell<u64>,
}

/// Why there is no endpoint for a try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unavailable {
    /// There are none, or all have been tried
    None,
    /// All of them have as much to do as they may have
    Busy,
}

impl Display for Unavailable {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::None => "it has no endpoint left to try",
            Self::Busy => "its endpoints have all the connections that they may have",
        })
    }
}

impl Cluster {
    /// With the endpoints that need no looking up.
    pub fn new(name: &str, settings: &config::Cluster) -> Rc<Self> {
        let cluster = Rc::new_cyclic(|me| Self {
            name: name.into(),
            me: me.clone(),
            settings: RefCell::new(settings.clone()),
            members: Members::default(),
            random: Random::new(),
            waiting: Waiting::default(),
            names: Names::default(),
            file: RefCell::default(),
            started: Cell::new(false),
            counters: Counters::default(),
        });
        cluster.update();
        cluster
    }

    /// Begins to look up names, to follow the file, and to check health. Within a `LocalSet`.
    pub fn start(&self) {
        if !self.started.replace(true) {
            self.restart();
        }
    }

    /// From now on these settings hold. What stays the same keeps its state. Within a `LocalSet`, once it was started.
    pub fn reconfigure(&self, settings: &config::Cluster) {
        let before = self.settings.replace(settings.clone());
        if before.health != settings.health {
            self.members.uncheck();
        }
        if self.started.get() {
            self.restart();
        } else {
            self.update();
        }
    }

    /// It is not in the configuration any more: what it has under way ends with the endpoints that it has now, and nobody
    /// looks after them.
    pub fn retire(&self) {
        self.names.follow(&[], &self.me);
        self.file.take();
        self.members.uncheck();
    }

    /// The endpoint for one try, which is none of those that have been `tried`.
    ///
    /// # Errors
    /// When there is none.
    pub fn choose(&self, tried: &[Rc<Endpoint>]) -> Result<Try, Unavailable> {
        let now = Instant::now();
        let (endpoints, settings) = (self.members.list(), self.settings.borrow());
        self.choice(&endpoints, tried, &settings, now).make().map(|endpoint| Try::of(endpoint.clone(), now))
    }

    /// The same, but not before those that wait. `None` when there is none now.
    pub fn at_once(&self, tried: &[Rc<Endpoint>]) -> Option<Try> {
        if self.waiting.is_empty() { self.choose(tried).ok() } else { None }
    }

    /// What was chosen, or one of the same group at which nothing failed lately, if there is one. To find out whether the
    /// others do well again is for requests that lose nothing by it; when none comes for a while, for all.
    pub fn surer(&self, chosen: Try, tried: &[Rc<Endpoint>]) -> Try {
        let (now, endpoint) = (Instant::now(), chosen.endpoint().clone());
        if !endpoint.is_doubtful(now) {
            return chosen;
        }
        let mut others = [tried, &[endpoint]].concat();
        while let Ok(next) = self.choose(&others) {
            if next.endpoint().backup != chosen.endpoint().backup {
                next.undo();
                break;
            }
            if !next.endpoint().is_doubtful(now) {
                chosen.undo();
                return next;
            }
            others.push(next.endpoint().clone());
            next.undo();
        }
        chosen
    }

    /// The same, but where that helps it waits, at most for the time that connecting may take: for a connection to be
    /// free, for the first answer of a name server.
    ///
    /// # Errors
    /// When there is none all the same, or too many wait already.
    pub async fn wait(&self, tried: &[Rc<Endpoint>]) -> Result<Try, Unavailable> {
        let result = match self.choose(tried) {
            Ok(chosen) if self.waiting.count() == 0 => return Ok(chosen),
            // Others have waited for it.
            Ok(chosen) => {
                let receiver = self.queue(tried);
                chosen.undo(); // serves the queue
                self.served(receiver).await
            }
            Err(why) if self.may_change(why) => self.served(self.queue(tried)).await,
            Err(why) => Err(why),
        };
        let counter = match result {
            Ok(_) => return result,
            Err(Unavailable::None) => &self.counters.none,
            Err(Unavailable::Busy) => &self.counters.refused,
        };
        counter.set(counter.get() + 1);
        result
    }

    fn queue(&self, tried: &[Rc<Endpoint>]) -> Option<tokio::sync::oneshot::Receiver<Result<Try, Unavailable>>> {
        let most = self.settings.borrow().limits.pending;
        let full = self.waiting.count() >= usize::try_from(most).unwrap_or(usize::MAX);
        (!full).then(|| self.waiting.add(tried))
    }

    async fn served(
        &self,
        receiver: Option<tokio::sync::oneshot::Receiver<Result<Try, Unavailable>>>,
    ) -> Result<Try, Unavailable> {
        let Some(mut receiver) = receiver else { return Err(Unavailable::Busy) };
        let time = if self.members.list().is_empty() {
            self.connect_timeout().max(FIRST_ANSWER)
        } else {
            self.connect_timeout()
        };
        let deadline = Instant::now() + time;
        loop {
            let until = self.next_due(Instant::now()).map_or(deadline, |due| due.min(deadline));
            match timeout_at(until, &mut receiver).await {
                Ok(Ok(result)) => return result,
                Ok(Err(_)) => break, // nobody serves those that wait any more
                Err(_) => {}
            }
            // One that was left out may be tried by now, of which nobody else tells.
            self.freed();
            match receiver.try_recv() {
                Ok(result) => return result,
                Err(_) if until < deadline => {}
                Err(_) => break,
            }
        }
        let empty = self.members.list().is_empty();
        Err(if empty { Unavailable::None } else { Unavailable::Busy })
    }

    /// When the next one may be tried of those that are left out.
    fn next_due(&self, now: Instant) -> Option<Instant> {
        self.members.list().iter().filter_map(|one| one.outlier.due(now)).min()
    }

    pub fn connect_timeout(&self) -> Duration {
        self.settings.borrow().connect_timeout
    }

    /// Whether it is worth to wait.
    fn may_change(&self, why: Unavailable) -> bool {
        match why {
            Unavailable::Busy => true,
            Unavailable::None => self.members.list().is_empty() && self.is_looking(),
        }
    }

    /// Whether not all of its names have been answered once.
    fn is_looking(&self) -> bool {
        self.started.get() && self.names.are_awaited()
    }

    fn freed(&self) {
        if !self.waiting.is_empty() {
            self.waiting.serve(|tried| match self.choose(tried) {
                Err(why) if self.may_change(why) => None,
                result => Some(result),
            });
        }
    }

    /// Follows the settings: which names, which file, which endpoints, which checks.
    fn restart(&self) {
        let path = self.settings.borrow().file.clone();
        let same = self.file.borrow().as_ref().map(|file| file.path.clone()) == path;
        if !same {
            let file = path.map(|path| File::follow(path, self.me.clone()));
            let before = self.file.replace(file);
            // Without the new one's content the old one's goes on.
            if let (Some(before), Some(file)) = (before, &*self.file.borrow()) {
                file.inherit(&before);
            }
        }
        self.update();
    }

    /// Has the endpoints be those that are written, in the file, and known of names.
    fn update(&self) {
        let settings = self.settings.borrow();
        let mut written = settings.endpoints.clone();
        if let Some(file) = &*self.file.borrow() {
            written.extend(file.endpoints());
        }
        if self.started.get() {
            self.names.follow(&written, &self.me);
        }
        let wanted = self.names.addresses(&written);
        // Those that there are go on until one of the names has an address: it may be written wrong, or its server slow.
        if !wanted.is_empty() || written.is_empty() {
            self.members.set(&self.name, &wanted, &self.me);
        }
        if let (Some(health), true) = (&settings.health, self.started.get()) {
            self.members.check(health, &self.name);
        }
        drop(settings);
        self.freed();
    }

    /// Whether so few endpoints are well that all are used.
    fn panics(&self, now: Instant) -> bool {
        let (endpoints, settings) = (self.members.list(), self.settings.borrow());
        self.choice(&endpoints, &[], &settings, now).panics()
    }

    fn choice<'a>(
        &'a self,
        endpoints: &'a [Rc<Endpoint>],
        tried: &'a [Rc<Endpoint>],
        settings: &'a config::Cluster,
        now: Instant,
    ) -> Choice<'a> {
        Choice { endpoints, tried, settings, alike: self.members.are_alike(), now, random: &self.random }
    }

    /// A try at it failed.
    fn failed(&self, endpoint: &Endpoint, now: Instant, failure: Failure, was_trial: bool) {
        let settings = self.settings.borrow().outlier;
        let ejected = endpoint.outlier.failed(now, failure, was_trial, &settings, self.random.fraction());
        let Some(ejected) = ejected else { return };
        // How it did before says nothing of how it will do when it is back.
        endpoint.latency.forget();
        if ejected.is_new && !endpoint.has_left() {
            let (failures, time) = (endpoint.outlier.failures().0, ejected.for_so_long);
            message::warning(format_args!(
                "the endpoint {endpoint} of the cluster {} is left out for {time:.1?}, or longer if it stays so: {failures} failures in a row, the last: {failure}",
                self.name
            ));
        }
    }

    /// A try at it succeeded, after it was out.
    fn returned(&self, endpoint: &Endpoint) {
        if !endpoint.has_left() {
            message::info(format_args!("the endpoint {endpoint} of the cluster {} is back", self.name));
        }
        self.freed();
    }
}

impl Drop for Cluster {
    /// What its endpoints have under way may end.
    fn drop(&mut self) {
        self.members.clear();
    }
}
