//! What a program runs on, in the two languages that name it.

use anyhow::{Context, Result};
use serde::Serialize;

/// Serialized, it is the `platform` of an OCI descriptor.
#[derive(PartialEq, Eq, Serialize)]
pub struct Platform {
    /// As OCI images and Go say it: `amd64`
    pub architecture: &'static str,
    pub os: &'static str,
    /// Which of the architecture's instruction sets, where its name leaves that open: `v7`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<&'static str>,
    /// As rustc says it: `x86_64-unknown-linux-gnu`
    #[serde(skip)]
    pub target: &'static str,
}

/// Upstream's pause has all of these but riscv64.
pub const PLATFORMS: [Platform; 6] = [
    Platform::new("amd64", None, "x86_64-unknown-linux-gnu"),
    Platform::new("arm", Some("v7"), "armv7-unknown-linux-gnueabihf"),
    Platform::new("arm64", None, "aarch64-unknown-linux-gnu"),
    Platform::new("ppc64le", None, "powerpc64le-unknown-linux-gnu"),
    Platform::new("riscv64", None, "riscv64gc-unknown-linux-gnu"),
    Platform::new("s390x", None, "s390x-unknown-linux-gnu"),
];

impl Platform {
    const fn new(architecture: &'static str, variant: Option<&'static str>, target: &'static str) -> Self {
        Self { architecture, os: "linux", variant, target }
    }

    /// Whether programs with `std` are built for it: what most nodes are.
    pub fn has_std(&self) -> bool {
        matches!(self.architecture, "amd64" | "arm64")
    }

    /// As GCC and Debian's directories say it: `x86_64-linux-gnu`
    pub fn triplet(&self) -> String {
        self.target.replace("-unknown", "")
    }

    /// The machine this runs on.
    pub fn host() -> Result<&'static Self> {
        let machine = std::env::consts::ARCH;
        PLATFORMS
            .iter()
            .find(|platform| platform.target.starts_with(machine))
            .with_context(|| format!("pause has no `arch/{machine}.rs` yet"))
    }
}
