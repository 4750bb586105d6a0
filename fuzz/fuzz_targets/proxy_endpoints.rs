//! Any text as a file of endpoints: it is refused with its place, or each of them can be written again.

#![no_main]

use adapter_proxy::config::Endpoint;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    match chassis::config::parse::<Vec<Endpoint>>(Path::new("endpoints.yaml"), text) {
        Ok(endpoints) => {
            for endpoint in endpoints {
                assert!((1..=1000).contains(&endpoint.weight));
                assert_eq!(endpoint.at.to_string().parse(), Ok(endpoint.at));
            }
        }
        Err(wrong) => assert!(wrong.0.starts_with("endpoints.yaml:"), "{wrong}"),
    }
});
