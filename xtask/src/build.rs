//! One program from source to `dist/bin`.

use crate::cross::Compiler;
use crate::elf;
use crate::platform::Platform;
use crate::program::Program;
use anyhow::{Context, Result, ensure};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Builds `program` and returns its path. One package at a time: a workspace build unifies features, and a program
/// would carry what another one asked for.
pub fn build(program: &Program, platform: &'static Platform, dist: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo
        .args(["build", "--quiet", "--locked", "--release"])
        .args(["--package", &program.package, "--bin", &program.name])
        .args(program.cargo)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    // The bytes are the project's to say, and not whoever's environment they are built in.
    for (name, _) in env::vars_os() {
        if decides(&name.to_string_lossy()) {
            cargo.env_remove(name);
        }
    }
    // Where a panic is, from the workspace or from the registry, and not from this machine's root. The same in C.
    let mut maps = vec![];
    for (place, name) in [(env::current_dir()?, "."), (cargo_home()?, "cargo")] {
        let flag = format!("--remap-path-prefix={}={name}", place.display());
        cargo.args(["--config", &format!("target.'cfg(target_os = \"linux\")'.rustflags = ['{flag}']")]);
        maps.push(format!("-ffile-prefix-map={}={name}", place.display()));
    }
    let compiler = Compiler::of(platform)?;
    compiler.configure(&mut cargo, program, platform, &maps)?;
    let built = cargo.status().context("cannot run cargo")?.success();
    ensure!(built, "cannot build `{}` for {}", program.name, platform.architecture);

    let built = Path::new(compiler.target_directory()).join(platform.target).join("release").join(&program.name);
    let elf = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    let elf = elf::trim(&elf).with_context(|| format!("{} is no ELF file", built.display()))?;

    let directory = dist.join("bin").join(platform.architecture);
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let path = directory.join(&program.name);
    // A new file, not new bytes in the old one: that may be running.
    let new = directory.join(format!(".{}.new", program.name));
    fs::write(&new, elf).with_context(|| format!("cannot write {}", new.display()))?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
    fs::rename(&new, &path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Whether a variable of the environment has a say in what cargo makes, or the C compiler that a crate's build calls.
/// The latter's: <https://docs.rs/cc/latest/cc/#external-configuration-via-environment-variables>
fn decides(variable: &str) -> bool {
    const BEGINNINGS: [&str; 5] = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "RING_", "ZSTD_SYS_"];
    const NAMES: [&str; 6] =
        ["COMPILER_PATH", "CPATH", "CRATE_CC_NO_DEFAULTS", "C_INCLUDE_PATH", "GCC_EXEC_PREFIX", "LIBRARY_PATH"];
    // Also with a target behind them, or in front of them which of two machines they are for.
    const C: [&str; 6] = ["AR", "ARFLAGS", "CC", "CFLAGS", "RANLIB", "RANLIBFLAGS"];
    let tool = variable.trim_start_matches("HOST_").trim_start_matches("TARGET_");
    BEGINNINGS.iter().any(|beginning| variable.starts_with(beginning))
        || NAMES.contains(&variable)
        || C.contains(&tool.split('_').next().unwrap_or_default())
}

/// Where cargo keeps the crates it fetches.
pub fn cargo_home() -> Result<PathBuf> {
    home("CARGO_HOME", ".cargo")
}

/// A tool's directory: what `variable` says, or the one with its usual name.
pub fn home(variable: &str, name: &str) -> Result<PathBuf> {
    let set = env::var_os(variable).map(PathBuf::from);
    set.or_else(|| Some(env::home_dir()?.join(name))).with_context(|| format!("set {variable}, or HOME"))
}

#[cfg(test)]
mod tests {
    use super::decides;

    #[test]
    fn what_the_environment_has_no_say_in() {
        for variable in [
            "CARGO_PROFILE_RELEASE_LTO",
            "CC",
            "CC_SHELL_ESCAPED_FLAGS",
            "CFLAGS",
            "CFLAGS_aarch64-unknown-linux-gnu",
            "CPATH",
            "HOST_CFLAGS",
            "TARGET_AR",
            "ZSTD_SYS_USE_PKG_CONFIG",
        ] {
            assert!(decides(variable), "{variable}");
        }
        for variable in ["CARGO_HOME", "CARGO_NET_OFFLINE", "CCACHE_DIR", "HOME", "PATH", "SOURCE_DATE_EPOCH"] {
            assert!(!decides(variable), "{variable}");
        }
    }
}
