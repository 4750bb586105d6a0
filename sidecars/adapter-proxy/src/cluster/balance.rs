//! Which endpoint is next. This runs for each request: it looks at the endpoints in their order, and allocates nothing.

use super::random::Random;
use super::{Endpoint, Unavailable};
use crate::config::{Balance, Cluster};
use std::rc::Rc;
use tokio::time::Instant;

/// What differs by less than that is the noise of a machine, and no reason to prefer anybody. In seconds.
const NOISE: f64 = 0.001;
/// What costs up to so many times as much is as good.
const AS_GOOD: f64 = 1.25;

/// A choice, with all that it depends on.
pub struct Choice<'a> {
    pub endpoints: &'a [Rc<Endpoint>],
    pub tried: &'a [Rc<Endpoint>],
    pub settings: &'a Cluster,
    /// All are primaries of the same weight
    pub alike: bool,
    pub now: Instant,
    pub random: &'a Random,
}

/// Who may be chosen. Each group is for when the one before has nobody who was not tried.
#[derive(Clone, Copy)]
enum Group {
    Primaries,
    Backups,
    /// Too few are well to believe it
    All,
}

/// How many are well.
#[derive(Default)]
struct Census {
    primaries: usize,
    well_primaries: usize,
    backups: usize,
    well_backups: usize,
}

impl<'a> Choice<'a> {
    /// # Errors
    /// When there is nobody.
    pub fn make(&self) -> Result<&'a Rc<Endpoint>, Unavailable> {
        if let Some(chosen) = self.quick() {
            return Ok(chosen);
        }
        let groups: &[Group] = if self.panics() { &[Group::All] } else { &[Group::Primaries, Group::Backups] };
        for group in groups {
            match self.of(*group) {
                Err(Unavailable::None) => {}
                result => return result,
            }
        }
        Err(Unavailable::None)
    }

    /// What it nearly always is, without a look at all: two that are drawn may both be chosen. Where they may not, all are
    /// looked at, and the same is drawn among those that may.
    fn quick(&self) -> Option<&'a Rc<Endpoint>> {
        let count = self.endpoints.len();
        if !self.alike || !self.tried.is_empty() || count < 2 || self.settings.balance == Balance::RoundRobin {
            return None;
        }
        let index = |end: usize| usize::try_from(self.random.below(end as u64)).ok();
        let (one, other) = (index(count)?, index(count - 1)?);
        let other = if other >= one { other + 1 } else { other };
        let [one, other] = [self.endpoints.get(one)?, self.endpoints.get(other)?];
        let is_fine = |endpoint: &Endpoint| {
            endpoint.health.is_up() && endpoint.outlier.until().is_none() && self.is_open(endpoint)
        };
        (is_fine(one) && is_fine(other)).then(|| self.cheaper(one, other))
    }

    /// The first, unless that costs more than what differs by chance.
    fn cheaper(&self, one: &'a Rc<Endpoint>, other: &'a Rc<Endpoint>) -> &'a Rc<Endpoint> {
        if self.cost(one) <= self.cost(other) * AS_GOOD { one } else { other }
    }

    /// Whether so few are well that the fault is likely to be elsewhere. While a backup is well there is no reason to.
    pub fn panics(&self) -> bool {
        let mut census = Census::default();
        for endpoint in self.endpoints {
            let well = usize::from(endpoint.is_well(self.now));
            if endpoint.backup.get() {
                census.backups += 1;
                census.well_backups += well;
            } else {
                census.primaries += 1;
                census.well_primaries += well;
            }
        }
        let all = if census.primaries > 0 { census.primaries } else { census.backups };
        census.well_backups == 0 && census.well_primaries * 100 < all * usize::from(self.settings.panic_threshold)
    }

    fn of(&self, group: Group) -> Result<&'a Rc<Endpoint>, Unavailable> {
        let (mut any, mut weight, mut equal, mut first) = (false, 0, true, None);
        for endpoint in self.endpoints.iter().filter(|endpoint| self.is_for(endpoint, group)) {
            any = true;
            if self.is_open(endpoint) {
                equal &= *first.get_or_insert(endpoint.weight.get()) == endpoint.weight.get();
                weight += u64::from(endpoint.weight.get());
            }
        }
        match (any, weight) {
            (false, _) => Err(Unavailable::None),
            (true, 0) => Err(Unavailable::Busy),
            (true, _) if self.settings.balance == Balance::RoundRobin => self.turn(group),
            (true, _) => self.better_of_two(group, weight, equal),
        }
    }

    fn is_for(&self, endpoint: &Rc<Endpoint>, group: Group) -> bool {
        let right = match group {
            Group::Primaries => !endpoint.backup.get() && endpoint.is_well(self.now),
            Group::Backups => endpoint.backup.get() && endpoint.is_well(self.now),
            Group::All => true,
        };
        right && !self.tried.iter().any(|tried| Rc::ptr_eq(tried, endpoint))
    }

    fn is_open(&self, endpoint: &Endpoint) -> bool {
        endpoint.busy() < self.settings.limits.connections
    }

    fn open(&self, group: Group) -> impl Iterator<Item = &'a Rc<Endpoint>> {
        self.endpoints.iter().filter(move |endpoint| self.is_for(endpoint, group) && self.is_open(endpoint))
    }

    /// Power of two choices: nearly as good as the best of all, and those who choose at the same time do not all choose
    /// the same. <https://www.eecs.harvard.edu/~michaelm/postscripts/tpds2001.pdf>
    fn better_of_two(&self, group: Group, weight: u64, equal: bool) -> Result<&'a Rc<Endpoint>, Unavailable> {
        let one = self.drawn(group, weight, None).ok_or(Unavailable::None)?;
        let rest = weight - u64::from(one.weight.get());
        let Some(other) = self.drawn(group, rest, Some(one)) else { return Ok(one) };
        // It takes one try to find out, and nobody else's.
        if one.outlier.is_due(self.now) != other.outlier.is_due(self.now) {
            return Ok(if one.outlier.is_due(self.now) { one } else { other });
        }
        if equal {
            return Ok(self.cheaper(one, other));
        }
        let (cost, others) = (self.cost(one), self.cost(other));
        // With weights, whoever has had less of its share, as long as it does not cost much more.
        let behind = if one.given.get() <= other.given.get() { one } else { other };
        let chosen = match behind {
            behind if Rc::ptr_eq(behind, one) && cost <= 2.0 * others => one,
            behind if Rc::ptr_eq(behind, other) && others <= 2.0 * cost => other,
            _ if cost <= others => one,
            _ => other,
        };
        let ahead = one.given.get().max(other.given.get());
        // Who was away does not get all that it has missed.
        let given = chosen.given.get().max(ahead - 1.0) + 1.0 / f64::from(chosen.weight.get());
        chosen.given.set(given);
        Ok(chosen)
    }

    /// One at random, by weight.
    fn drawn(&self, group: Group, weight: u64, but: Option<&Rc<Endpoint>>) -> Option<&'a Rc<Endpoint>> {
        if weight == 0 {
            return None;
        }
        let mut left = self.random.below(weight);
        self.open(group).filter(|endpoint| but.is_none_or(|but| !Rc::ptr_eq(but, endpoint))).find(|endpoint| {
            let weight = u64::from(endpoint.weight.get());
            let here = left < weight;
            left = left.saturating_sub(weight);
            here
        })
    }

    fn cost(&self, endpoint: &Endpoint) -> f64 {
        let load = 1.0 + f64::from(endpoint.busy()) / f64::from(endpoint.weight.get());
        match self.settings.balance {
            Balance::Ewma => (endpoint.latency.expected(self.now) + NOISE) * load,
            Balance::LeastRequest | Balance::RoundRobin => load,
        }
    }

    /// Smooth weighted round robin, as nginx has it: with weights 5, 1, 1 not five times the same one in a row. Here the
    /// one whose next turn would be over first, which gives the same order.
    fn turn(&self, group: Group) -> Result<&'a Rc<Endpoint>, Unavailable> {
        let next = |endpoint: &Rc<Endpoint>| endpoint.given.get() + 1.0 / f64::from(endpoint.weight.get());
        let mut chosen: Option<&Rc<Endpoint>> = None;
        let mut ahead = f64::MIN;
        for endpoint in self.open(group) {
            ahead = ahead.max(endpoint.given.get());
            if chosen.is_none_or(|chosen| next(endpoint) < next(chosen) - 1e-9) {
                chosen = Some(endpoint);
            }
        }
        let chosen = chosen.ok_or(Unavailable::None)?;
        // Who was away does not get all that it has missed.
        chosen.given.set(next(chosen).max(ahead - 1.0));
        Ok(chosen)
    }
}
