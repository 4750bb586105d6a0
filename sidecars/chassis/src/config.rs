//! Files of configuration, in YAML (JSON is some). What is wrong with one is said as `PATH:LINE:COLUMN: …`.

mod fault;
mod read;
mod tree;

use crate::args;
use crate::exit::Usage;
use crate::file;
use serde::{Deserialize, Deserializer, de};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

/// What people write by hand is a hundredth of it. It is also the most that Kubernetes lets a `ConfigMap` be.
const MAX_SIZE: u64 = 1 << 20;

/// What the file at `path` says.
///
/// # Errors
/// When it cannot be read, or as [`parse`].
pub fn load<T: de::DeserializeOwned>(path: &Path) -> Result<T, Usage> {
    parse(path, &text(path)?)
}

/// The text of the file at `path`.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn text(path: &Path) -> Result<String, Usage> {
    let shown = path.display();
    let mut bytes = vec![];
    file::open(path).and_then(|file| file.take(MAX_SIZE + 1).read_to_end(&mut bytes)).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::NotFound => "\nhint: mount the ConfigMap there, or say with `--config` where it is",
            ErrorKind::PermissionDenied => {
                "\nhint: user 65532 must be able to read it: see `defaultMode` and `fsGroup`"
            }
            ErrorKind::IsADirectory => "\nhint: name the file in it",
            _ => "",
        };
        Usage(format!("{shown}: {error}{hint}"))
    })?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(Usage(format!("{shown}: larger than 1 MiB\nhint: this is hardly the file of configuration")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|&byte| byte == b'\n').count();
        Usage(format!("{shown}:{line}: not valid UTF-8\nhint: save it as UTF-8"))
    })
}

/// What `text` says, which is from the file at `path`.
///
/// # Errors
/// When it is not what `T` is read from, or would take much more memory or time than it has bytes.
pub fn parse<T: de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, Usage> {
    tree::document(text).and_then(|root| read::read(&root)).map_err(|fault| fault.usage(path))
}

/// That what `text`, which is from the file at `path`, says at `steps` is wrong, which are the names of fields and the
/// numbers of a list's items, from the whole to the part. What is not written is wrong where it would be.
#[must_use]
pub fn wrong(path: &Path, text: &str, steps: &[&str], why: &str) -> Usage {
    match tree::document(text) {
        Ok(root) => fault::Fault::at(root.at(steps), why).usage(path),
        Err(fault) => fault.usage(path),
    }
}

/// A time such as `25s`, for `#[serde(deserialize_with)]`.
///
/// # Errors
/// When it is none.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    read(deserializer, args::duration)
}

/// The same where none at all makes no sense.
///
/// # Errors
/// When it is none, or 0.
pub fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let time = duration(deserializer)?;
    if time.is_zero() { Err(de::Error::custom("0 leaves no time at all")) } else { Ok(time) }
}

/// A size such as `4MiB`, in bytes, for `#[serde(deserialize_with)]`.
///
/// # Errors
/// When it is none.
pub fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    read(deserializer, args::size)
}

fn read<'de, D, T>(deserializer: D, meaning: fn(&str) -> Result<T, &'static str>) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    meaning(&text).map_err(|expected| de::Error::custom(format_args!("{expected}, found `{text}`")))
}

#[cfg(test)]
mod tests;
