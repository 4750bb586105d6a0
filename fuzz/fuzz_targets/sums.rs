//! Any bytes as SHA256SUMS: what is understood can be written, and is then understood in the same way.

#![no_main]

use libfuzzer_sys::fuzz_target;
use war_copy::digest::{sums, sums_line};

fuzz_target!(|bytes: &[u8]| {
    for alone in [None, Some("sample.war".as_ref())] {
        match sums(bytes, alone) {
            Ok(found) => {
                for (digest, path) in found {
                    let line = sums_line(&digest, &path);
                    assert_eq!(sums(&line, None), Ok(vec![(digest, path)]));
                }
            }
            Err(line) => assert!((1..=bytes.iter().filter(|byte| **byte == b'\n').count() + 1).contains(&line)),
        }
    }
});
