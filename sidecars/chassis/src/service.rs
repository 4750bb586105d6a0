//! How a long-running program runs: on one thread, which waits for all there is to wait for.

use crate::message::hurry;
use crate::{heap, text};
use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::Notify;
use tokio::time::sleep;

/// What runs off the one thread are calls that wait for a disk or a name server. They need little stack, and two at a time are enough.
const STACK: usize = 128 << 10;

/// After so long without a burst, the program is idle.
const IDLE: Duration = Duration::from_secs(5);

/// So many wakes in that time are a burst; what a program looks after each second is none.
const BURST: u32 = 64;

static WAKES: AtomicU32 = AtomicU32::new(0);
static BURSTS: Notify = Notify::const_new();

/// Runs a program to its end. It can `spawn_local`.
///
/// # Errors
/// That of the program, or when the kernel does not even give it an epoll.
pub fn run<F: Future<Output = Result<()>>>(program: F) -> Result<()> {
    open_many_files();
    hurry::begin();
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(2) // one may wait for a name server; each has an arena of malloc's, which is not given back
        .thread_stack_size(STACK)
        .on_thread_unpark(woken)
        .build_local(LocalOptions::default())
        .context("cannot start")?;
    let result = runtime.block_on(async {
        tokio::select! {
            biased; // what the program does before it waits for the first time is its start
            result = program => result,
            never = keep_small() => never,
        }
    });
    // A disk that hangs must not keep a program which has said what it left undone.
    runtime.shutdown_background();
    result
}

/// The soft limit is 1,024 almost everywhere, for the sake of programs that call `select`; a container's hard one is
/// high. <https://0pointer.net/blog/file-descriptor-limits.html>
fn open_many_files() {
    let limit = getrlimit(Resource::Nofile);
    // Raising it as far as the hard limit is always permitted. If it is not, the program works within the soft one.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

fn woken() {
    if WAKES.fetch_add(1, Ordering::Relaxed) + 1 == BURST {
        BURSTS.notify_one();
    }
}

/// Forgets the text that the start has mapped, and text and heap of each burst, once that is over.
async fn keep_small<T>() -> T {
    text::forget();
    loop {
        loop {
            let before = WAKES.load(Ordering::Relaxed);
            sleep(IDLE).await;
            if WAKES.load(Ordering::Relaxed).wrapping_sub(before) < BURST {
                break;
            }
        }
        text::forget();
        heap::give_back();
        WAKES.store(0, Ordering::Relaxed);
        BURSTS.notified().await;
    }
}
