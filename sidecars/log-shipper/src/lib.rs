//! log-shipper's parts, for its tests and fuzz targets. The program is in `main.rs`.

#![forbid(unsafe_code)]

pub mod batch;
pub mod config;
pub mod decode;
pub mod encode;
pub mod event;
pub mod input;
pub mod keeper;
pub mod lanes;
pub mod positions;
pub mod route;
pub mod sink;
pub mod state;
pub mod window;
