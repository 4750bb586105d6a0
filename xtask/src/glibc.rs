//! The C library that programs with `std` carry, and the GCC that links it in: this machine's own; for another platform
//! Debian's.

use crate::command::output;
use crate::cross::{ROOT, rust_lld};
use crate::debian;
use crate::platform::Platform;
use anyhow::{Context, Result};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

pub enum Glibc {
    Installed,
    Debian { root: PathBuf, platform: &'static Platform },
}

impl Glibc {
    /// Prepares what is missing.
    pub fn of(platform: &'static Platform) -> Result<Self> {
        if platform == Platform::host()? {
            return Ok(Self::Installed);
        }
        let gcc = format!("gcc-{}", platform.triplet().replace('_', "-"));
        let [library, headers] = ["libc6-dev", "linux-libc-dev"].map(|name| debian::of(name, platform));
        debian::unpack(&[gcc, library, headers], None, Path::new(ROOT))
            .with_context(|| format!("no C library for {}", platform.target))?;
        Ok(Self::Debian { root: env::current_dir()?.join(ROOT), platform })
    }

    /// Of Debian's package of it.
    pub fn version(&self) -> Result<String> {
        match self {
            Self::Installed => {
                output(Command::new("dpkg-query").args(["--show", "--showformat", "${Version}", "libc6-dev"]))
                    .context("whose C library is linked? On Debian, `libc6-dev` would tell")
            }
            Self::Debian { root, platform } => debian::version(&debian::of("libc6-dev", platform), root),
        }
    }

    fn gcc(&self) -> PathBuf {
        match self {
            Self::Installed => "cc".into(),
            Self::Debian { root, platform } => root.join(format!("usr/bin/{}-gcc", platform.triplet())),
        }
    }

    /// Has `cargo` link with it, and compile with `flags` what C code and assembly a crate brings.
    pub fn configure(&self, cargo: &mut Command, platform: &Platform, flags: &[String]) -> Result<()> {
        let (target, gcc) = (platform.target, self.gcc());
        let mut flags = flags.to_vec();
        if let Self::Debian { root, .. } = self {
            let sysroot = format!("--sysroot={}", root.display());
            // Where GCC finds it as `ld.lld`. On amd64 rustc has it link, too; GNU ld refuses
            // `sidecars/no-unwinding.ld`.
            let lld = format!("-B{}", rust_lld()?.with_file_name("gcc-ld").display());
            cargo.args(["--config", &format!("target.{target}.linker = '{}'", gcc.display())]);
            for argument in [&sysroot, &lld, "-fuse-ld=lld"] {
                cargo.args(["--config", &format!("target.{target}.rustflags = ['-Clink-arg={argument}']")]);
            }
            cargo.env(format!("AR_{target}"), gcc.with_file_name(format!("{}-ar", platform.triplet())));
            debian::libraries(cargo, root)?;
            flags.push(sysroot);
        }
        let flags: Vec<_> = flags.iter().map(|flag| format!("'{flag}'")).collect(); // a path may have blanks
        cargo
            .env(format!("CC_{target}"), gcc)
            .env(format!("CFLAGS_{target}"), flags.join(" "))
            .env("CC_SHELL_ESCAPED_FLAGS", "1");
        Ok(())
    }

    /// What the bytes depend on, a line for each.
    pub fn toolchain(&self) -> Result<String> {
        let gcc = output(Command::new(self.gcc()).arg("--version"))?;
        Ok(format!("{}\nglibc {}", gcc.lines().next().unwrap_or_default(), self.version()?))
    }
}
