//! Any bytes as a line of a container runtime: what is understood can be written, and is then understood in the same way.

#![no_main]

use libfuzzer_sys::fuzz_target;
use log_shipper::decode::cri::{Entry, parse};
use log_shipper::encode::time::Time;
use log_shipper::event::Stream;

fuzz_target!(|bytes: &[u8]| {
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(entry) = parse(line) else { continue };
        assert!(line.starts_with(entry.time.as_bytes()) && line.ends_with(entry.text), "{entry:?}");
        // It goes into the document as it is.
        assert!(Time::parse(entry.time.as_bytes()).is_some_and(|written| written.strict), "{entry:?}");
        assert_eq!(parse(&written(&entry)), Some(entry));
    }
});

fn written(entry: &Entry) -> Vec<u8> {
    let stream = if entry.stream == Stream::Stdout { "stdout" } else { "stderr" };
    let tag = if entry.partial { "P" } else { "F" };
    [format!("{} {stream} {tag} ", entry.time).as_bytes(), entry.text].concat()
}
