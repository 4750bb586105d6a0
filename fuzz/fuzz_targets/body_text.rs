//! Any bytes as a form, as text, lines, pairs or CSV, which the first byte says: what is taken can be written again, where
//! the format can say it, and is the same.

#![no_main]

mod body;

use adapter_proxy::body::{Format, Pattern};
use jaq_json::Val;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, text)) = bytes.split_first() else { return };
    let format = match first % 8 {
        0 => Format::Form,
        1 => Format::Text,
        2 => Format::Lines(Pattern::new(r"^(?<name>\w+)\s*:\s*(?<value>[^#]*?)(?<rest>#.*)?$").unwrap()),
        3 => Format::Lines(Pattern::new("(?<a>(a|b*)+)|(?<c>.)").unwrap()),
        4 => Format::Pairs(":".into()),
        5 => Format::Pairs(" ".into()),
        6 => Format::Pairs(" = ".into()),
        _ => Format::Csv,
    };
    let Some(value) = body::read(&format, text) else { return };
    let whole = match (&format, &value) {
        (Format::Lines(_), _) => false,
        // What a row does not have is written as nothing.
        (Format::Csv, Val::Arr(rows)) => {
            let columns = |row: &Val| if let Val::Obj(fields) = row { fields.len() } else { 0 };
            rows.iter().all(|row| rows.first().is_some_and(|first| columns(row) == columns(first)))
        }
        _ => true,
    };
    if whole {
        body::assert_same(&format, &value);
    }
});
