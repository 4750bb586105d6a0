//! Pages that no worker could make: a configuration with one is refused, before it costs the routes theirs.

use super::config;
use e2e::proxy::{self, Place};
use e2e::sidecar::{free_port, refuse};

#[test]
fn a_filter_that_is_none() {
    for (target, words) in [
        ("metrics: [{name: x, value: '.a |'}]", "`x`: `value`: line 1, column 5 of the filter"),
        ("metrics: [{name: x, each: '.a['}]", "`x`: `each`: line 1, column 4 of the filter"),
        ("metrics: [{name: x, labels: {y: nosuch}}]", "`x`: `y`: line 1, column 1 of the filter"),
        ("metrics: [{name: x}], filter: '$y'", "`filter`: line 1, column 1 of the filter"),
    ] {
        let page = format!("{{targets: [{{name: app, source: {{file: /a}}, {target}}}]}}");
        let place = Place::new(&config(free_port(), &page));
        let launch = proxy::launch(&[&"check", &"--config", &place.config()]);
        refuse(launch, 2, &["config.yaml:7:", "the target `app`: ", words]);
    }
}
