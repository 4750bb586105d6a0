//! Where there are fewer descriptors than logs, these take turns: what has been shipped as far as it goes is closed, and
//! opened again when there is more.

use crate::input::generation::Generation;
use crate::input::source::Source;
use crate::input::tailer::Tailer;
use chassis::message;
use rustix::io::{Errno, fcntl_dupfd_cloexec};

/// So many stay free: for positions, for connections, and for what is opened while a log is compared with its directory.
const SPARE: usize = 8;

impl Tailer {
    /// Whether a log can be compared with its directory now. If not, that is done when it is its turn.
    pub(super) fn may_open(&mut self, id: usize) -> bool {
        let log = &self.logs[id];
        let opens = !log.live || log.generations.iter().any(|generation| generation.source.is_none());
        if !opens || (self.waiting.is_empty() && has_spare()) {
            return true;
        }
        if !std::mem::replace(&mut self.takes_turns, true) {
            message::warning(
                "there are more logs than files may be open: they take turns, and what is removed before its turn is lost\n\
                 hint: give it a higher limit of open files (`ulimit -n`)",
            );
        }
        self.waiting.push_back((id, self.first_start));
        false
    }

    /// Goes on to logs that wait for descriptors.
    pub(super) fn take_turns(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        for log in self.logs.iter_mut().filter(|log| !log.queued) {
            for generation in log.generations.iter_mut().filter(|generation| can_be_closed(generation)) {
                if generation.all_read() {
                    generation.rest();
                } else {
                    generation.source = None;
                }
            }
        }
        while !self.waiting.is_empty() && has_spare() {
            let Some((id, first_start)) = self.waiting.pop_front() else { break };
            let now = std::mem::replace(&mut self.first_start, first_start);
            self.settle_at_once(id);
            self.first_start = now;
        }
        if self.any_open() {
            return;
        }
        for (id, _) in &self.waiting {
            let log = &mut self.logs[*id];
            if !std::mem::replace(&mut log.unread, true) {
                let text = format!("cannot read {}: {}", log.path.display(), std::io::Error::from(Errno::MFILE));
                message::warning(format_args!("{text}; it is tried again"));
                log.told = Some(text);
            }
        }
    }

    /// Whether a log that waits may be opened without anything else happening.
    pub(super) fn can_take_turns(&self) -> bool {
        let idle = self.logs.iter().filter(|log| !log.queued);
        !self.waiting.is_empty() && idle.flat_map(|log| &log.generations).any(can_be_closed)
    }

    /// Whether no log waits, or none of them can ever be opened.
    pub(super) fn no_turns_left(&self) -> bool {
        self.waiting.is_empty() || !self.any_open()
    }

    fn any_open(&self) -> bool {
        self.logs.iter().flat_map(|log| &log.generations).any(|generation| generation.source.is_some())
    }
}

/// Of a file without a name, nothing would be left; and to find one's place in a compressed file takes long.
fn can_be_closed(generation: &Generation) -> bool {
    generation.shipped.0 == generation.offset
        && generation.linked
        && matches!(generation.source, Some(Source::Plain(_)))
}

fn has_spare() -> bool {
    let stderr = std::io::stderr();
    let spare = (0..SPARE).map_while(|_| match fcntl_dupfd_cloexec(&stderr, 0) {
        Err(Errno::MFILE | Errno::NFILE) => None,
        other => Some(other),
    });
    spare.collect::<Vec<_>>().len() == SPARE
}
