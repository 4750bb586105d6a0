//! How a long-running program runs: on one thread, which waits for all there is to wait for.

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::future::Future;
use tokio::runtime::Builder;

/// What runs off the one thread are calls that wait for a disk or a name server. They need little stack, and two at a time are enough.
const STACK: usize = 128 << 10;

/// Runs a program to its end.
///
/// # Errors
/// That of the program, or when the kernel does not even give it an epoll.
pub fn run<F: Future<Output = Result<()>>>(program: F) -> Result<()> {
    open_many_files();
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(2) // one may wait for a name server; each has an arena of malloc's, which is not given back
        .thread_stack_size(STACK)
        .build()
        .context("cannot start")?;
    let result = runtime.block_on(program);
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
