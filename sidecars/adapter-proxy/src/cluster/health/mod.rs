//! Active checks: each endpoint is asked now and then whether it is well. The first answer counts at once; after that it
//! takes several in a row to change one's mind.

mod check;

use super::Endpoint;
use super::random::Random;
use super::tasks::Task;
use crate::config;
use chassis::message;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tokio::time::{sleep, timeout};

/// What the checks of one endpoint have found.
#[derive(Default)]
pub struct Health {
    up: Cell<Option<bool>>,
    /// So many answers in a row are against that
    against: Cell<u32>,
    /// What was wrong last
    wrong: RefCell<Option<String>>,
    passed: Cell<u64>,
    failed: Cell<u64>,
}

impl Health {
    /// Without checks, and before the first one, it is.
    pub fn is_up(&self) -> bool {
        self.up.get() != Some(false)
    }

    /// Why it is not.
    pub fn wrong(&self) -> Option<String> {
        self.wrong.borrow().clone().filter(|_| !self.is_up())
    }

    /// How many checks went well, and how many did not.
    pub fn counts(&self) -> (u64, u64) {
        (self.passed.get(), self.failed.get())
    }

    /// There are no checks any more, or others.
    pub fn forget(&self) {
        self.up.set(None);
        self.against.set(0);
        self.wrong.replace(None);
    }

    /// Returns whether that changes what is known.
    fn note(&self, result: Result<(), String>, settings: &config::Health) -> bool {
        let good = result.is_ok();
        let count = if good { &self.passed } else { &self.failed };
        count.set(count.get() + 1);
        if let Err(wrong) = result {
            self.wrong.replace(Some(wrong));
        }
        let enough = match self.up.get() {
            None => 1,
            Some(up) if up == good => {
                self.against.set(0);
                return false;
            }
            Some(true) => settings.fall,
            Some(false) => settings.rise,
        };
        self.against.set(self.against.get() + 1);
        if self.against.get() < enough {
            return false;
        }
        let before = self.is_up();
        self.up.set(Some(good));
        self.against.set(0);
        before != good
    }
}

/// Checks it until the task is dropped.
pub fn watch(endpoint: &Rc<Endpoint>, settings: config::Health, cluster: Rc<str>) -> Task {
    let endpoint = Rc::downgrade(endpoint);
    Task::spawn(async move {
        let random = Random::new();
        loop {
            let Some(endpoint) = endpoint.upgrade() else { return };
            let result = match timeout(settings.timeout, check::check(&settings.check, &endpoint)).await {
                Ok(result) => result,
                Err(_) => Err(format!("no answer within {:?}", settings.timeout)),
            };
            if let Some(result) = result.transpose()
                && endpoint.health.note(result, &settings)
            {
                told(&endpoint, &cluster);
            }
            drop(endpoint);
            // Not all at the same time, nor all proxies.
            sleep(settings.interval.mul_f64(0.9 + random.fraction() / 5.0)).await;
        }
    })
}

fn told(endpoint: &Endpoint, cluster: &str) {
    if let Some(wrong) = endpoint.health.wrong() {
        message::warning(format_args!("the endpoint {endpoint} of the cluster {cluster} is out: {wrong}"));
        return;
    }
    message::info(format_args!("the endpoint {endpoint} of the cluster {cluster} passes its checks again"));
    if let Some(cluster) = endpoint.cluster() {
        cluster.freed();
    }
}

#[cfg(test)]
mod tests {
    use super::Health;
    use crate::config;
    use std::time::Duration;

    const SETTINGS: config::Health = config::Health {
        check: config::Check::Tcp {},
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        rise: 2,
        fall: 3,
    };

    /// `+` is a good answer, `-` a bad one; in the result, `U` and `D` are where it changed.
    fn after(answers: &str) -> (String, bool) {
        let health = Health::default();
        let note = |answer| match health.note(if answer == '+' { Ok(()) } else { Err("bad".into()) }, &SETTINGS) {
            true if health.is_up() => 'U',
            true => 'D',
            false => answer,
        };
        (answers.chars().map(note).collect(), health.is_up())
    }

    #[test]
    fn rise_and_fall() {
        assert_eq!(after(""), (String::new(), true));
        assert_eq!(after("-"), ("D".into(), false));
        assert_eq!(after("+--+--+---"), ("+--+--+--D".into(), false));
        assert_eq!(after("-+-+-++"), ("D+-+-+U".into(), true));
        assert_eq!(after("-++---"), ("D+U--D".into(), false));
    }

    #[test]
    fn what_was_wrong() {
        let health = Health::default();
        assert!(health.note(Err("one".into()), &SETTINGS));
        health.note(Err("two".into()), &SETTINGS);
        assert_eq!((health.wrong().as_deref(), health.counts()), (Some("two"), (0, 2)));
        health.forget();
        assert_eq!((health.wrong(), health.is_up()), (None, true));
    }
}
