use super::{Body, Fetched, Page};
use crate::body::Limits;
use std::path::Path;
use std::time::Duration;

const LIMITS: Limits = Limits { depth: 100, values: 100_000, output: 4 << 20 };

fn page(yaml: &str) -> Page {
    let page = chassis::config::parse(Path::new("pages"), yaml).unwrap_or_else(|wrong| panic!("{}", wrong.0));
    Page::new(&page).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// What a page of one target has, without what is said of the target, and the complaints.
fn series(metrics: &str, body: &str, openmetrics: bool) -> (String, Vec<String>) {
    let page = page(&format!("targets: [{{name: app, source: {{file: /a}}, metrics: [{metrics}]}}]"));
    let body = Ok(Body::One(body.into()));
    let mut out = vec![];
    let said =
        page.write(&[Fetched { target: 0, took: Duration::from_millis(5), body }], openmetrics, &LIMITS, &mut out);
    let text = String::from_utf8(out).unwrap();
    let own = |line: &&str| !line.contains("adapter_");
    (text.split_inclusive('\n').filter(own).collect(), said)
}

fn text(metrics: &str, body: &str) -> String {
    let (text, said) = series(metrics, body, false);
    assert!(said.is_empty(), "{said:?}");
    text
}

fn openmetrics(metrics: &str, body: &str) -> String {
    let (text, said) = series(metrics, body, true);
    assert!(said.is_empty(), "{said:?}");
    text
}

fn unusable(metrics: &str, body: &str) -> String {
    let (text, said) = series(metrics, body, false);
    assert!(text.is_empty(), "{text}");
    said.join("\n")
}

#[test]
fn of_arrays_and_maps() {
    let metrics = "{name: app_requests_total, type: counter, help: 'All \"requests\" \\ so far', each: '.queues[]', value: .count, labels: {queue: .name, zone: .zone}}";
    let body = r#"{"queues": [{"name": "a \"b\"\n\\", "count": 1}, {"name": "c", "count": "2", "zone": 5}]}"#;
    let labels = "{queue=\"a \\\"b\\\"\\n\\\\\"} 1\napp_requests_total{queue=\"c\",zone=\"5\"} 2\n";
    let help = "# HELP app_requests_total All \"requests\" \\\\ so far\n# TYPE app_requests_total counter\n";
    assert_eq!(text(metrics, body), format!("{help}app_requests_total{labels}"));
    let help = "# HELP app_requests All \\\"requests\\\" \\\\ so far\n# TYPE app_requests counter\n";
    assert_eq!(openmetrics(metrics, body), format!("{help}app_requests_total{labels}# EOF\n"));
    assert_eq!(
        text(
            "{name: app_up, type: gauge, each: '.nodes | to_entries[]', value: '.value.up', labels: {node: .key, of: $root.of}}",
            r#"{"of": "x", "nodes": {"n1": {"up": true}, "n2": {"up": false}, "n3": {"up": null}, "n4": {}, "n5": {"up": ""}}}"#
        ),
        "# HELP app_up From `.value.up`\n# TYPE app_up gauge\napp_up{node=\"n1\",of=\"x\"} 1\napp_up{node=\"n2\",of=\"x\"} 0\n"
    );
}

#[test]
fn of_texts() {
    let metrics = "{name: app_state, help: h, each: '.[]', labels: {n: .n}, value: .s, values: {running: 1, 'stop*': 0, '*ing': 2}}";
    let states = |of: &[&str]| {
        let items = of.iter().enumerate().map(|(n, s)| format!("{{\"n\": {n}, \"s\": {s}}}")).collect::<Vec<_>>();
        format!("[{}]", items.join(","))
    };
    let expected = "# HELP app_state h\n# TYPE app_state untyped\napp_state{n=\"0\"} 1\napp_state{n=\"1\"} 0\napp_state{n=\"2\"} 2\napp_state{n=\"3\"} 7\n";
    assert_eq!(text(metrics, &states(&["\"running\"", "\"stopped\"", "\"starting\"", "7"])), expected);
    assert_eq!(unusable(metrics, &states(&["\"gone\""])), "the target `app`: `app_state`: \"gone\" is no number");
    let otherwise = metrics.replace("values:", "else: -1, values:");
    assert!(text(&otherwise, &states(&["\"gone\""])).ends_with("\napp_state{n=\"0\"} -1\n"));
}

#[test]
fn in_base_units() {
    let one = |name: &str, unit: &str, body: &str| {
        let page = text(&format!("{{name: {name}, help: h, unit: {unit}}}"), body);
        page.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(one("a_seconds", "ms", "290"), "a_seconds 0.29");
    assert_eq!(one("a_seconds", "ms", "\"290 ms\""), "a_seconds 0.29");
    assert_eq!(one("a_seconds", "ns", "1"), "a_seconds 1e-9");
    assert_eq!(one("a_seconds_total", "min", "1.5"), "a_seconds_total 90");
    assert_eq!(one("a_ratio", "percent", "\"45%\""), "a_ratio 0.45");
    assert_eq!(one("a_bytes", "KiB", "2"), "a_bytes 2048");
    let page = openmetrics("{name: a_seconds_total, type: counter, help: h, unit: ms}", "1");
    assert_eq!(
        page,
        "# HELP a_seconds h\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 0.001\n# EOF\n"
    );
    assert_eq!(text("{name: a, help: h, scale: 0.5}", "3"), "# HELP a h\n# TYPE a untyped\na 1.5\n");
}

#[test]
fn timestamps() {
    let metrics = "{name: a, help: h, each: '.[]', labels: {n: .n}, value: '1', timestamp: .at}";
    let body = r#"[{"n": 1, "at": 1700000000.5}, {"n": 2, "at": "2026-11-22T05:30:00Z"}, {"n": 3}]"#;
    let page = text(metrics, body);
    assert!(page.ends_with("a{n=\"1\"} 1 1700000000500\na{n=\"2\"} 1 1795325400000\na{n=\"3\"} 1\n"), "{page}");
    let page = openmetrics(metrics, body);
    assert!(page.ends_with("a{n=\"1\"} 1 1700000000.5\na{n=\"2\"} 1 1795325400\na{n=\"3\"} 1\n# EOF\n"), "{page}");
    assert!(page.contains("# TYPE a unknown\n"), "{page}");
    assert!(unusable(metrics, r#"[{"n": 1, "at": "soon"}]"#).contains("timestamp"));
}

#[test]
fn histograms_and_summaries() {
    let metrics = "{name: a_seconds, type: histogram, help: h, unit: ms, buckets: .b, cumulative: false, sum: .s, labels: {x: '\"y\"'}}";
    let body = r#"{"b": {"300": 1, "1000": 4}, "s": 2500}"#;
    let page = |inf: &str, le: &str| {
        format!(
            "a_seconds_bucket{{x=\"y\",le=\"0.3\"}} 1\na_seconds_bucket{{x=\"y\",le=\"{le}\"}} 5\na_seconds_bucket{{x=\"y\",le=\"{inf}\"}} 5\na_seconds_sum{{x=\"y\"}} 2.5\na_seconds_count{{x=\"y\"}} 5\n"
        )
    };
    assert_eq!(text(metrics, body), format!("# HELP a_seconds h\n# TYPE a_seconds histogram\n{}", page("+Inf", "1")));
    let expected = format!(
        "# HELP a_seconds h\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n{}# EOF\n",
        page("+Inf", "1.0")
    );
    assert_eq!(openmetrics(metrics, body), expected);
    let without = openmetrics("{name: a, type: histogram, help: h, buckets: .}", "[[1, 2]]");
    assert_eq!(without, "# HELP a h\n# TYPE a histogram\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 2\n# EOF\n");
    assert!(
        unusable("{name: a, type: histogram, buckets: .}", r#"{"1": 2, "2": 1}"#).contains("the bucket up to 2 has 1")
    );

    let metrics = "{name: a, type: summary, help: h, quantiles: .q, sum: .s, count: .c}";
    let page = text(metrics, r#"{"q": {"0.5": 1, "0.99": 3}, "s": 7, "c": 4}"#);
    assert_eq!(
        page,
        "# HELP a h\n# TYPE a summary\na{quantile=\"0.5\"} 1\na{quantile=\"0.99\"} 3\na_sum 7\na_count 4\n"
    );
    assert!(unusable(metrics, r#"{"q": {"50": 1}, "s": 7, "c": 4}"#).contains("50 is no quantile"));
}

/// A name of a metric that ends in no `_total` is no counter to `OpenMetrics`.
#[test]
fn counters() {
    let metrics = "{name: a, type: counter, help: h}";
    assert_eq!(text(metrics, "1"), "# HELP a h\n# TYPE a counter\na 1\n");
    assert_eq!(openmetrics(metrics, "1"), "# HELP a h\n# TYPE a unknown\na 1\n# EOF\n");
    assert!(unusable(metrics, "-1").contains("a counter cannot be -1"));
    let nameless = openmetrics("{name: _total, type: counter, help: h}", "1");
    assert_eq!(nameless, "# HELP _total h\n# TYPE _total unknown\n_total 1\n# EOF\n");
}

#[test]
fn names_of_the_body() {
    let metrics = "{name-from: '\"jvm.\" + .key', help: h, each: 'to_entries[]', value: .value}";
    assert_eq!(
        text(metrics, r#"{"a.b-c": 1, "ö": 2}"#),
        "# HELP jvm_a_b_c h\n# TYPE jvm_a_b_c untyped\njvm_a_b_c 1\n# HELP jvm__ h\n# TYPE jvm__ untyped\njvm__ 2\n"
    );
}

#[test]
fn all_of_a_page() {
    let page = page(
        "
max-series: 4
targets:
- {name: 'a \"1\"', source: {file: /a}, metrics: [{name: x, help: h, each: '.[]', labels: {n: .}}, {name: y, help: h, type: gauge, each: '.[]', labels: {n: .}}]}
- {name: b, source: {file: /b}, metrics: [{name: x, help: other, each: '.[]', labels: {n: .}}, {name: y_total, type: counter, help: h, value: .z}]}
- {name: c, source: {file: /c}, metrics: [{name-from: '\"adapter_up\"', type: gauge}, {name: x_sum}, {name-from: '\"adapter_series\"', type: counter}]}
- {name: d, source: {file: /d}, metrics: [{name: x}]}
",
    );
    let took = Duration::from_millis(5);
    let of = |target, body: &str| Fetched { target, took, body: Ok(Body::One(body.into())) };
    let fetched =
        [of(0, "[1, 1]"), of(1, "[1, 2, 3, 4]"), of(2, "7"), Fetched { target: 3, took, body: Err("no".into()) }];
    let mut out = vec![];
    let said = page.write(&fetched, false, &LIMITS, &mut out);
    let own = |name: &str, values: [&str; 4]| {
        let targets = ["a \\\"1\\\"", "b", "c", "d"];
        let lines =
            targets.iter().zip(values).map(|(target, value)| format!("{name}{{target=\"{target}\"}} {value}\n"));
        lines.collect::<Vec<_>>().concat()
    };
    let expected = [
        "# HELP adapter_up Whether the target was fetched and could be read\n# TYPE adapter_up gauge\n",
        &own("adapter_up", ["1", "1", "1", "0"]),
        "# HELP adapter_scrape_duration_seconds How long it took to fetch the target\n# TYPE adapter_scrape_duration_seconds gauge\n",
        &own("adapter_scrape_duration_seconds", ["0.005"; 4]),
        "# HELP adapter_series Series of the target on this page\n# TYPE adapter_series gauge\n",
        &own("adapter_series", ["2", "2", "0", "0"]),
    ]
    .concat();
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with(&expected), "{text}");
    // x of both targets, together, and what the second says of it is not said.
    assert!(text.ends_with("# HELP x h\n# TYPE x untyped\nx{n=\"1\"} 1\nx{n=\"2\"} 2\nx{n=\"3\"} 3\n# HELP y h\n# TYPE y gauge\ny{n=\"1\"} 1\n"), "{text}");
    for line in [
        "adapter_series_dropped{reason=\"duplicate\",target=\"a \\\"1\\\"\"} 2",
        "adapter_series_dropped{reason=\"limit\",target=\"a \\\"1\\\"\"} 0",
        "adapter_series_dropped{reason=\"duplicate\",target=\"b\"} 1",
        "adapter_series_dropped{reason=\"limit\",target=\"b\"} 1",
        "adapter_values_unusable{target=\"b\"} 1",
        "adapter_series_dropped{reason=\"duplicate\",target=\"c\"} 0",
        "adapter_series_dropped{reason=\"conflict\",target=\"c\"} 2",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    assert_eq!(said.len(), 3, "{said:?}");
}

#[test]
fn what_is_no_page() {
    for (yaml, expected) in [
        ("targets: []", "it has no targets"),
        (
            "targets: [{name: a, source: {file: /a}, metrics: [{name: x, value: '.a |'}]}]",
            "the target `a`: `x`: `value`: line 1, column 5 of the filter",
        ),
        (
            "targets: [{name: a, source: {file: /a}, metrics: [{name: x, each: 'nope'}]}]",
            "the target `a`: `x`: `each`: line 1, column 1",
        ),
        (
            "targets: [{name: a, source: {file: /a}, filter: '[', metrics: [{name: x}]}]",
            "the target `a`: `filter`: line 1",
        ),
        (
            "targets: [{name: a, source: {file: /a}, metrics: [{name: x, type: gauge}, {name: x}]}]",
            "`x` has `type: gauge` at one place and `type: untyped` at another",
        ),
    ] {
        let said = match chassis::config::parse(Path::new("pages"), yaml) {
            Ok(page) => Page::new(&page).err().unwrap_or_default(),
            Err(wrong) => wrong.0,
        };
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn whole_numbers_have_no_fraction_as_labels() {
    let metrics = "{name: x, help: h, value: .a, labels: {half: .a / 2, text: '\"\\(.a / 2) s\"', b: .b}}";
    assert_eq!(
        text(metrics, r#"{"a": 4, "b": 1.10}"#),
        "# HELP x h\n# TYPE x untyped\nx{b=\"1.10\",half=\"2\",text=\"2 s\"} 4\n"
    );
}

#[test]
fn a_page_is_no_longer_than_it_may_be() {
    let page = page("targets: [{name: a, source: {file: /a}, metrics: [{name: x, each: '.[]', labels: {n: .}}]}]");
    let numbers: Vec<_> = (0..9000).map(|number: i32| number.to_string()).collect();
    let body = Ok(Body::One(format!("[{}]", numbers.join(",")).into()));
    let limits = Limits { output: 20_000, ..LIMITS };
    let mut out = vec![];
    page.write(&[Fetched { target: 0, took: Duration::ZERO, body }], true, &limits, &mut out);
    assert!(out.len() <= 20_000 && out.len() > 15_000 && out.ends_with(b"# EOF\n"), "{}", out.len());
}
