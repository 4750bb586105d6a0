//! What every sidecar shares: the contract of `docs/sidecars.md`, a file for each of its clauses. A program links what
//! it calls and nothing else.

#![deny(unsafe_code)]

#[cfg(feature = "service")]
pub mod admin;
pub mod args;
#[cfg(feature = "service")]
pub mod config;
pub mod exit;
#[cfg(feature = "service")]
pub mod exposition;
#[cfg(feature = "service")]
mod file;
#[cfg(feature = "service")]
mod heap;
pub mod message;
#[cfg(feature = "service")]
pub mod probe;
#[cfg(feature = "service")]
pub mod reload;
#[cfg(feature = "service")]
pub mod secret;
#[cfg(feature = "service")]
pub mod service;
#[cfg(feature = "service")]
pub mod stamp;
pub mod stop;
#[cfg(feature = "service")]
mod text;
#[cfg(feature = "service")]
pub mod watch;
#[cfg(feature = "service")]
pub mod yaml;
