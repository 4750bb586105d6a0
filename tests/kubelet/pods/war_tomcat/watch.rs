//! A loop of requests, and what it sees.

use super::images::long;
use kubelet::http;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two requests: a processor is left for Tomcat.
const PACE: Duration = Duration::from_millis(5);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// All of it, of this version
    Version(u32),
    /// Tomcat's own answer while it has none of the application
    NotDeployed,
    /// What nobody should ever see
    Broken(String),
}

/// Asks for a page again and again, while it lives.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Vec<(Seen, u32)>>,
    over: AtomicBool,
}

impl Watch {
    pub fn start(address: SocketAddr, path: &'static str) -> Self {
        let shared = Arc::<Shared>::default();
        let watch = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            while !watch.over.load(Ordering::Relaxed) {
                let now = look(address, path);
                let mut seen = watch.seen.lock().unwrap();
                match seen.last_mut() {
                    Some((last, times)) if *last == now => *times += 1,
                    _ => seen.push((now, 1)),
                }
                drop(seen);
                std::thread::sleep(PACE);
            }
        });
        Self { shared, thread: Some(thread) }
    }

    /// Answers in their order, each with how often it came in a row.
    pub fn seen(&self) -> Vec<(Seen, u32)> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Asks no more, and returns all that it has seen.
    pub fn end(self) -> Vec<(Seen, u32)> {
        let shared = Arc::clone(&self.shared);
        drop(self);
        std::mem::take(&mut shared.seen.lock().unwrap())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn look(address: SocketAddr, path: &str) -> Seen {
    match http::get(address, path, Duration::from_secs(20)) {
        Ok(answer) if answer.status == 200 => {
            let version = answer.body.strip_prefix("version ").and_then(|rest| rest.chars().next()?.to_digit(10));
            match version {
                Some(version) if path.ends_with('/') && is_page(&answer.body, version) => Seen::Version(version),
                Some(version) if answer.body == long(version) => Seen::Version(version),
                _ => Seen::Broken(answer.body.chars().take(200).collect()),
            }
        }
        Ok(answer) if [404, 503].contains(&answer.status) => Seen::NotDeployed,
        Ok(answer) => Seen::Broken(format!("{}: {}", answer.status, answer.body)),
        Err(error) => Seen::Broken(format!("{error:#}")),
    }
}

/// The whole output of `index.jsp`.
fn is_page(body: &str, version: u32) -> bool {
    body.strip_prefix(&format!("version {version} on Apache Tomcat/10.")).is_some_and(|rest| rest.ends_with('\n'))
}
