//! Another configuration, while logs are being read.

use crate::config::Input;
use crate::input::patterns::Patterns;
use crate::input::tailer::Tailer;
use crate::input::tailer::piped::is_about_stdin;
use chassis::exit::Usage;
use std::rc::Rc;

impl Tailer {
    /// New inputs in the place of those it has. Everything that has not been shipped is read again, and
    /// what cannot be is lost.
    ///
    /// # Errors
    /// When a pattern is none; nothing has changed, then.
    pub fn reconfigure(&mut self, inputs: &[Input]) -> Result<(), Usage> {
        let patterns =
            inputs.iter().map(|input| Ok((Patterns::new(input)?, input.clone()))).collect::<Result<Vec<_>, Usage>>()?;
        self.open_stdin(inputs)?;
        self.inputs = patterns;
        self.lose_stranded();
        for id in 0..self.logs.len() {
            let log = &mut self.logs[id];
            log.rewind();
            let is_piped = self.stdin.as_ref().is_some_and(|(_, piped)| *piped == id);
            let is_its = |(patterns, input): &(Patterns, Input)| {
                if is_piped { is_about_stdin(input) } else { patterns.matches(&log.path) }
            };
            match self.inputs.iter().position(is_its) {
                Some(input) => log.input = input,
                None if is_piped => self.leave_stdin(),
                None => self.leave(id),
            }
            if is_piped {
                // There is no directory to compare it with, and nobody may ever write to it again.
                self.enqueue(id);
            } else {
                self.doubt(id);
            }
        }
        let strangers = std::mem::take(&mut self.strangers);
        self.recall(strangers);
        self.scan();
        self.settle();
        Ok(())
    }

    /// No input is about this log any more.
    pub(super) fn leave(&mut self, id: usize) {
        let log = &mut self.logs[id];
        self.strangers.extend(log.generations.iter().filter_map(|generation| generation.record(&log.path)));
        for generation in log.generations.drain(..) {
            self.by_generation.remove(&generation.number);
            self.readers.remove(&generation);
        }
        log.live = false;
        log.left = true;
        let lag = log.lag.clone();
        self.lags.borrow_mut().retain(|known| !Rc::ptr_eq(known, &lag));
        self.targets.change(id, log.target.take().as_deref(), None);
        self.by_path.retain(|_, known| *known != id);
    }
}
