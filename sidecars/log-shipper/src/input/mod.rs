//! Logs: which files they are, what became of them, and what has not been read of them.

pub mod generation;
pub mod identity;
pub mod lag;
pub mod log;
pub mod names;
pub mod numbers;
pub mod patterns;
pub mod reconcile;
pub mod siblings;
pub mod source;
pub mod stdin;
pub mod tailer;
pub mod watch;
