//! What is said of the sink: once when it goes down, once for each other reason while it is, and once when it is back.

use super::failure::{Failure, Kind};
use anyhow::anyhow;
use chassis::message;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// More reasons than that are not told in one outage.
const REASONS: usize = 8;

#[derive(Default)]
pub struct Health {
    outage: Mutex<Option<Outage>>,
}

struct Outage {
    since: Instant,
    failures: u32,
    said: Vec<(usize, Kind)>,
}

impl Health {
    /// A request to this URL has failed. Returns whether that was said.
    pub fn failed(&self, url: (usize, &str), failure: &Failure) -> bool {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let outage = outage.get_or_insert_with(|| Outage { since: Instant::now(), failures: 0, said: vec![] });
        outage.failures = outage.failures.saturating_add(1);
        let known = outage.said.contains(&(url.0, failure.kind)) || outage.said.len() == REASONS;
        if known || outage.failures == 1 && failure.may_pass() {
            return false;
        }
        outage.said.push((url.0, failure.kind));
        let (what, hint) = failure.text.split_once("\nhint: ").unwrap_or((&failure.text, ""));
        let hint = if hint.is_empty() { String::new() } else { format!("\nhint: {hint}") };
        message::error(&anyhow!("cannot deliver to {}: {what}; nothing is lost, it is tried again{hint}", url.1));
        true
    }

    /// A request has been answered. Returns whether that was said.
    pub fn works(&self, url: &str) -> bool {
        let outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner).take();
        let told = outage.filter(|outage| !outage.said.is_empty());
        if let Some(outage) = &told {
            let seconds = outage.since.elapsed().as_secs();
            message::info(format_args!("delivering again, to {url}, after {seconds} s"));
        }
        told.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Health, Kind};

    const URL: (usize, &str) = (0, "http://sink");

    fn failure(kind: Kind) -> Failure {
        Failure::new(kind, "it did")
    }

    #[test]
    fn an_outage_is_said_once_and_so_is_its_end() {
        let health = Health::default();
        assert!(health.failed(URL, &failure(Kind::Unreachable)));
        assert!((0..100).all(|_| !health.failed(URL, &failure(Kind::Unreachable))));
        assert!(health.failed(URL, &failure(Kind::Status(401))));
        assert!(!health.failed(URL, &failure(Kind::Unreachable)));
        assert!(health.failed((1, "http://other"), &failure(Kind::Unreachable)));
        assert!(health.works("http://sink"));
        assert!(!health.works("http://sink"));
        assert!(health.failed(URL, &failure(Kind::Unreachable)));
    }

    #[test]
    fn what_passes_by_itself_is_not_worth_a_message() {
        let health = Health::default();
        assert!(!health.failed(URL, &failure(Kind::Status(503))));
        assert!(!health.works("http://sink"));
        assert!(!health.failed(URL, &failure(Kind::Broken)));
        assert!(health.failed(URL, &failure(Kind::Broken)));
    }

    #[test]
    fn a_sink_that_fails_in_new_ways_is_not_told_for_ever() {
        let health = Health::default();
        assert_eq!((300..400).filter(|status| health.failed(URL, &failure(Kind::Status(*status)))).count(), 8);
    }
}
