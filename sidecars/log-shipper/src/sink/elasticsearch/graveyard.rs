//! Where dead letters go.

use super::answer::Refusal;
use super::letter;
use super::letter_file::LetterFile;
use super::retry::Backoff;
use super::urls::bulk_path;
use crate::batch::Batch;
use crate::config::DeadLetter;
use anyhow::{Result, bail};
use chassis::exit::Usage;
use chassis::message;
use std::path::Path;
use std::sync::Arc;
use tokio::time::sleep;

const NAME: &str = "dead-letters.ndjson";

/// Letters are written so many bytes at a time.
const PIECE: usize = 256 << 10;

pub enum Graveyard {
    File(LetterFile),
    Index { name: String, path: String },
    Discard,
}

impl Graveyard {
    /// # Errors
    /// When there is no state directory to have them in.
    pub fn new(config: &DeadLetter, state: Option<&Path>) -> Result<Self> {
        Ok(match (config, state) {
            (DeadLetter::State, Some(state)) => Self::File(LetterFile::new(state.join(NAME))),
            (DeadLetter::State, None) => bail!(Usage(
                "there is no state directory for dead letters\nhint: say where they go by `dead-letter`".into()
            )),
            (DeadLetter::File(path), _) => Self::File(LetterFile::new(path.clone())),
            (DeadLetter::Index(name), _) => Self::Index { name: name.clone(), path: bulk_path(Some(name)) },
            (DeadLetter::Discard, _) => Self::Discard,
        })
    }
}

impl LetterFile {
    /// Returns when all of them are on the disk. While it has no room, nothing is given up.
    pub async fn bury(&self, batch: &Batch, refusals: &[Refusal], index: &str) {
        let mut lines = vec![];
        for (place, refusal) in refusals.iter().enumerate() {
            letter::line(&mut lines, item(batch, refusal.item), index, &refusal.reason);
            if lines.len() >= PIECE || place + 1 == refusals.len() {
                self.append_for_certain(Arc::new(std::mem::take(&mut lines))).await;
            }
        }
    }

    async fn append_for_certain(&self, lines: Arc<Vec<u8>>) {
        let mut backoff = Backoff::default();
        let mut said = false;
        while let Err(error) = self.append(lines.clone()).await {
            if !said {
                message::error(&error.context("an event that the sink refused is held back; nothing is lost"));
                said = true;
            }
            sleep(backoff.failed(None)).await;
        }
        if said {
            message::info(format_args!("{} takes dead letters again", self.path().display()));
        }
    }
}

/// The letters, to be sent.
pub fn letters(batch: &Batch, refusals: &[Refusal], index: &str) -> Batch {
    let mut letters = Batch::default();
    for refusal in refusals {
        letter::item(&mut letters.body, item(batch, refusal.item), index, &refusal.reason);
        letters.seal();
    }
    letters
}

fn item(batch: &Batch, place: usize) -> &[u8] {
    let start = place.checked_sub(1).map_or(0, |before| batch.ends[before] as usize);
    &batch.body[start..batch.ends[place] as usize]
}
