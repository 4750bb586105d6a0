//! The command line: war-copy's own, and that of cp, when it is called by that name.

use crate::config::{Chown, Config, Existing, Expectation, Follow};
use chassis::args::{Messages, duration, parse, parse_without_environment, size};
use chassis::exit::{self, Usage};
use chassis::message::{self, Format};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use war_copy::archive::Limits;

/// What an image made `FROM war-copy` holds, and where it goes, when nothing else is said.
const ARTIFACTS: &str = "/artifacts/.";
const DEST: &str = "/app";

/// The configuration this process was started with.
///
/// # Errors
/// When there is nothing to run, as [`parse`] says it.
pub fn config() -> Result<Config, ExitCode> {
    let called = std::env::args_os().next();
    if called.as_deref().is_some_and(|name| Path::new(name).file_name() == Some("cp".as_ref())) {
        let args = parse_without_environment::<Cp>()?;
        message::init("cp", Format::Text);
        args.config().map_err(|usage| exit::code(Err(usage.into())))
    } else {
        let args = parse::<WarCopy>()?;
        message::init("war-copy", args.messages.log_format);
        args.config().map_err(|usage| exit::code(Err(usage.into())))
    }
}

/// Put artifacts on a shared volume: verified, atomically, and once
///
/// Each SOURCE goes to DEST/NAME if DEST is a directory, and to DEST itself if it is not; `SOURCE/.` stands for what
/// is in SOURCE. A reader of DEST sees each of them old or new and whole, never a part; what is right already is left
/// alone. A directory of DEST is replaced as a whole, unless --merge is given.
///
/// Without SOURCE and DEST, everything in /artifacts goes to /app.
#[derive(Parser)]
#[command(name = "war-copy", version, override_usage = "war-copy [OPTIONS] [SOURCE... DEST]", after_help = EXAMPLES)]
struct WarCopy {
    /// Files and directories to put, and at the end where to put them [default: /artifacts/. /app]
    #[arg(value_name = "SOURCE... DEST", num_args = 0..)]
    paths: Vec<PathBuf>,

    /// Unpack *.war, *.ear, *.jar and *.zip: sample.war becomes the directory DEST/sample
    #[arg(long)]
    explode: bool,
    /// With --explode: refuse archives with more than this unpacked
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "4GiB")]
    max_size: u64,
    /// With --explode: refuse archives that unpack to more than so many times their size
    #[arg(long, value_name = "N", default_value_t = 100)]
    max_ratio: u64,
    /// Put the files of a directory into the one that is there, each atomically, and keep what else is in it
    #[arg(long)]
    merge: bool,
    /// Leave what is there already, whatever it is
    #[arg(long, short)]
    no_clobber: bool,
    /// Keep modes, owners (where it may) and times; otherwise times are now, and the umask counts
    #[arg(long, short, visible_short_alias = 'a')]
    preserve: bool,
    /// Follow symbolic links everywhere; otherwise those named as SOURCE
    #[arg(long, short = 'L')]
    dereference: bool,
    /// Give what is put to this user and group, by number; needs the capability CHOWN
    #[arg(long, value_name = "UID:GID")]
    chown: Option<Chown>,
    /// Create DEST, and the directories it is in, if they are missing
    #[arg(long)]
    parents: bool,

    /// What a file must be; a file named SHA256SUMS or *.sha256 beside SOURCE says the same
    #[arg(long, value_name = "FILE=HEX")]
    sha256: Vec<Expectation>,
    /// Copy without computing digests
    #[arg(long)]
    no_verify: bool,
    /// Write what was put, as SHA256SUMS has it: `cd DEST && sha256sum --check FILE`
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Do not wait for the disk: after a power failure DEST may hold anything
    #[arg(long)]
    no_sync: bool,
    /// Where to keep what is not whole yet, on the volume of DEST [default: DEST/meta-inf, which Tomcat does not deploy]
    #[arg(long, value_name = "DIR")]
    staging: Option<PathBuf>,

    /// After SIGTERM, finish what can be finished in this time
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "25s")]
    drain_timeout: Duration,
    /// Name every file
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    messages: Messages,
}

const EXAMPLES: &str = "Examples:
  war-copy                                        /artifacts/sample.war becomes /app/sample.war
  war-copy sample.war /webapps/ROOT.war           under another name
  war-copy --explode sample.war /webapps          unpacked, as /webapps/sample
  war-copy --merge site/. /usr/share/nginx/html   into a directory that has other things, too

Exit codes: 0 all is in place, 1 something is not, and what was there still is, 2 usage";

impl WarCopy {
    fn config(self) -> Result<Config, Usage> {
        let paths = if self.paths.is_empty() { vec![ARTIFACTS.into(), DEST.into()] } else { self.paths };
        let (sources, dest) = sources_and_dest(paths)?;
        // Not clap's to say: to it a variable that switches a flag off is as good as the flag.
        if self.no_verify && !(self.sha256.is_empty() && self.manifest.is_none()) {
            return Err(Usage(
                "--no-verify cannot be used with --sha256 or --manifest, which are about digests".into(),
            ));
        }
        Ok(Config {
            sources,
            dest,
            parents: self.parents,
            explode: self.explode.then_some(Limits { max_size: self.max_size, max_ratio: self.max_ratio }),
            copy_of_contents: false,
            merge: self.merge,
            recursive: true,
            existing: if self.no_clobber { Existing::Keep } else { Existing::Replace },
            follow: if self.dereference { Follow::Always } else { Follow::Named },
            preserve: self.preserve,
            chown: self.chown,
            verify: !self.no_verify,
            expectations: self.sha256,
            manifest: self.manifest,
            sync: !self.no_sync,
            staging: self.staging,
            drain_timeout: self.drain_timeout,
            verbose: self.verbose,
        })
    }
}

/// Copy files and directories, as cp does; but each atomically, or not at all
///
/// This is war-copy under the name of cp, with the flags of POSIX and -a, -n, -u and -v. `war-copy --help` shows what
/// else it can do.
#[derive(Parser)]
#[command(name = "cp", version, args_override_self = true, override_usage = "cp [OPTIONS] SOURCE... DEST")]
struct Cp {
    /// Files and directories to copy, and at the end where to
    #[arg(value_name = "SOURCE... DEST", required = true)]
    paths: Vec<PathBuf>,
    /// As -R -P -p
    #[arg(long, short)]
    archive: bool,
    /// Nothing: what is there never stands in the way
    #[arg(long, short)]
    force: bool,
    /// Follow symbolic links named as SOURCE
    #[arg(short = 'H', overrides_with_all = ["dereference", "no_dereference"])]
    follow_named: bool,
    /// Ask before replacing a file
    #[arg(long, short, overrides_with = "no_clobber")]
    interactive: bool,
    /// Follow symbolic links everywhere
    #[arg(long, short = 'L', overrides_with_all = ["follow_named", "no_dereference"])]
    dereference: bool,
    /// Leave files that are there
    #[arg(long, short, overrides_with = "interactive")]
    no_clobber: bool,
    /// Follow no symbolic link
    #[arg(long, short = 'P', overrides_with_all = ["follow_named", "dereference"])]
    no_dereference: bool,
    /// Keep modes, owners (where it may) and times
    #[arg(short)]
    preserve: bool,
    /// Copy directories, too
    #[arg(long, short = 'R', visible_short_alias = 'r')]
    recursive: bool,
    /// Leave files that are as new as SOURCE, or newer
    #[arg(long, short)]
    update: bool,
    /// Name every file
    #[arg(long, short)]
    verbose: bool,
}

impl Cp {
    fn config(self) -> Result<Config, Usage> {
        let (sources, dest) = sources_and_dest(self.paths)?;
        let recursive = self.recursive || self.archive;
        Ok(Config {
            sources,
            dest,
            parents: false,
            explode: None,
            copy_of_contents: true,
            merge: true,
            recursive,
            existing: match (self.no_clobber, self.interactive, self.update) {
                (true, ..) => Existing::Keep,
                (_, true, _) => Existing::Ask,
                (_, _, true) => Existing::Update,
                _ => Existing::Replace,
            },
            follow: if self.dereference {
                Follow::Always
            } else if self.follow_named {
                Follow::Named
            } else if self.no_dereference || recursive {
                Follow::Never
            } else {
                Follow::Named
            },
            preserve: self.preserve || self.archive,
            chown: None,
            verify: true,
            expectations: vec![],
            manifest: None,
            sync: true,
            staging: None,
            drain_timeout: Duration::from_secs(25),
            verbose: self.verbose,
        })
    }
}

fn sources_and_dest(mut paths: Vec<PathBuf>) -> Result<(Vec<PathBuf>, PathBuf), Usage> {
    match paths.pop() {
        Some(dest) if !paths.is_empty() => Ok((paths, dest)),
        dest => {
            let only = dest.unwrap_or_default();
            Err(Usage(format!("{} is the only path\nhint: a source and where it goes: SOURCE... DEST", only.display())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cp, WarCopy};
    use clap::CommandFactory;

    #[test]
    fn the_command_lines_are_sound() {
        WarCopy::command().debug_assert();
        Cp::command().debug_assert();
    }
}
