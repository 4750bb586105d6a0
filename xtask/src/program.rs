//! The programs: pause, every crate in `sidecars/`, and the tests' app, which is built only when it is named.

use crate::platform::{PLATFORMS, Platform};
use anyhow::{Result, bail};

#[derive(Clone)]
pub struct Program {
    /// Of the binary, its file in `dist/`, and its image
    pub name: String,
    /// The crate it comes from
    pub package: String,
    /// Where it is in the image, from the root
    pub path: String,
    /// Other names that it answers to there
    pub links: &'static [&'static str],
    /// The image's `uid:gid`; sidecars run as `65532:65532`, pause as upstream's does
    pub user: &'static str,
    /// `NAME=value` in the image
    pub environment: &'static [&'static str],
    /// Whether `core` is all it needs of Rust, so that it is built for every platform
    pub no_std: bool,
    /// More arguments to the cargo command that builds it
    pub cargo: &'static [&'static str],
}

/// libc and all in one file.
const STATIC: &[&str] = &["--config", "sidecars/link.toml"];

/// The same, and of the sidecars' common crate also what the program does not use.
const WITH_ALL_OF_CHASSIS: &[&str] = &["--config", "sidecars/link.toml", "--features", "chassis/service"];

/// Engines look a command up in the image's PATH, and some want one to be there.
const PATH: &[&str] = &["PATH=/bin"];

impl Program {
    fn pause() -> Self {
        // Its entry point has an absolute path and nothing else is in the image: no PATH, 17 bytes less.
        let cargo = &["--config", "pause/link.toml"];
        Self {
            name: "pause".into(),
            package: "pause".into(),
            path: "pause".into(),
            links: &[],
            user: "65535:65535",
            environment: &[],
            no_std: true,
            cargo,
        }
    }

    /// One of the crates in `sidecars/`, and the other names it answers to.
    fn sidecar(name: &str, links: &'static [&'static str]) -> Self {
        Self {
            name: name.into(),
            package: name.into(),
            path: format!("bin/{name}"),
            links,
            user: "65532:65532",
            environment: PATH,
            no_std: false,
            cargo: STATIC,
        }
    }

    fn app() -> Self {
        Self {
            name: "app".into(),
            package: "e2e".into(),
            path: "app".into(),
            links: &[],
            user: "0:0", // it plays any container: one that listens on port 80, one that writes where root may
            environment: PATH,
            no_std: false,
            cargo: STATIC,
        }
    }

    /// It, as it would be if it linked all of chassis: to be compared, not to be released. A program that does so anyway
    /// has none.
    pub fn with_all_of_chassis(&self) -> Option<Self> {
        (self.name == "war-copy").then(|| Self { cargo: WITH_ALL_OF_CHASSIS, ..self.clone() })
    }

    /// What it is built for: this machine, or `all`; that is every platform, or with `std` every one that has it.
    pub fn platforms(&self, all: bool) -> Result<Vec<&'static Platform>> {
        let host = Platform::host()?;
        let wanted = |platform: &&Platform| *platform == host || all && (self.no_std || platform.has_std());
        Ok(PLATFORMS.iter().filter(wanted).collect())
    }

    /// The programs with these names; all that are released when there are none.
    pub fn select(names: &[String]) -> Result<Vec<Self>> {
        let released = [
            Self::pause(),
            Self::sidecar("war-copy", &["bin/cp"]),
            Self::sidecar("log-shipper", &[]),
            Self::sidecar("adapter-proxy", &[]),
        ];
        if names.is_empty() {
            return Ok(released.to_vec());
        }
        let known: Vec<Self> = released.into_iter().chain([Self::app()]).collect();
        names
            .iter()
            .map(|name| match known.iter().find(|program| program.name == *name) {
                Some(program) => Ok(program.clone()),
                None => bail!(
                    "there is no program `{name}`\nhint: there are {}",
                    known.iter().map(|program| format!("`{}`", program.name)).collect::<Vec<_>>().join(", ")
                ),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Program;

    #[test]
    fn without_names_all_that_is_released() {
        let names: Vec<String> = Program::select(&[]).unwrap().into_iter().map(|program| program.name).collect();
        assert_eq!(names, ["pause", "war-copy", "log-shipper", "adapter-proxy"]);
    }

    #[test]
    fn an_unknown_name_is_an_error_that_knows_the_others() {
        let error = Program::select(&["paus".into()]).err().unwrap();
        assert_eq!(
            error.to_string(),
            "there is no program `paus`\nhint: there are `pause`, `war-copy`, `log-shipper`, `adapter-proxy`, `app`"
        );
    }
}
