//! What of war-copy reads foreign input, so that tests and fuzz targets reach it. The rest is the program's own.

#![forbid(unsafe_code)]

pub mod archive;
pub mod digest;
mod names;

pub use names::MAX_DEPTH;
