//! What a directory holds, to be compared.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// By their paths in it.
#[derive(PartialEq, Eq, Debug, Default)]
pub struct Tree(pub BTreeMap<String, Node>);

#[derive(PartialEq, Eq)]
pub enum Node {
    /// Its permissions and contents
    File(u32, Vec<u8>),
    /// Its permissions
    Directory(u32),
    Other,
}

impl Node {
    fn contents(&self) -> Option<&[u8]> {
        match self {
            Self::File(_, bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Of large files only the beginning.
impl Debug for Node {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::File(mode, bytes) => {
                write!(f, "{mode:o}, {} bytes: {}", bytes.len(), bytes[..bytes.len().min(40)].escape_ascii())
            }
            Self::Directory(mode) => write!(f, "directory {mode:o}"),
            Self::Other => f.write_str("neither"),
        }
    }
}

impl Tree {
    pub fn of(directory: &Path) -> Self {
        let mut tree = Self::default();
        tree.add(directory, "");
        tree
    }

    fn add(&mut self, directory: &Path, above: &str) {
        for found in fs::read_dir(directory).unwrap() {
            let found = found.unwrap();
            let path = format!("{above}{}", found.file_name().as_bytes().escape_ascii());
            let metadata = found.metadata().unwrap();
            let permissions = metadata.mode() & 0o7777;
            let node = if metadata.is_dir() {
                self.add(&found.path(), &format!("{path}/"));
                Node::Directory(permissions)
            } else if metadata.is_file() {
                Node::File(permissions, fs::read(found.path()).unwrap())
            } else {
                Node::Other
            };
            self.0.insert(path, node);
        }
    }

    /// Without the permissions.
    pub fn contents(&self) -> BTreeMap<&str, Option<&[u8]>> {
        self.0.iter().map(|(path, node)| (path.as_str(), node.contents())).collect()
    }
}

/// The inodes and times of all that is in a directory: two that are alike have not been touched.
pub fn identities(directory: &Path) -> BTreeMap<String, (u64, i64, i64)> {
    let mut identities = BTreeMap::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(path) = pending.pop() {
        let found = path.symlink_metadata().unwrap();
        if path != directory {
            identities.insert(path.display().to_string(), (found.ino(), found.mtime(), found.mtime_nsec()));
        }
        if found.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|child| child.unwrap().path()));
        }
    }
    identities
}
