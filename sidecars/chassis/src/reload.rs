//! A file of configuration that changes: what became of that, said and counted.

use crate::exposition::Exposition;
use crate::message;
use anyhow::Result;
use std::cell::Cell;
use std::path::Path;

#[derive(Default)]
pub struct Reloads {
    followed: Cell<u64>,
    refused: Cell<u64>,
}

impl Reloads {
    /// Notes how it went: whether `file` says something else now, which is followed, or what is wrong with it.
    pub fn note(&self, file: &Path, followed: Result<bool>) {
        match followed {
            Ok(true) => {
                self.followed.set(self.followed.get() + 1);
                message::info(format_args!("following the new {}", file.display()));
            }
            Ok(false) => {}
            Err(error) => {
                self.refused.set(self.refused.get() + 1);
                message::error(&error.context("the configuration changed and is wrong now; the old one stays"));
            }
        }
    }

    /// Writes the metric of this name.
    pub fn write(&self, name: &'static str, page: &mut Exposition) {
        page.counter(name, "Changes of the configuration, followed or refused as wrong")
            .sample(&[("result", "followed")], self.followed.get())
            .sample(&[("result", "refused")], self.refused.get());
    }
}
