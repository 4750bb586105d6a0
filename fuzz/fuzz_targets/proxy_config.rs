//! Any text as adapter-proxy's file of configuration: it is refused with its place in the file, or clusters are made of
//! it.

#![no_main]

use adapter_proxy::cluster::Cluster;
use adapter_proxy::config::Config;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    match Config::parse(Path::new("config.yaml"), text) {
        Ok(config) => {
            for (name, settings) in &config.clusters {
                let cluster = Cluster::new(name, settings);
                let mut chosen = vec![];
                while let Ok(one) = cluster.choose(&chosen) {
                    chosen.push(one.endpoint().clone());
                    assert!(chosen.len() <= settings.endpoints.len(), "each once");
                }
            }
            assert!(
                config.listeners.iter().flat_map(|one| one.clusters()).all(|name| config.clusters.contains_key(name))
            );
        }
        Err(wrong) => assert!(wrong.0.starts_with("config.yaml:"), "{wrong}"),
    }
});
