//! What goes where.

use crate::config::{Config, Follow};
use crate::parents::Parents;
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What is unpacked, if it is asked for.
const ARCHIVES: [&str; 4] = ["war", "jar", "ear", "zip"];

pub struct Plan {
    pub entries: Vec<Entry>,
    /// The directory that they go into
    pub base: PathBuf,
    /// The directories that sources are in
    pub beside: Vec<Beside>,
    pub parents: Parents,
    /// What more than one entry becomes
    pub shared: HashSet<PathBuf>,
}

/// Something that becomes visible at once.
pub struct Entry {
    pub source: PathBuf,
    /// Its name at last, in the base
    pub target: PathBuf,
    pub kind: Kind,
    /// What is there now
    pub existing: Option<Kind>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Directory,
    Symlink,
    /// To be unpacked
    Archive,
}

/// A directory that a source is in.
#[derive(PartialEq, Eq)]
pub struct Beside {
    pub directory: PathBuf,
    /// The one that was meant, or all that is there
    pub name: Option<PathBuf>,
}

impl Plan {
    /// # Errors
    /// If a source is not there, if DEST cannot take it, or if two sources would get one name.
    pub fn new(config: &Config) -> Result<Self> {
        let dest = &config.dest;
        let lone = match &config.sources[..] {
            [source] if !is_contents(source) || config.copy_of_contents => Some(source),
            _ => None,
        };
        let slashed = dest.as_os_str().as_bytes().ends_with(b"/");
        let (base, lone_target) = match (fs::metadata(dest), lone) {
            (Ok(found), _) if found.is_dir() => (dest.clone(), None),
            (Ok(_), Some(source)) if !is_contents(source) => (parent(dest), Some(dest.clone())),
            (Ok(_), _) => bail!(
                "{} is not a directory\nhint: only a directory can have all of it: DEST is the last path",
                dest.display()
            ),
            (Err(error), _) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot look at {}", dest.display()));
            }
            // What is not there yet is the name of the one that goes there, or a directory for them.
            (Err(_), Some(_)) if !slashed && !is_broken_link(dest) => {
                let base = parent(dest);
                ensure!(config.parents || base.is_dir(), "{}", missing(config, &base));
                (base, Some(dest.clone()))
            }
            (Err(_), _) if config.parents => (dest.clone(), None),
            (Err(_), _) => bail!("{}", missing(config, dest)),
        };
        let mut plan =
            Self { entries: vec![], base, beside: vec![], parents: Parents::default(), shared: HashSet::new() };
        for source in &config.sources {
            plan.add(config, source, lone_target.as_deref())?;
        }
        // Not before all sources are there.
        if config.parents {
            plan.parents = Parents::make(&plan.base)?;
        }
        plan.shared = plan.check(config)?;
        Ok(plan)
    }

    fn add(&mut self, config: &Config, source: &Path, target: Option<&Path>) -> Result<()> {
        if !is_contents(source) || target.is_some() {
            let beside = Beside { directory: parent(source), name: Some(source.into()) };
            self.beside.push(if is_contents(source) { all_of(source) } else { beside });
            return self.add_one(config, source, target, config.follow != Follow::Never);
        }
        let missing = || {
            let hint = "\nhint: put there what is to be copied, in an image `COPY sample.war /artifacts/`";
            let hint = if source.starts_with("/artifacts") { hint } else { "" };
            format!("cannot read {}{hint}", source.display())
        };
        let found = fs::read_dir(source).with_context(missing)?;
        let mut names = found.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>().with_context(missing)?;
        names.sort_unstable();
        self.beside.push(all_of(source));
        for name in names {
            self.add_one(config, &without_dot(source).join(name), None, config.follow == Follow::Always)?;
        }
        Ok(())
    }

    fn add_one(&mut self, config: &Config, source: &Path, target: Option<&Path>, follow: bool) -> Result<()> {
        let shown = source.display();
        let found = if follow { fs::metadata(source) } else { fs::symlink_metadata(source) };
        let found = found.with_context(|| format!("cannot read {shown}"))?;
        let name = source.file_name().or_else(|| target?.file_name());
        let name = name.with_context(|| format!("{shown} has no name; did you mean {shown}/. ?"))?;
        let kind = match kind(&found) {
            Some(Kind::File) if config.explode.is_some() && is_archive(Path::new(name)) => Kind::Archive,
            Some(kind) => kind,
            None => bail!("{shown} is no file, directory or symbolic link"),
        };
        ensure!(kind != Kind::Directory || config.recursive, "{shown} is a directory\nhint: -R copies directories");
        let name = match kind {
            Kind::Archive => stem(name).with_context(|| format!("{shown} has no name but its extension"))?,
            _ => name,
        };
        let target = target.map_or_else(|| self.base.join(name), Path::to_owned);
        let existing = match fs::symlink_metadata(&target) {
            Ok(found) => Some(kind_or_file(&found)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot look at {}", target.display())),
        };
        self.entries.push(Entry { source: source.into(), target, kind, existing });
        Ok(())
    }

    /// Looks at the entries together, and returns what more than one of them becomes.
    fn check(&self, config: &Config) -> Result<HashSet<PathBuf>> {
        let (mut targets, mut shared) = (HashSet::new(), HashSet::new());
        for Entry { source, target, kind, existing } in &self.entries {
            let (from, to) = (source.display(), target.display());
            let whole = matches!(kind, Kind::Directory | Kind::Archive);
            if !targets.insert(target) {
                ensure!(config.merge && whole, "{from} is not the only one to become {to}");
                shared.insert(target.clone());
            }
            match existing {
                Some(Kind::Directory) => ensure!(whole, "cannot replace {to}, a directory, by {from}, which is none"),
                Some(_) => ensure!(!whole, "cannot replace {to}, which is no directory, by {from}, which is one"),
                None => {}
            }
            if *kind == Kind::Directory {
                let resolve =
                    |path: &Path| fs::canonicalize(path).with_context(|| format!("cannot find {}", path.display()));
                let inside = resolve(&self.base)?.starts_with(resolve(source)?);
                ensure!(!inside, "cannot copy {from} into itself, {to}\nhint: choose a DEST outside of it");
            }
        }
        Ok(shared)
    }
}

fn missing(config: &Config, directory: &Path) -> String {
    // cp, which knows no --parents, is the one that copies contents to a new directory.
    let create = if config.copy_of_contents { "create it first" } else { "create it with --parents" };
    format!("{} does not exist\nhint: mount a volume there, or {create}", directory.display())
}

/// Whether it means what is in a directory, and not the directory.
fn is_contents(source: &Path) -> bool {
    let source = source.as_os_str().as_bytes();
    source == b"." || source.ends_with(b"/.")
}

fn all_of(source: &Path) -> Beside {
    Beside { directory: without_dot(source), name: None }
}

/// `a/.` as `a`.
fn without_dot(source: &Path) -> PathBuf {
    source.components().collect()
}

fn is_archive(name: &Path) -> bool {
    let extension = name.extension().map(OsStr::to_ascii_lowercase);
    extension.is_some_and(|extension| ARCHIVES.iter().any(|known| extension == *known))
}

/// The name of what an archive becomes: `sample` of `sample.war`, but never `.` or `..`.
fn stem(name: &OsStr) -> Option<&OsStr> {
    Path::new(name).file_stem().filter(|stem| ![".", ".."].map(OsStr::new).contains(stem))
}

fn is_broken_link(path: &Path) -> bool {
    path.is_symlink()
}

/// The directory that a path is in, `.` for a name alone.
fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.into(),
        Some(_) => ".".into(),
        None => path.into(),
    }
}

fn kind(found: &Metadata) -> Option<Kind> {
    let kind = found.file_type();
    if kind.is_file() {
        Some(Kind::File)
    } else if kind.is_dir() {
        Some(Kind::Directory)
    } else {
        kind.is_symlink().then_some(Kind::Symlink)
    }
}

/// What stands where something is to go: what is no directory can be renamed over, whatever it is.
fn kind_or_file(found: &Metadata) -> Kind {
    kind(found).unwrap_or(Kind::File)
}
