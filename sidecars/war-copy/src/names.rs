//! The names in an archive: where they lead, and that no two of them meet.

use anyhow::{Result, bail, ensure};
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::ffi::OsStr;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How deep directories may be nested, so that what walks them later has an end, too.
pub const MAX_DEPTH: usize = 256;
/// Of a name that cannot be one, in characters
const SHOWN: usize = 60;

/// The path a name stands for, which must lead to a place below.
pub fn path(name: &[u8]) -> Result<PathBuf> {
    let text = String::from_utf8_lossy(name);
    let shown = || {
        let (mut shown, more) = (text.escape_debug(), text.len() > SHOWN);
        shown.by_ref().take(SHOWN).chain(more.then_some('…')).collect::<String>()
    };
    ensure!(!name.starts_with(b"/"), "`{}` is an absolute path", shown());
    // NUL would end it, and the others would be at work in every log and terminal that it is shown in.
    ensure!(!text.chars().any(char::is_control), "`{}` has a control character in its name", shown());
    ensure!(!name.contains(&b'\\'), "`{}` has a backslash in its name", shown());
    let mut path = PathBuf::new();
    for component in name.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => bail!("`{}` leads out of the archive", shown()),
            plain => {
                ensure!(plain.len() <= 255, "`{}` has a part of more than 255 bytes", shown());
                path.push(OsStr::from_bytes(plain));
            }
        }
    }
    ensure!(path.as_os_str().len() < 4096, "`{}` is a path of more than 4,095 bytes", shown());
    ensure!(path.iter().count() <= MAX_DEPTH, "`{}` is nested deeper than {MAX_DEPTH}", shown());
    Ok(path)
}

/// Which names there are. Their hashes are kept and not the names; that two of them are equal by chance happens to one
/// archive of 500,000 entries in a hundred million, and refuses it.
#[derive(Default)]
pub struct Names {
    random: RandomState,
    /// By the hash of the name in lower case
    seen: HashMap<u64, Name>,
}

struct Name {
    /// The hash of the name as it is
    exact: u64,
    directory: bool,
}

impl Names {
    /// A file may be there once, a directory any number of times; neither in two spellings, which are one name on
    /// other file systems.
    pub fn add(&mut self, path: &Path, directory: bool) -> Result<()> {
        if path.as_os_str().is_empty() {
            ensure!(directory, "a file without a name");
            return Ok(()); // `./`
        }
        self.add_one(path, directory, directory)?;
        // When a directory has been seen, so have those it is in.
        for parent in path.ancestors().skip(1).take_while(|parent| !parent.as_os_str().is_empty()) {
            if self.add_one(parent, true, true)? {
                break;
            }
        }
        Ok(())
    }

    /// Returns whether it had been there.
    fn add_one(&mut self, path: &Path, directory: bool, again: bool) -> Result<bool> {
        let exact = self.random.hash_one(path.as_os_str());
        let shown = path.display();
        match self.seen.entry(self.random.hash_one(lower_case(path))) {
            Slot::Vacant(slot) => {
                slot.insert(Name { exact, directory });
                Ok(false)
            }
            Slot::Occupied(slot) => {
                let name = slot.get();
                ensure!(name.exact == exact, "`{shown}` is there twice, in upper and in lower case");
                ensure!(name.directory == directory, "`{shown}` is there twice, as a file and as a directory");
                ensure!(again, "`{shown}` is there twice");
                Ok(true)
            }
        }
    }

    /// How many there are, with those of directories that are only implied.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    pub fn contains(&self, path: &Path) -> bool {
        let exact = self.random.hash_one(path.as_os_str());
        self.seen.get(&self.random.hash_one(lower_case(path))).is_some_and(|name| name.exact == exact)
    }
}

fn lower_case(path: &Path) -> Vec<u8> {
    match path.to_str() {
        Some(text) => text.to_lowercase().into_bytes(),
        None => path.as_os_str().as_bytes().to_ascii_lowercase(),
    }
}
