//! Finds the end of a JSON value in a stream, and keeps the value in bounded memory.

use super::answer::Nonsense;
use memchr::memchr2;

/// What is longer in a string is cut off: a reason may have the whole event in it.
const STRING: usize = 1 << 10;

/// A value that is still longer then is none that we expect.
const VALUE: usize = 64 << 10;

/// Reads one value after the other. It does not check them beyond what it takes to find their ends.
#[derive(Default)]
pub struct Scanner {
    kept: Vec<u8>,
    /// Whether the value is only to be passed over
    skips: bool,
    depth: u32,
    state: State,
    /// Where in `kept` the string starts that it is in
    string: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Before the value
    #[default]
    Before,
    /// In it, but in no string
    Inside,
    String,
    /// In a string, after a backslash
    Escape,
    /// In a string, within `\uXXXX`, with so many digits to come
    Digits(u8),
    /// In a string whose rest is not kept
    Cut,
    /// The same, after a backslash
    CutEscape,
}

impl Scanner {
    /// Makes ready for the next value.
    pub fn begin(&mut self, skips: bool) {
        self.kept.clear();
        (self.skips, self.depth, self.state) = (skips, 0, State::Before);
    }

    /// The value, with long strings cut, once [`Scanner::feed`] has found its end. A cut may go through a character.
    pub fn value(&self) -> &[u8] {
        &self.kept
    }

    /// How many of these bytes are the value's and what is before it; nothing if it goes on after them.
    ///
    /// # Errors
    /// When the value is too large.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, Nonsense> {
        let mut at = 0;
        while at < bytes.len() {
            let (used, ended) = match self.state {
                State::Before | State::Inside => self.outside(bytes[at]),
                State::String | State::Cut => self.text(&bytes[at..]),
                State::Escape | State::Digits(_) | State::CutEscape => (self.escape(bytes[at]), false),
            };
            at += used;
            if ended {
                return Ok(Some(at));
            }
            if self.kept.len() > VALUE {
                return Err(Nonsense("a part of the answer is too large"));
            }
        }
        Ok(None)
    }

    /// A byte that is in no string. Returns how many bytes were used, and whether the value ends there.
    fn outside(&mut self, byte: u8) -> (usize, bool) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' if self.state == State::Before => return (1, false),
            // The end of a number or a word, which is not part of it; or there is no value.
            b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return (0, true),
            _ => self.keep(byte),
        }
        self.state = State::Inside;
        match byte {
            b'"' => (self.state, self.string) = (State::String, self.kept.len()),
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth -= 1, // which is not 0, or it would have ended before
            _ => return (1, false),
        }
        (1, self.depth == 0 && self.state == State::Inside)
    }

    /// Bytes of a string, up to its end or something escaped.
    fn text(&mut self, bytes: &[u8]) -> (usize, bool) {
        let length = memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
        if self.state == State::String && !self.skips {
            let room = (self.string + STRING).saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&bytes[..length.min(room)]);
            if length > room {
                self.state = State::Cut;
            }
        }
        match bytes.get(length) {
            None => (length, false),
            Some(b'"') => {
                self.keep(b'"');
                self.state = State::Inside;
                (length + 1, self.depth == 0)
            }
            Some(_) => {
                // What is escaped is kept whole or not at all, and so are two that make one character.
                let full = self.kept.len() >= self.string + STRING && !leads(&self.kept);
                if self.state == State::Cut || full {
                    self.state = State::CutEscape;
                } else {
                    self.keep(b'\\');
                    self.state = State::Escape;
                }
                (length + 1, false)
            }
        }
    }

    /// A byte after a backslash.
    fn escape(&mut self, byte: u8) -> usize {
        self.state = match self.state {
            // Digits are like any text there.
            State::CutEscape => State::Cut,
            state => {
                self.keep(byte);
                match state {
                    State::Escape if byte == b'u' => State::Digits(4),
                    State::Digits(more @ 2..) => State::Digits(more - 1),
                    _ => State::String,
                }
            }
        };
        1
    }

    fn keep(&mut self, byte: u8) {
        if !self.skips {
            self.kept.push(byte);
        }
    }
}

/// Whether text ends with the first half of a surrogate pair.
fn leads(text: &[u8]) -> bool {
    let half = text.len().checked_sub(6).map(|start| text[start..].to_ascii_lowercase());
    half.is_some_and(|half| half.starts_with(b"\\ud") && matches!(half[3], b'8' | b'9' | b'a' | b'b'))
}

#[cfg(test)]
mod tests {
    use super::{STRING, Scanner, VALUE};

    /// Feeds a value in pieces of each size, and returns it with what was left.
    fn scan(text: &str) -> (String, usize) {
        let results = [1, 2, 3, 7, 1000, usize::MAX].map(|piece| {
            let mut scanner = Scanner::default();
            scanner.begin(false);
            let mut used = 0;
            for bytes in text.as_bytes().chunks(piece.min(text.len())) {
                match scanner.feed(bytes).unwrap() {
                    Some(end) => return (String::from_utf8_lossy(scanner.value()).into_owned(), used + end),
                    None => used += bytes.len(),
                }
            }
            panic!("no end in {text}");
        });
        assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
        results[0].clone()
    }

    #[test]
    fn ends_of_values() {
        for (text, value, used) in [
            ("{\"a\":1},", "{\"a\":1}", 7),
            (" \n[1, [2], {\"]\":\"}\"}]]", "[1, [2], {\"]\":\"}\"}]", 21),
            ("\"a\\\"b\\\\\"c", "\"a\\\"b\\\\\"", 8),
            ("\"\\u0022\"", "\"\\u0022\"", 8),
            ("true}", "true", 4),
            ("-1.5e3 ,", "-1.5e3", 6),
            ("}", "", 0),
        ] {
            assert_eq!(scan(text), (value.into(), used), "{text}");
        }
    }

    #[test]
    fn long_strings_are_cut_where_json_stays_json() {
        let long = |unit: &str| unit.repeat(10 * STRING / unit.len());
        for unit in ["a", "\\n", "\\\\", "\\\"", "\\u00e4", "\\ud83d\\ude00", "x\\ud83d\\ude00", "ä", "xx€", "}{"] {
            for prefix in ["", "y", "yy", "yyy", "yyyy", "yyyyy"] {
                let text = format!("{{\"a\":\"{prefix}{}\",\"b\":[2]}}", long(unit));
                let (value, used) = scan(&text);
                assert_eq!(used, text.len());
                assert!(value.len() < 2 * STRING, "{unit}");
                let parsed: serde_json::Value = serde_json::from_str(&value).expect(unit);
                assert_eq!(parsed["b"][0], 2);
                assert!(parsed["a"].as_str().unwrap().len() > STRING / 10);
            }
        }
    }

    #[test]
    fn a_value_that_is_passed_over_takes_no_memory() {
        let mut scanner = Scanner::default();
        scanner.begin(true);
        assert_eq!(scanner.feed(b"[").unwrap(), None);
        for _ in 0..VALUE {
            assert_eq!(scanner.feed(b"{\"key\":[1,\"\\\"]\"]},").unwrap(), None);
        }
        assert_eq!(scanner.feed(b"1]").unwrap(), Some(2));
        assert!(scanner.value().is_empty());
    }

    #[test]
    fn a_value_without_an_end_is_an_error() {
        let mut scanner = Scanner::default();
        scanner.begin(false);
        assert!((0..=VALUE).any(|_| scanner.feed(b"[1,").is_err()));
    }
}
