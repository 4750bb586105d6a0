//! Which digests the files must have: from the command line, and from the files beside the sources that say so.

use crate::config::Config;
use crate::plan::{Kind, Plan};
use anyhow::{Context, Result, anyhow, bail, ensure};
use chassis::message;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use war_copy::digest::{Digest, sums};

const SUMS: &str = "SHA256SUMS";
/// Of a file with digests; one of 100,000 lines has some ten million bytes
const MAX_SIZE: u64 = 16 << 20;

#[derive(Default)]
pub struct Expected {
    digests: Vec<Expectation>,
    /// Which of them a source has to meet
    by_source: HashMap<PathBuf, Vec<usize>>,
}

struct Expectation {
    digest: Digest,
    /// Who expects it of which file
    by: String,
    /// Whether it is a mistake if there is no such file
    required: bool,
    met: AtomicBool,
    /// Whether what is there was to be left, whatever it is
    waived: AtomicBool,
}

impl Expected {
    /// # Errors
    /// If a file with digests cannot be read, or has a line that is none.
    pub fn read(config: &Config, plan: &Plan) -> Result<Self> {
        let mut expected = Self::default();
        if !config.verify {
            return Ok(expected);
        }
        for expectation in &config.expectations {
            let by = format!("--sha256 for {}", expectation.file.display());
            let places = plan.beside.iter().map(|beside| beside.directory.join(&expectation.file));
            let places = places.chain([expectation.file.clone()]).collect();
            expected.add(expectation.digest, by, true, places);
        }
        let mut read = vec![];
        for beside in &plan.beside {
            if read.contains(&beside) {
                continue;
            }
            read.push(beside);
            let file = beside.directory.join(SUMS);
            let Some(text) = text(&file)? else { continue };
            for (digest, name) in parse(&file, &text, None)? {
                let source = plain(&beside.directory.join(&name));
                // Beside one that was meant, a list may well be of others, too.
                let required = beside.name.is_none();
                if required || beside.name.as_ref().is_some_and(|meant| source.starts_with(plain(meant))) {
                    let by = format!("{} for {}", file.display(), name.display());
                    expected.add(digest, by, required, vec![source]);
                }
            }
        }
        for entry in plan.entries.iter().filter(|entry| matches!(entry.kind, Kind::File | Kind::Archive)) {
            let mut file = entry.source.clone().into_os_string();
            file.push(".sha256");
            let Some(text) = text(Path::new(&file))? else { continue };
            let name = entry.source.file_name().unwrap_or_default();
            let found = parse(Path::new(&file), &text, Some(name))?;
            let of_it = found.iter().find(|(_, listed)| listed.file_name() == Some(name));
            let (digest, _) =
                of_it.with_context(|| format!("{} is not about {}", Path::new(&file).display(), name.display()))?;
            expected.add(*digest, Path::new(&file).display().to_string(), true, vec![entry.source.clone()]);
        }
        Ok(expected)
    }

    fn add(&mut self, digest: Digest, by: String, required: bool, sources: Vec<PathBuf>) {
        for source in sources {
            let digests = self.by_source.entry(plain(&source)).or_default();
            if !digests.contains(&self.digests.len()) {
                digests.push(self.digests.len());
            }
        }
        self.digests.push(Expectation {
            digest,
            by,
            required,
            met: AtomicBool::new(false),
            waived: AtomicBool::new(false),
        });
    }

    /// Whether anything is expected of this source.
    pub fn of(&self, source: &Path) -> bool {
        self.by_source.contains_key(&plain(source))
    }

    /// Returns whether the source has a digest that was expected, and was not expected to have another.
    ///
    /// # Errors
    /// If it is another one.
    pub fn check(&self, source: &Path, digest: &Digest) -> Result<bool> {
        let Some(expectations) = self.by_source.get(&plain(source)) else { return Ok(false) };
        for expectation in expectations.iter().map(|index| &self.digests[*index]) {
            ensure!(
                expectation.digest == *digest,
                "{} is damaged, or not the one that was meant: its SHA-256 is {digest}, and {} expects {}",
                source.display(),
                expectation.by,
                expectation.digest
            );
            expectation.met.store(true, Ordering::Relaxed);
        }
        Ok(true)
    }

    /// Nothing is to be expected any more of this source and what is in it.
    pub fn waive(&self, source: &Path) {
        let source = plain(source);
        for (_, expectations) in self.by_source.iter().filter(|(expected, _)| expected.starts_with(&source)) {
            for index in expectations {
                self.digests[*index].waived.store(true, Ordering::Relaxed);
            }
        }
    }

    /// # Errors
    /// If a file was expected that was not there.
    pub fn all_met(&self) -> Result<()> {
        let set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let unmet = self.digests.iter().find(|one| one.required && !set(&one.met) && !set(&one.waived));
        match unmet {
            Some(expectation) => bail!(
                "{}: there is no such file to be put\nhint: names are read from the directory that SOURCE is in",
                expectation.by
            ),
            None => Ok(()),
        }
    }

    /// For how many files something was expected, and is so.
    pub fn met(&self) -> usize {
        self.digests.iter().filter(|expectation| expectation.met.load(Ordering::Relaxed)).count()
    }
}

/// Without what does not lead anywhere: `./a` is `a`.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn parse<'a>(file: &Path, text: &'a [u8], alone: Option<&'a OsStr>) -> Result<Vec<(Digest, Cow<'a, Path>)>> {
    sums(text, alone).map_err(|line| {
        let expected = "expected 64 hexadecimal digits, two spaces and a name, as sha256sum writes them";
        anyhow!("{}, line {line}: {expected}", file.display())
    })
}

/// The text of a file with digests, if there is one.
fn text(path: &Path) -> Result<Option<Vec<u8>>> {
    let cannot = || format!("cannot read {}", path.display());
    let file = match File::open(path) {
        // A name may be so long that there can be none which is longer.
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename) =>
        {
            return Ok(None);
        }
        file => file.with_context(cannot)?,
    };
    if !file.metadata().with_context(cannot)?.is_file() {
        message::warning(format_args!("{} is no file; nothing is checked against it", path.display()));
        return Ok(None);
    }
    let mut text = vec![];
    file.take(MAX_SIZE + 1).read_to_end(&mut text).with_context(cannot)?;
    ensure!(text.len() as u64 <= MAX_SIZE, "{} has more than {MAX_SIZE} bytes", path.display());
    Ok(Some(text))
}
