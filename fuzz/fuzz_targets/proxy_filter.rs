//! Any bytes as a body that a route maps, packed or not, as a whole or as items of a stream: what is made of it is within
//! the limits and what it is to be, or it is told why there is nothing.
//!
//! The first byte is the mapping, the second how it is packed.

#![no_main]

use adapter_proxy::config::Config;
use adapter_proxy::filter::{Coding, Job, Tasks};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

const MOST: usize = 64 << 10;

const CONFIG: &str = r#"
filters: {max-depth: 20, max-values: 2000, max-output: 64KiB}
clusters: {app: {endpoints: ["127.0.0.1:1"]}}
listeners:
- listen: 127.0.0.1:2
  protocol: http
  cluster: app
  routes:
  - name: all
    responses:
    - {status: 200, body: {max-body: 64KiB}}
    - {status: 201, body: {max-body: 64KiB, filter: "[.. | scalars]"}}
    - {status: 202, body: {max-body: 64KiB, filter: "to_entries? // tojson"}}
    - {status: 203, body: {max-body: 64KiB, filter: "tostring | ascii_downcase | test(\"a+b\")", status: ".code? // 204"}}
    - {status: 205, body: {max-body: 64KiB, stream: ndjson, filter: ".[]?, ."}}
    - {status: 206, body: {max-body: 64KiB, stream: sse, filter: "select(.) | {got: .}"}}
    - {status: 207, body: {max-body: 64KiB, from: xml, to: json}}
    - {status: 208, body: {max-body: 64KiB, from: form, to: json, filter: "map_values(tojson | fromjson)"}}
    - {status: 209, body: {max-body: 64KiB, from: text, to: json, filter: "[splits(\", *\")] | group_by(length)"}}
"#;
const MAPPINGS: u32 = 9;

thread_local! {
    static TASKS: Tasks = {
        let config = Config::parse(Path::new("config.yaml"), CONFIG).unwrap_or_else(|wrong| panic!("{}", wrong.0));
        Tasks::of(&config).unwrap_or_else(|wrong| panic!("{wrong}"))
    };
}

fuzz_target!(|bytes: &[u8]| {
    let [first, second, body @ ..] = bytes else { return };
    let task = u32::from(*first) % MAPPINGS;
    let coding = [Coding::Identity, Coding::Identity, Coding::Gzip, Coding::Deflate][usize::from(*second) % 4];
    let made = TASKS.with(|tasks| tasks.run(&Job { task, coding, variables: b"", body }));
    match made {
        Ok(made) => {
            // Of a stream it is each item that is within the limit, and the one that is beyond it ends it.
            assert!(made.body.len() <= 2 * MOST, "{} bytes", made.body.len());
            assert!(std::str::from_utf8(&made.body).is_ok() || task == 5, "no text");
            assert!(made.status.is_none_or(|status| (200..600).contains(&status)));
        }
        Err(unfit) => assert!(!unfit.what.is_empty()),
    }
});
