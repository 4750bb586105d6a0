//! Names, looked up again and again: each by a task of its own, so that no request waits for a name server, but for the
//! first answer of all.
//!
//! What a name stood for last goes on when an answer fails, and also when the answer is that there is no such name, or
//! that it has no addresses. That is what a name server says of a headless Service without ready pods, and of any name
//! while it has lost its data. Endpoints that are really gone cost a refused connection each, until they are left out;
//! to have none costs every request.

use super::dns::{self, Trouble};
use super::members::Wanted;
use super::tasks::Task;
use super::{Cluster, random::Random};
use crate::address::{Address, Target};
use crate::config::Endpoint;
use chassis::message;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::time::sleep;

/// Who says 0 means `do not keep it`, and not `ask for each request`.
const SHORTEST: Duration = Duration::from_secs(1);
/// A name server may say a week.
const LONGEST: Duration = Duration::from_mins(5);
/// After failures it is asked again after a second, two, four … and so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Those of one cluster.
#[derive(Default)]
pub struct Names {
    known: RefCell<BTreeMap<String, Rc<Name>>>,
}

#[derive(Default)]
struct Name {
    /// As they were told last
    addresses: RefCell<Vec<IpAddr>>,
    /// Whether there was an answer, be it a failure
    answered: Cell<bool>,
    /// In a row
    failures: Cell<u32>,
    task: RefCell<Option<Task>>,
}

impl Names {
    /// These are looked up from now on, and no others.
    pub fn follow(&self, written: &[Endpoint], cluster: &Weak<Cluster>) {
        let wanted =
            |name: &str| written.iter().any(|endpoint| matches!(&endpoint.at, Target::Named(it, _) if it == name));
        let mut known = self.known.borrow_mut();
        known.retain(|name, _| wanted(name));
        for endpoint in written {
            let Target::Named(name, _) = &endpoint.at else { continue };
            if !known.contains_key(name) {
                let entry = Rc::new(Name::default());
                let task = Task::spawn(look_up(name.clone(), Rc::downgrade(&entry), cluster.clone()));
                entry.task.replace(Some(task));
                known.insert(name.clone(), entry);
            }
        }
    }

    /// Whether one has never been answered.
    pub fn are_awaited(&self) -> bool {
        self.known.borrow().values().any(|name| !name.answered.get())
    }

    /// What is written, with the addresses of names in their place.
    pub fn addresses(&self, written: &[Endpoint]) -> Vec<Wanted> {
        let known = self.known.borrow();
        let mut wanted = vec![];
        for Endpoint { at, weight, backup } in written {
            let mut add = |address| {
                wanted.push(Wanted { name: at.to_string(), address, weight: *weight, backup: *backup });
            };
            match at {
                Target::At(address) => add(address.clone()),
                Target::Named(name, port) => {
                    for address in known.get(name).map(|name| name.addresses.borrow().clone()).unwrap_or_default() {
                        add(Address::Socket(SocketAddr::new(address, *port)));
                    }
                }
            }
        }
        wanted
    }
}

async fn look_up(name: String, entry: Weak<Name>, cluster: Weak<Cluster>) {
    let random = Random::new();
    let mut found = None;
    loop {
        let answer = dns::lookup(&name, found.as_deref()).await;
        if let Ok(answer) = &answer {
            found.clone_from(&answer.found);
        }
        let (Some(entry), Some(cluster)) = (entry.upgrade(), cluster.upgrade()) else { return };
        let pause = entry.answered(&name, answer, &cluster);
        drop((entry, cluster));
        // Many proxies have asked at the same time for the same name; they need not do so again.
        sleep(pause.mul_f64(1.0 + random.fraction() / 10.0)).await;
    }
}

impl Name {
    /// Returns after which time to ask again.
    fn answered(&self, name: &str, answer: Result<dns::Answer, Trouble>, cluster: &Cluster) -> Duration {
        let first = !self.answered.replace(true);
        let pause = match answer {
            Ok(dns::Answer { mut addresses, ttl, .. }) => {
                cluster.counters.resolves.set(cluster.counters.resolves.get() + 1);
                if self.failures.take() > 0 {
                    message::info(format_args!("`{name}` of the cluster {} is resolved again", cluster.name));
                }
                // Name servers turn their lists.
                addresses.sort_unstable();
                addresses.dedup();
                if first || *self.addresses.borrow() != addresses {
                    self.addresses.replace(addresses);
                    cluster.update();
                }
                return ttl.clamp(SHORTEST, LONGEST);
            }
            Err(trouble) => {
                let failures = &cluster.counters.resolve_failures;
                failures.set(failures.get() + 1);
                let times = self.failures.replace(self.failures.get().saturating_add(1));
                if times == 0 {
                    self.complain(name, &trouble, cluster);
                }
                SHORTEST.saturating_mul(1 << times.min(8)).min(PATIENCE)
            }
        };
        if first {
            // Some may have waited for nothing.
            cluster.freed();
        }
        pause
    }

    fn complain(&self, name: &str, trouble: &Trouble, cluster: &Cluster) {
        let goes_on = match self.addresses.borrow().len() {
            0 if cluster.members.list().is_empty() => "it has no endpoints yet".to_owned(),
            0 => "the other endpoints go on".to_owned(),
            1 => "the address that it had goes on".to_owned(),
            count => format!("the {count} addresses that it had go on"),
        };
        message::warning(format_args!("cannot resolve `{name}` of the cluster {}: {trouble}; {goes_on}", cluster.name));
    }
}
