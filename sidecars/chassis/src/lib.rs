//! What every sidecar shares: the contract of `docs/sidecars.md`, a file for each of its clauses. A program links what
//! it calls and nothing else.

#![forbid(unsafe_code)]

pub mod args;
pub mod exit;
pub mod message;
pub mod stop;
