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
        let shown = name.to_string_lossy();
        if ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_"].iter().any(|kind| shown.starts_with(kind)) {
            cargo.env_remove(name);
        }
    }
    // Where a panic is, from the workspace or from the registry, and not from this machine's root.
    for (place, name) in [(env::current_dir()?, "."), (cargo_home()?, "cargo")] {
        let flag = format!("--remap-path-prefix={}={name}", place.display());
        cargo.args(["--config", &format!("target.'cfg(target_os = \"linux\")'.rustflags = ['{flag}']")]);
    }
    let compiler = Compiler::of(platform)?;
    compiler.configure(&mut cargo, program, platform)?;
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

/// Where cargo keeps the crates it fetches.
fn cargo_home() -> Result<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| Some(env::home_dir()?.join(".cargo"))).context("set CARGO_HOME, or HOME")
}
