//! What a program runs on, in the two languages that name it.

use anyhow::{Context, Result};

pub struct Platform {
    /// As OCI images and Go say it: `amd64`
    pub architecture: &'static str,
    /// As rustc says it: `x86_64-unknown-linux-gnu`
    pub target: &'static str,
}

const PLATFORMS: [Platform; 1] = [Platform { architecture: "amd64", target: "x86_64-unknown-linux-gnu" }];

impl Platform {
    /// The machine this runs on.
    pub fn host() -> Result<&'static Self> {
        let machine = std::env::consts::ARCH;
        PLATFORMS
            .iter()
            .find(|platform| platform.target.starts_with(machine))
            .with_context(|| format!("pause has no `arch/{machine}.rs` yet"))
    }
}
