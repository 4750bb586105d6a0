//! The compiler for each platform: the installed toolchain where it has the target's library, as rustup adds it, else
//! Debian's rustc, which has every target in it; beside it the source of `core`, and `std` where programs need it.

use crate::command::output;
use crate::debian;
use crate::glibc::Glibc;
use crate::platform::{PLATFORMS, Platform};
use crate::program::Program;
use anyhow::{Context, Result, ensure};
use std::env;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian's packages are unpacked.
pub const ROOT: &str = "target/cross/debian";

pub enum Compiler {
    Installed,
    Debian { root: PathBuf, linker: PathBuf },
}

impl Compiler {
    /// Prepares what is missing.
    pub fn of(platform: &Platform) -> Result<Self> {
        let libraries = rustc(&["--print", "target-libdir", "--target", platform.target])?;
        if Path::new(&libraries).exists() {
            return Ok(Self::Installed);
        }
        let host = Platform::host()?.target;
        let linker = rust_lld()?;
        let mut packages = vec!["rustc-web".into(), "rust-web-src".into()];
        let others = PLATFORMS.iter().filter(|platform| platform.has_std() && platform.target != host);
        packages.extend(others.map(|platform| debian::of("libstd-rust-web-dev", platform)));
        debian::unpack(&packages, None, Path::new(ROOT)).with_context(|| {
            format!("no compiler for {0}; with network, `rustup target add {0}` is one", platform.target)
        })?;
        Ok(Self::Debian { root: env::current_dir()?.join(ROOT), linker })
    }

    /// Where it puts what it builds, so that two compilers do not take turns in one directory.
    pub fn target_directory(&self) -> &'static str {
        match self {
            Self::Installed => "target",
            Self::Debian { .. } => "target/cross/build",
        }
    }

    /// All that `rustc -vV` says.
    pub fn version(&self) -> Result<String> {
        match self {
            Self::Installed => rustc(&["-vV"]),
            Self::Debian { root, .. } => {
                output(debian::libraries(Command::new(root.join("usr/bin/rustc")).arg("-vV"), root)?)
            }
        }
    }

    /// Has `cargo`, with its verb given, build `program` with it for `platform`, and C code with `flags`.
    pub fn configure(
        &self,
        cargo: &mut Command,
        program: &Program,
        platform: &'static Platform,
        flags: &[String],
    ) -> Result<()> {
        cargo.args(["--target-dir", self.target_directory(), "--target", platform.target]);
        if let Self::Debian { root, linker } = self {
            let host = Platform::host()?.target;
            cargo
                .args(["--config", &format!("target.{host}.linker = 'cc'")]) // for build scripts, whatever else is said
                .env("RUSTC", root.join("usr/bin/rustc"));
            debian::libraries(cargo, root)?;
            if program.no_std {
                cargo
                    .arg("-Zbuild-std=core,compiler_builtins")
                    .args(["--config", &format!("target.{}.linker = '{}'", platform.target, linker.display())])
                    .env("RUSTC_BOOTSTRAP", "1"); // `-Z` on a stable compiler
            }
        }
        if program.no_std { Ok(()) } else { Glibc::of(platform)?.configure(cargo, platform, flags) }
    }
}

impl Display for Compiler {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::Installed => f.write_str("the installed toolchain"),
            Self::Debian { .. } => write!(f, "Debian's rustc in {ROOT}"),
        }
    }
}

/// The linker of the installed toolchain, for every platform.
pub fn rust_lld() -> Result<PathBuf> {
    let host = Platform::host()?.target;
    let linker = PathBuf::from(rustc(&["--print", "sysroot"])?).join(format!("lib/rustlib/{host}/bin/rust-lld"));
    ensure!(linker.exists(), "{} is missing\nhint: a toolchain of rustup's has it", linker.display());
    Ok(linker)
}

fn rustc(arguments: &[&str]) -> Result<String> {
    output(Command::new("rustc").args(arguments))
}
