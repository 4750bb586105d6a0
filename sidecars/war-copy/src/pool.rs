//! A few threads that work on what one feeds them.

use anyhow::{Context, Result, bail};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// More threads than that do not make a disk faster, and each has its buffers.
const MOST: usize = 4;

/// Takes jobs, as fast as they are worked on.
pub struct Feed<'a, J> {
    jobs: SyncSender<J>,
    failed: &'a AtomicBool,
    /// Starts one thread more, unless there are enough
    grow: &'a dyn Fn() -> Result<()>,
}

impl<J> Feed<'_, J> {
    /// # Errors
    /// When there is no use in going on, since a job has failed or there is no thread to do it.
    pub fn send(&self, job: J) -> Result<()> {
        (self.grow)()?;
        if self.failed.load(Ordering::Relaxed) || self.jobs.send(job).is_err() {
            bail!("a part of it failed");
        }
        Ok(())
    }
}

/// Has all that `feed` sends worked on, each thread with tools of its own. No more threads are started than there are
/// jobs. Returns when all of it is done, or the first error.
pub fn run<J: Send, T: Default>(
    work: impl Fn(&mut T, J) -> Result<()> + Sync,
    feed: impl FnOnce(&Feed<J>) -> Result<()>,
) -> Result<()> {
    let most = thread::available_parallelism().map_or(1, usize::from).min(MOST);
    let (sender, receiver) = sync_channel(2 * MOST);
    let receiver = Mutex::new(receiver);
    let failed = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads = RefCell::new(vec![]);
        let grow = || {
            let mut threads = threads.borrow_mut();
            if threads.len() == most {
                return Ok(());
            }
            match thread::Builder::new().spawn_scoped(scope, || worker(&receiver, &failed, &work)) {
                Ok(thread) => threads.push(thread),
                // Fewer will do.
                Err(_) if !threads.is_empty() => {}
                Err(error) => return Err(error).context("cannot start a thread"),
            }
            Ok(())
        };
        let all_sent = feed(&Feed { jobs: sender, failed: &failed, grow: &grow });
        let ends: Vec<_> = threads.take().into_iter().map(|thread| thread.join().expect("panics abort")).collect();
        // What a worker says is nearer to the cause than that feeding it failed.
        ends.into_iter().collect::<Result<()>>().and(all_sent)
    })
}

fn worker<J, T: Default>(
    jobs: &Mutex<Receiver<J>>,
    failed: &AtomicBool,
    work: impl Fn(&mut T, J) -> Result<()>,
) -> Result<()> {
    let mut tools = T::default();
    let mut end = Ok(());
    loop {
        // In a statement of its own, so that the others can wait while this one works.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            // After a failure the jobs are only taken, so that whoever feeds them does not wait for ever.
            Ok(_) if failed.load(Ordering::Relaxed) => {}
            Ok(job) => {
                if let Err(error) = work(&mut tools, job) {
                    failed.store(true, Ordering::Relaxed);
                    end = Err(error);
                }
            }
            Err(_) => return end,
        }
    }
}
