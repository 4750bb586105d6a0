//! What comes through stdin is a log, too.

use crate::config::Input;
use crate::input::generation::Generation;
use crate::input::log::Log;
use crate::input::numbers;
use crate::input::source::Source;
use crate::input::stdin::Stdin;
use crate::input::tailer::Tailer;
use crate::input::tailer::reading::WINDOW;
use chassis::exit::Usage;
use chassis::message;
use std::io;
use std::path::Path;

/// So much is taken in before it is shipped, or as much as a window with the longest line.
const MOST: usize = 512 << 10;

impl Tailer {
    pub(super) fn open_stdin(&mut self, inputs: &[Input]) -> Result<(), Usage> {
        let Some(input) = inputs.iter().position(is_about_stdin) else { return Ok(()) };
        if self.stdin.is_some() {
            return Ok(());
        }
        let stdin = Stdin::new().map_err(|error| Usage(format!("cannot read stdin: {error}")))?;
        let id = self.logs.len();
        let mut log = Log::new(Path::new("-").into(), input);
        (log.live, log.doubtful) = (true, false);
        let number = numbers::next(&mut self.next_generation);
        log.generations.push_back(Generation::piped(number));
        self.by_generation.insert(number, id);
        self.lags.borrow_mut().push(log.lag.clone());
        self.logs.push(log);
        self.stdin = Some((stdin, id));
        Ok(())
    }

    /// No input is about stdin any more.
    pub(super) fn leave_stdin(&mut self) {
        let Some((_, id)) = self.stdin.take() else { return };
        let lost = self.logs[id].behind();
        if lost > 0 {
            self.lost += lost;
            message::warning(format_args!(
                "no input is about stdin any more: {lost} bytes that came through it were not shipped"
            ));
        }
        self.leave(id);
    }

    /// Whether something may come through stdin still.
    pub fn is_piped(&self) -> bool {
        self.stdin.as_ref().is_some_and(|(stdin, _)| !stdin.ended)
    }

    /// Whether nothing can come any more: there is only stdin, and that has ended.
    pub fn has_ended(&self) -> bool {
        let only = self.inputs.iter().all(|(_, input)| input.files.iter().all(|file| file == "-"));
        only && self.stdin.as_ref().is_some_and(|(stdin, _)| stdin.ended)
    }

    /// So many bytes of stdin wait at most.
    pub(super) fn most_piped(&self, id: usize) -> usize {
        MOST.max(self.largest_window(id).saturating_add(WINDOW))
    }

    /// Takes what came through stdin.
    pub(super) fn take_in(&mut self) -> io::Result<()> {
        let Some(id) = self.stdin.as_ref().map(|(_, id)| *id) else { return Ok(()) };
        let most = self.most_piped(id);
        let Some((stdin, _)) = &mut self.stdin else { return Ok(()) };
        let log = &mut self.logs[id];
        let Some(generation) = log.generations.back_mut() else { return Ok(()) };
        let Some(Source::Pipe(pipe)) = &mut generation.source else { return Ok(()) };
        if log.live && stdin.read(pipe, most)? {
            log.live = !stdin.ended;
            generation.size = pipe.end();
            log.note_lag(false);
            self.enqueue(id);
        }
        Ok(())
    }
}

pub(super) fn is_about_stdin(input: &Input) -> bool {
    input.files.iter().any(|file| file == "-")
}
