//! Any bytes as a log that grows, is rotated, and is read in between: the same events come of it as when it is read at
//! once, in their order.
//!
//! The first byte chooses how it is decoded. In the rest, 0xFE is where a window ends, and 0xFD where a file does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use log_shipper::config::Input;
use log_shipper::decode::Decoder;
use log_shipper::window::{More, Segment, Window};
use std::ops::ControlFlow;

const CUT: u8 = 0xFE;
const ROTATION: u8 = 0xFD;

const HOW: [&str; 8] = [
    r#""decode":"plain""#,
    r#""decode":"plain","multiline":{"start":"^[a-z]"}"#,
    r#""decode":"plain","multiline":{"known":["java","python","go","dotnet"]}"#,
    r#""decode":"plain","multiline":{"start":"^[^ ]","known":["go"]}"#,
    r#""decode":"cri""#,
    r#""decode":"cri","multiline":{"start":"^[a-z]"}"#,
    r#""decode":"cri","multiline":{"known":["java","python","go","dotnet"]}"#,
    r#""decode":"cri","multiline":{"start":"^[^ ]","known":["python"]}"#,
];

fuzz_target!(|bytes: &[u8]| {
    let Some((how, log)) = bytes.split_first() else { return };
    // Short lines are long ones, so that there are some.
    let settings = format!(r#"{{"files":["/x"],"max-line":"128",{}}}"#, HOW[usize::from(*how) % HOW.len()]);
    let input: Input = serde_json::from_str(&settings).expect("settings");
    let mut files = vec![vec![]];
    let mut cuts = vec![];
    let mut length = 0;
    for byte in log {
        match *byte {
            CUT => cuts.push(length),
            ROTATION => files.push(vec![]),
            byte => {
                length += 1;
                files.last_mut().expect("one").push(byte);
            }
        }
    }
    let at_once = Reading::new(&files).read(&input, &[]);
    let in_windows = Reading::new(&files).read(&input, &cuts);
    assert_eq!(in_windows, at_once, "{settings}");
    if usize::from(*how) % HOW.len() == 0 {
        let text: Vec<u8> = at_once.into_iter().flat_map(|event| event.1).collect();
        assert_eq!(without_ends(&text), without_ends(&files.concat()), "nothing is lost of plain lines");
    }
});

fn without_ends(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect()
}

/// Its place, its text, and what else there is to it.
type Event = ((u64, u64, u32), Vec<u8>, String);

struct Reading<'a> {
    files: &'a [Vec<u8>],
    /// Which file it is in, where in it, and whether that is in the middle of a line
    file: usize,
    offset: usize,
    continues: bool,
}

impl<'a> Reading<'a> {
    fn new(files: &'a [Vec<u8>]) -> Self {
        Self { files, file: 0, offset: 0, continues: false }
    }

    /// What is there up to each of `cuts`, and then everything.
    fn read(mut self, input: &Input, cuts: &[usize]) -> Vec<Event> {
        let (mut decoder, mut events) = (Decoder::new(input), vec![]);
        let total = self.files.iter().map(Vec::len).sum();
        for (limit, more) in cuts.iter().map(|cut| (*cut, More::Coming)).chain([(total, More::Ended)]) {
            let window = self.window(limit, more == More::Ended);
            let decoded = decoder.decode(&window, more, &mut |event| {
                let rest = format!("{:?} {:?} {} {}", event.time, event.stream, event.split, event.not_cri);
                events.push(((event.generation, event.offset, event.length), event.text.to_vec(), rest));
                ControlFlow::Continue(())
            });
            assert!(decoded.consumed <= window.bytes.len());
            if decoded.consumed > 0 {
                let segment = window.segments.iter().rev().find(|segment| segment.start <= decoded.consumed);
                let segment = segment.expect("the first one starts at 0");
                self.file = usize::try_from(segment.generation).expect("a few") - 1;
                self.offset = usize::try_from(segment.offset).expect("a few") + decoded.consumed - segment.start;
                self.continues = decoded.continues;
            }
        }
        let left = self.files[self.file..].iter().map(Vec::len).sum::<usize>() - self.offset;
        assert_eq!(left, 0, "all of it is read in the end");
        events
    }

    /// What is there of the first `limit` bytes, and has not been read.
    fn window(&self, limit: usize, all: bool) -> Window {
        let mut window = Window::default();
        let mut left = limit - self.files[..self.file].iter().map(Vec::len).sum::<usize>();
        for (index, content) in self.files.iter().enumerate().skip(self.file) {
            let first = index == self.file;
            let from = if first { self.offset } else { 0 };
            window.segments.push(Segment {
                start: window.bytes.len(),
                generation: index as u64 + 1,
                offset: from as u64,
                continues: first && self.continues,
            });
            let available = content.len().min(left);
            window.bytes.extend_from_slice(&content[from..available]);
            left -= available;
            // Who reads it does not know yet that there is another file.
            if left == 0 && !all {
                break;
            }
        }
        window
    }
}
