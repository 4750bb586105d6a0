//! Any bytes as JSON: it takes what another reader of JSON takes, and nothing else; what it takes can be written again,
//! and as YAML.

#![no_main]

mod body;

use adapter_proxy::body::Format;
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

fuzz_target!(|bytes: &[u8]| {
    let json = bytes.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(bytes);
    if let Some(value) = body::read(&Format::Json, bytes) {
        serde_json::from_slice::<IgnoredAny>(json).expect("JSON");
        body::assert_same(&Format::Yaml, &value);
    } else if serde_json::from_slice::<serde_json::Value>(json).is_ok() {
        let unfit = Format::Json.decode(bytes, &body::LIMITS).unwrap_err();
        assert!(["nested deeper", "more than"].iter().any(|limit| unfit.what.starts_with(limit)), "{unfit:?}");
    }
});
