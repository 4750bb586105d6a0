//! Any text as a file of configuration: it is refused with its place in the file, or all that is made of it can be made
//! or is refused as well.

#![no_main]

use libfuzzer_sys::fuzz_target;
use log_shipper::config::Config;
use log_shipper::decode::Decoder;
use log_shipper::encode::Encoder;
use log_shipper::input::patterns::Patterns;
use std::path::Path;

fuzz_target!(|text: &str| {
    let config: Config = match chassis::config::parse(Path::new("config.yaml"), text) {
        Ok(config) => config,
        Err(usage) => {
            let said = usage.to_string();
            let place = said.strip_prefix("config.yaml:").unwrap_or_else(|| panic!("{said}"));
            let line: usize =
                place.split(':').next().and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{said}"));
            assert!(
                (1..=text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count() + 1).contains(&line),
                "{said}"
            );
            return;
        }
    };
    for input in &config.inputs {
        let _ = Decoder::new(input);
        assert!(Patterns::new(input).is_ok(), "a pattern that is none is told with its place");
    }
    let _ = Encoder::new(&config.output, &config.inputs, [7; 16]);
});
