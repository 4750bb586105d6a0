//! What has been read and is in a batch, but in no file any more: the batch is the only place that has it.

use crate::input::generation::Generation;
use crate::input::tailer::Tailer;
use chassis::message;
use std::path::Path;
use std::sync::Arc;

pub(super) struct Stranded {
    generation: u64,
    path: Arc<Path>,
    /// Everything before it has been shipped
    shipped: u64,
    /// Everything before it is in a batch
    offset: u64,
}

impl Stranded {
    /// Of a generation of the log at `path` that is given up, if there is anything.
    pub fn of(generation: &Generation, path: &Arc<Path>) -> Option<Self> {
        let (shipped, offset) = (generation.shipped.0, generation.offset);
        (shipped < offset).then(|| Self { generation: generation.number, path: path.clone(), shipped, offset })
    }

    fn behind(&self) -> u64 {
        self.offset - self.shipped
    }
}

impl Tailer {
    /// The sink has everything of this generation before `offset`.
    pub(super) fn rescued(&mut self, generation: u64, offset: u64) {
        for one in self.stranded.iter_mut().filter(|one| one.generation == generation) {
            one.shipped = one.shipped.max(offset);
        }
        self.stranded.retain(|one| one.shipped < one.offset);
    }

    /// The batches are given up.
    pub(super) fn lose_stranded(&mut self) {
        for one in std::mem::take(&mut self.stranded) {
            message::warning(format_args!(
                "{} bytes of {} from offset {} on were truncated or removed before they could be shipped",
                one.behind(),
                one.path.display(),
                one.shipped
            ));
            self.lost += one.behind();
        }
    }

    /// What nobody can take up later, each as it is to be told.
    pub fn left_nowhere(&self) -> Vec<String> {
        let told = |one: &Stranded| {
            let (path, offset, behind) = (one.path.display(), one.shipped, one.behind());
            format!("{path} from offset {offset} ({behind} bytes), truncated or removed since and lost")
        };
        self.stranded.iter().map(told).collect()
    }
}
