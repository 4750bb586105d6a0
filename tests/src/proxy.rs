//! adapter-proxy from outside.

pub mod http;

use crate::launch::Launch;
use crate::sidecar::with;
use std::ffi::OsStr;

/// adapter-proxy with these arguments, to be started; without an admin endpoint unless they say where.
pub fn launch(arguments: &[&dyn AsRef<OsStr>]) -> Launch {
    with(Launch::new(&crate::program("adapter-proxy")).env("ADAPTER_PROXY_ADMIN", "off"), arguments)
}
