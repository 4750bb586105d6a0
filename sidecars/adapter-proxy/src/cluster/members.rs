//! The endpoints that a cluster has now. One that stays keeps its state when the others change; one that leaves is told.

use super::health;
use super::{Cluster, Endpoint};
use crate::address::Address;
use crate::config;
use chassis::message;
use std::cell::{Cell, Ref, RefCell};
use std::rc::{Rc, Weak};

/// More of them are not used: a name server may tell thousands, and each has metrics, and perhaps checks.
const MOST: usize = 1024;
/// A message names no more than that.
const NAMED: usize = 5;

/// One that is to be there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    pub name: String,
    pub address: Address,
    pub weight: u32,
    pub backup: bool,
}

#[derive(Default)]
pub struct Members {
    list: RefCell<Vec<Rc<Endpoint>>>,
    /// All are primaries of the same weight
    alike: Cell<bool>,
    /// There were more of them last time
    too_many: Cell<bool>,
    /// Those that have left, and may have something under way
    gone: RefCell<Vec<Weak<Endpoint>>>,
}

impl Members {
    pub fn list(&self) -> Ref<'_, Vec<Rc<Endpoint>>> {
        self.list.borrow()
    }

    pub fn are_alike(&self) -> bool {
        self.alike.get()
    }

    /// Those that have left, as long as they have something under way.
    pub fn leaving(&self) -> Vec<Rc<Endpoint>> {
        self.gone.borrow_mut().retain(|endpoint| endpoint.upgrade().is_some_and(|endpoint| endpoint.busy() > 0));
        self.gone.borrow().iter().filter_map(Weak::upgrade).collect()
    }

    /// From now on it is these; an address that is there twice counts as what it is first.
    pub fn set(&self, cluster: &str, wanted: &[Wanted], me: &Weak<Cluster>) {
        let before = self.list.take();
        let mut list: Vec<Rc<Endpoint>> = vec![];
        let mut new = vec![];
        let mut left_out = 0;
        for one in wanted {
            if list.iter().any(|endpoint| endpoint.address == one.address) {
                continue;
            }
            if list.len() == MOST {
                left_out += 1;
                continue;
            }
            let known = before.iter().find(|old| old.address == one.address && *old.name == *one.name);
            let endpoint = known.cloned().unwrap_or_else(|| {
                let endpoint = Endpoint::new(&one.name, one.address.clone(), me.clone());
                // It takes its turns from now on.
                endpoint.given.set(before.iter().map(|old| old.given.get()).fold(0.0, f64::max));
                new.push(endpoint.clone());
                endpoint
            });
            endpoint.weight.set(one.weight);
            endpoint.backup.set(one.backup);
            list.push(endpoint);
        }
        if !self.too_many.replace(left_out > 0) && left_out > 0 {
            message::warning(format_args!(
                "the cluster {cluster} has {MOST} endpoints, and {left_out} more are left out: that is as many as it can have"
            ));
        }
        let count = list.len();
        let weight = list.first().map(|endpoint| endpoint.weight.get());
        self.alike.set(list.iter().all(|it| Some(it.weight.get()) == weight && !it.backup.get()));
        let gone: Vec<_> = before.iter().filter(|old| !list.iter().any(|endpoint| Rc::ptr_eq(old, endpoint))).collect();
        self.list.replace(list);
        let is_new = !new.is_empty() || !gone.is_empty();
        if is_new && !before.is_empty() {
            message::info(format_args!(
                "the cluster {cluster} has {count} {} now{}{}",
                if count == 1 { "endpoint" } else { "endpoints" },
                named("new", new.iter()),
                named("gone", gone.iter().copied())
            ));
        }
        for endpoint in gone {
            endpoint.leave();
            if endpoint.busy() > 0 {
                self.gone.borrow_mut().push(Rc::downgrade(endpoint));
            }
        }
        self.leaving();
    }

    /// All leave.
    pub fn clear(&self) {
        for endpoint in self.list.take() {
            endpoint.leave();
        }
    }

    /// Each is to be checked.
    pub fn check(&self, settings: &config::Health, cluster: &Rc<str>) {
        for endpoint in &*self.list.borrow() {
            let mut checks = endpoint.checks.borrow_mut();
            if checks.is_none() {
                *checks = Some(health::watch(endpoint, settings.clone(), cluster.clone()));
            }
        }
    }

    /// None is checked any more, and what was found holds no more.
    pub fn uncheck(&self) {
        for endpoint in &*self.list.borrow() {
            endpoint.checks.take();
            endpoint.health.forget();
        }
    }
}

fn named<'a>(what: &str, endpoints: impl ExactSizeIterator<Item = &'a Rc<Endpoint>>) -> String {
    let count = endpoints.len();
    if count == 0 {
        return String::new();
    }
    let names: Vec<_> = endpoints.take(NAMED).map(ToString::to_string).collect();
    let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
    format!("; {what}: {}{more}", names.join(", "))
}
