//! Any bytes as YAML: what is taken can be written again, and is the same.

#![no_main]

mod body;

use adapter_proxy::body::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(value) = body::read(&Format::Yaml, bytes) {
        body::assert_same(&Format::Yaml, &value);
    }
});
