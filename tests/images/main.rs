//! The images: what is in their archives, and what a container engine makes of them.

mod archive;
mod dockerfile;

use std::path::Path;
use std::process::Command;

/// `cargo xtask images pause` with these arguments, into `dist`.
fn xtask_images(dist: &Path, arguments: &[&str], environment: &[(&str, &str)]) {
    let mut xtask = Command::new(env!("CARGO"));
    xtask.current_dir(e2e::workspace("")).args(["xtask", "images", "pause", "--dist"]).arg(dist).args(arguments);
    e2e::command::output(xtask.envs(environment.iter().copied())).unwrap();
}
