//! What a page is made of, fetched from all its targets side by side.

use super::fetched::Fetched;
use super::source::Source;
use crate::config::metrics;
use chassis::message;
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

pub struct Fetcher {
    targets: Vec<Target>,
}

struct Target {
    index: usize,
    /// For messages
    name: String,
    source: Source,
    timeout: Duration,
    cache: Duration,
    /// What was fetched last, and when that was done. Who fetches holds it
    last: Mutex<Option<(Instant, Rc<Fetched>)>>,
    /// How many ask for it
    asking: Cell<usize>,
    is_down: Cell<bool>,
}

/// One who asks. The last one takes what was fetched away, where it is not to be served again.
struct Asking<'t>(&'t Target);

impl<'t> Asking<'t> {
    fn of(target: &'t Target) -> Self {
        target.asking.set(target.asking.get() + 1);
        Self(target)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let Target { asking, cache, last, .. } = self.0;
        asking.set(asking.get() - 1);
        if asking.get() == 0
            && cache.is_zero()
            && let Ok(mut last) = last.try_lock()
        {
            *last = None;
        }
    }
}

impl Fetcher {
    /// Of the page of this name. Nothing is fetched yet.
    pub fn new(name: &str, page: &metrics::Page) -> Self {
        let targets = page.targets.iter().enumerate().map(|(index, target)| Target {
            index,
            name: format!("target `{}` of the page `{name}`", target.name),
            source: Source::new(target),
            timeout: target.timeout,
            cache: target.cache,
            last: Mutex::default(),
            asking: Cell::new(0),
            is_down: Cell::new(false),
        });
        Self { targets: targets.collect() }
    }

    /// What there is of each target, in their order.
    pub async fn fetch(&self) -> Vec<Rc<Fetched>> {
        let mut running: Vec<_> = self.targets.iter().map(|target| (Box::pin(target.fetch()), None)).collect();
        poll_fn(|context| {
            for (future, fetched) in running.iter_mut().filter(|(_, fetched)| fetched.is_none()) {
                if let Poll::Ready(done) = Pin::new(future).poll(context) {
                    *fetched = Some(done);
                }
            }
            let is_done = running.iter().all(|(_, fetched)| fetched.is_some());
            if is_done { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        running.into_iter().filter_map(|(_, fetched)| fetched).collect()
    }
}

impl Target {
    /// What was fetched lately, or by somebody else since this was called, or else now. If whoever fetches gives up, the
    /// next one who waits for it does it.
    async fn fetch(&self) -> Rc<Fetched> {
        let called = Instant::now();
        let _asking = Asking::of(self); // it is dropped after the lock
        let mut last = self.last.lock().await;
        if let Some((at, fetched)) = &*last {
            let is_fresh = fetched.body.is_ok() && at.elapsed() < self.cache;
            if is_fresh || *at > called {
                return fetched.clone();
            }
        }
        let begun = Instant::now();
        let body = match timeout(self.timeout, self.source.read()).await {
            Ok(body) => body,
            Err(_) => Err(format!("it took longer than {:?}", self.timeout)),
        };
        self.tell(body.as_ref().err());
        let fetched = Rc::new(Fetched { target: self.index, took: begun.elapsed(), body });
        *last = Some((Instant::now(), fetched.clone()));
        fetched
    }

    /// Says when it comes and goes, not each time that it is away.
    fn tell(&self, wrong: Option<&String>) {
        let was_down = self.is_down.replace(wrong.is_some());
        match wrong {
            Some(wrong) if !was_down => message::warning(format_args!("the {}: {wrong}", self.name)),
            None if was_down => message::info(format_args!("the {} is there again", self.name)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
