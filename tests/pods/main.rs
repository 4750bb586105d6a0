//! The pod contract on the Docker engine, or on what stands in for it.

mod contract;
mod demo;
