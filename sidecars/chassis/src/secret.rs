//! Secrets are in files, which are replaced when the secret is: a token of a service account lives for an hour.

use crate::file;
use crate::stamp::Stamp;
use anyhow::{Context, Result, bail};
use std::fmt::{self, Debug, Formatter};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

const MAX_SIZE: u64 = 64 << 10;

/// A file with a password, a key or a token in it, and what it said when it was read last.
pub struct Secret {
    path: PathBuf,
    last: Mutex<Option<(Stamp, Arc<str>)>>,
}

impl Secret {
    /// Nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), last: Mutex::new(None) }
    }

    /// What the file says now, without the newline at its end. It is read again when it is another one than last time,
    /// which one `stat` tells.
    ///
    /// # Errors
    /// When there is no secret to be had; the path is named, and nothing of what is in it.
    pub fn get(&self) -> Result<Arc<str>> {
        let now = Stamp::at(&self.path).map_err(|error| self.explain(error))?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((stamp, text)) = &*last
            && *stamp == now
        {
            return Ok(text.clone());
        }
        let (stamp, text) = self.read()?;
        *last = Some((stamp, text.clone()));
        Ok(text)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> Result<(Stamp, Arc<str>)> {
        let path = self.path.display();
        let file = file::open(&self.path).map_err(|error| self.explain(error))?;
        let stamp = Stamp::of(&file.metadata().map_err(|error| self.explain(error))?);
        let mut bytes = vec![];
        file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|error| self.explain(error))?;
        if bytes.len() as u64 > MAX_SIZE {
            bail!("secret {path} is larger than 64 KiB\nhint: the file is to have the secret in it and nothing else");
        }
        // The error of the conversion would have the bytes in it.
        let text = String::from_utf8(bytes).ok().with_context(|| {
            format!("secret {path} is not valid UTF-8\nhint: values below `data:` of a Secret are base64 of the text")
        })?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            bail!("secret {path} is empty\nhint: does its Secret have a value for this key?");
        }
        Ok((stamp, text.into()))
    }

    fn explain(&self, error: std::io::Error) -> anyhow::Error {
        let hint = match error.kind() {
            ErrorKind::NotFound => "\nhint: mount the Secret there",
            ErrorKind::PermissionDenied => {
                "\nhint: user 65532 must be able to read it: see `defaultMode` and `fsGroup`"
            }
            ErrorKind::IsADirectory => "\nhint: name the file in it",
            _ => "",
        };
        anyhow::Error::new(error).context(format!("cannot read secret {}{hint}", self.path.display()))
    }
}

/// Never what is in it.
impl Debug for Secret {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "Secret({})", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    fn put(path: &Path, content: impl AsRef<[u8]>) {
        let new = path.with_extension("new");
        fs::write(&new, content).unwrap();
        fs::rename(&new, path).unwrap();
    }

    #[test]
    fn follows_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        put(&path, "first\n");
        let secret = Secret::new(&path);
        let first = secret.get().unwrap();
        assert_eq!(&*first, "first");
        assert!(Arc::ptr_eq(&first, &secret.get().unwrap()), "it was read again");
        put(&path, "other\r\n");
        assert_eq!(&*secret.get().unwrap(), "other");
        fs::write(&path, "longer one").unwrap();
        assert_eq!(&*secret.get().unwrap(), "longer one");
        fs::remove_file(&path).unwrap();
        assert!(secret.get().is_err());
        put(&path, "again");
        assert_eq!(&*secret.get().unwrap(), "again");
    }

    #[test]
    fn says_what_is_wrong_and_never_what_is_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let secret = Secret::new(&path);
        let said = || format!("{:#}", secret.get().unwrap_err());
        assert!(said().contains("hint: mount the Secret there"), "{}", said());
        for (content, expected) in [
            (vec![], "is empty"),
            (b"\n".to_vec(), "is empty"),
            (b"hunter2\xff".to_vec(), "is not valid UTF-8"),
            (vec![b'x'; (64 << 10) + 1], "is larger than 64 KiB"),
        ] {
            put(&path, &content);
            let (said, debug) = (said(), format!("{:?}", secret.get().unwrap_err()));
            assert!(said.contains(expected), "{said}");
            assert!(said.contains(path.to_str().unwrap()) && said.contains("\nhint: "), "{said}");
            assert!(!said.contains("hunter2") && !debug.contains("104, 117"), "{said}{debug}");
        }
        put(&path, vec![b'x'; 64 << 10]);
        assert_eq!(secret.get().unwrap().len(), 64 << 10);
        put(&path, "hunter2");
        secret.get().unwrap();
        assert_eq!(format!("{secret:?}"), format!("Secret({})", path.display()));
        assert!(format!("{:#}", Secret::new(directory.path()).get().unwrap_err()).contains("name the file in it"));
    }
}
