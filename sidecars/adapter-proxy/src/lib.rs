//! One local address for a whole cluster: what the app connects to, and what is behind it.

#![deny(unsafe_code)]

pub mod address;
pub mod body;
pub mod cluster;
pub mod complaints;
pub mod config;
pub mod exporter;
pub mod filter;
pub mod http;
pub mod listener;
pub mod route;
pub mod stream;
pub mod tcp;
pub mod traffic;
