//! What goes on beside the requests.

use std::future::Future;
use tokio::task::{AbortHandle, spawn_local};

/// A task that ends when this is dropped.
pub struct Task(AbortHandle);

impl Task {
    /// Within a `LocalSet`.
    pub fn spawn(work: impl Future<Output = ()> + 'static) -> Self {
        Self(spawn_local(work).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
