//! Pages that no worker could make: a configuration with one is refused, before it costs the routes theirs.

use super::{Exporter, config, has, serve};
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

#[test]
fn a_metric_that_no_page_can_have() {
    for (metric, words) in [
        ("name: adapter_up", "`adapter_up` is what each page says of itself"),
        ("name: adapter_series_total, type: counter", "`adapter_series` is what each page says of itself"),
        ("name: h, type: histogram, buckets: ., scale: -1", "`h`: the `scale` of a histogram is more than 0"),
        ("name: s, type: summary, sum: .a, count: .b, scale: -1", "`s`: the `scale` of a summary is more than 0"),
        ("name: h, type: histogram, buckets: ., scale: 0", "`h`: a `scale` is a number other than 0"),
    ] {
        let page = format!("{{targets: [{{name: app, source: {{file: /a}}, metrics: [{{{metric}}}]}}]}}");
        let place = Place::new(&config(free_port(), &page));
        refuse(proxy::launch(&[&"check", &"--config", &place.config()]), 2, &["config.yaml:7:", words]);
    }
}

/// A name that a body has is not looked at before there is one.
#[test]
fn a_body_that_has_the_names_of_the_page() {
    let app = serve(|_| (200, "{\"adapter_up\": 5, \"adapter_series_dropped\": 6, \"other\": 7}".into()));
    let exporter = Exporter::one(&format!(
        "source: {{http: \"http://{app}\"}},
         metrics: [{{type: gauge, each: 'to_entries[]', name-from: .key, value: .value, labels: {{target: '\"app\"'}}}}]"
    ));
    let (text, _) = exporter.pages();
    let up = text.lines().filter(|line| line.starts_with("adapter_up{")).collect::<Vec<_>>();
    assert_eq!(up, ["adapter_up{target=\"app\"} 1"]);
    has(
        &text,
        &[
            "other{target=\"app\"} 7",
            "adapter_series{target=\"app\"} 1",
            "adapter_series_dropped{reason=\"conflict\",target=\"app\"} 2",
        ],
    );
}
