//! Another configuration, while logs are being read.

use crate::config::Input;
use crate::input::patterns::Patterns;
use crate::input::tailer::Tailer;
use chassis::exit::Usage;
use std::path::Path;
use std::rc::Rc;

impl Tailer {
    /// New inputs in the place of those it has. Everything that has not been shipped is read again.
    ///
    /// # Errors
    /// When a pattern is none; nothing has changed, then.
    pub fn reconfigure(&mut self, inputs: &[Input]) -> Result<(), Usage> {
        let patterns =
            inputs.iter().map(|input| Ok((Patterns::new(input)?, input.clone()))).collect::<Result<Vec<_>, Usage>>()?;
        self.open_stdin(inputs)?;
        self.inputs = patterns;
        for id in 0..self.logs.len() {
            let log = &mut self.logs[id];
            log.rewind();
            match self.inputs.iter().position(|(patterns, _)| patterns.matches(&log.path)) {
                Some(input) => log.input = input,
                None if &*log.path == Path::new("-") => {}
                None => self.leave(id),
            }
            self.doubt(id);
        }
        let strangers = std::mem::take(&mut self.strangers);
        self.recall(strangers);
        self.scan();
        self.settle();
        Ok(())
    }

    /// No input is about this log any more.
    fn leave(&mut self, id: usize) {
        let log = &mut self.logs[id];
        self.strangers.extend(log.generations.iter().filter_map(|generation| generation.record(&log.path)));
        for generation in log.generations.drain(..) {
            self.by_generation.remove(&generation.number);
            if let Some(identity) = generation.identity {
                self.by_identity.remove(&identity);
            }
        }
        log.live = false;
        log.left = true;
        let lag = log.lag.clone();
        self.lags.borrow_mut().retain(|known| !Rc::ptr_eq(known, &lag));
        self.by_path.retain(|_, known| *known != id);
    }
}
