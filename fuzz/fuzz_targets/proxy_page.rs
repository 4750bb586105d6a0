//! Any bytes as what an app tells of itself, in each format: the page that is made of it is one, in both of Prometheus'
//! formats. Its lines are what they should be, a family is in one place, and no series is there twice.
//!
//! The first byte is the formats.

#![no_main]

use adapter_proxy::body::Limits;
use adapter_proxy::config::metrics;
use adapter_proxy::exporter::{Body, Fetched, Page};
use libfuzzer_sys::fuzz_target;
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

const LIMITS: Limits = Limits { depth: 20, values: 2000, output: 64 << 10 };

const FORMATS: [&str; 7] =
    ["json", "xml", "yaml", "csv", "text", "{pairs: ':'}", "{lines: '^(?<n>\\w+) (?<v>\\S+)(?<l> .*)?$'}"];

const METRICS: &str = "
    - {name-from: '.n?', each: '..', value: '.v?', labels: {l: '.l?', m: '.m?'}, timestamp: '.t?'}
    - {name-from: '.n? | . + \"_total\"', type: counter, each: '.[]?', value: '.v?', labels: {l: '.l?'}}
    - {name-from: '.n?', type: gauge, each: '..', value: '.w?'}
    - {name-from: '.n?', type: histogram, each: '..', buckets: '.h?', sum: '.s?', count: '.c?', labels: {l: '.l?'}}
    - {name-from: '.n?', type: summary, each: '..', quantiles: '.q?', sum: '.s?', count: '.c?'}
    - {name: x, help: \"a \\\"b\\\" \\\\ \\n\", each: '..', labels: {l: 'scalars'}, value: '1'}
    - {name: y_seconds, type: histogram, unit: ms, buckets: ., cumulative: false}
    - {name: z, type: gauge, value: ., values: {up: 1, \"*\": 0}}
";

fn page(format: &str) -> Page {
    let yaml = format!(
        "max-series: 100\ntargets:\n- {{name: \"a \\\"b\\\" \\\\ \\n\", source: {{file: /a}}, metrics: [{{name: x, value: '.n?'}}]}}\n\
         - name: app\n  source: {{file: /a}}\n  format: {format}\n  metrics:{METRICS}"
    );
    let page: metrics::Page =
        chassis::config::parse(Path::new("page"), &yaml).unwrap_or_else(|wrong| panic!("{}", wrong.0));
    Page::new(&page).unwrap_or_else(|wrong| panic!("{wrong}"))
}

thread_local! {
    static PAGES: [Page; 7] = FORMATS.map(page);
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else { return };
    let (format, openmetrics) = (usize::from(first >> 1) % FORMATS.len(), first & 1 == 1);
    let body = Ok(Body::One(body.into()));
    let fetched = [0, 1].map(|target| Fetched { target, took: Duration::from_micros(1234), body: body.clone() });
    let mut coded = vec![];
    Fetched::encode(&fetched, &mut coded);
    let fetched = Fetched::decode(&coded).expect("it was encoded");
    let mut out = vec![];
    PAGES.with(|pages| pages[format].write(&fetched, openmetrics, &LIMITS, &mut out));
    assert!(out.len() <= LIMITS.output);
    check(std::str::from_utf8(&out).expect("UTF-8"), openmetrics);
});

fn check(page: &str, openmetrics: bool) {
    let page = match page.strip_suffix("# EOF\n") {
        Some(page) => {
            assert!(openmetrics, "an end that nobody asked for");
            page
        }
        None => {
            assert!(!openmetrics, "no end");
            page
        }
    };
    let (mut families, mut series) = (HashSet::new(), HashSet::new());
    let (mut family, mut kind) = ("", "");
    assert!(page.ends_with('\n'));
    for line in page.split_terminator('\n') {
        if let Some(comment) = line.strip_prefix("# ") {
            let (what, rest) = comment.split_once(' ').expect("what it says");
            let (name, text) = rest.split_once(' ').expect("of whom");
            assert!(is_name(name), "{line}");
            match what {
                "HELP" => {
                    assert!(families.insert(name), "twice: {line}");
                    (family, kind) = (name, "");
                    unescaped(text, openmetrics);
                }
                "TYPE" => {
                    assert_eq!((name, kind), (family, ""), "{line}");
                    kind = text;
                    assert!(
                        ["counter", "gauge", "histogram", "summary", if openmetrics { "unknown" } else { "untyped" }]
                            .contains(&text),
                        "{line}"
                    );
                }
                "UNIT" => assert!(openmetrics && name == family && name.ends_with(&format!("_{text}")), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        sample(line, family, kind, openmetrics, &mut series);
    }
}

fn sample<'a>(line: &'a str, family: &str, kind: &str, openmetrics: bool, series: &mut HashSet<&'a str>) {
    let end = line.find(['{', ' ']).expect("a value");
    let name = &line[..end];
    assert!(is_name(name), "{line}");
    let suffix = name.strip_prefix(family).expect("its own family");
    let suffixes: &[&str] = match kind {
        "counter" if openmetrics => &["_total"],
        "histogram" => &["_bucket", "_sum", "_count"],
        "summary" => &["", "_sum", "_count"],
        _ => &[""],
    };
    assert!(suffixes.contains(&suffix), "{line}");
    let mut rest = &line[end..];
    let (mut names, mut first) = (HashSet::new(), true);
    if let Some(labels) = rest.strip_prefix('{') {
        rest = labels;
        loop {
            match rest.strip_prefix('}') {
                Some(after) if !first => {
                    rest = after;
                    break;
                }
                _ => {}
            }
            if !first {
                rest = rest.strip_prefix(',').expect("another label");
            }
            first = false;
            let (label, value) = rest.split_once("=\"").expect("a label");
            assert!(is_name(label) && !label.contains(':') && names.insert(label), "{line}");
            let end = closing(value).expect("the end of a value");
            unescaped(&value[..end], true);
            assert!(end > 0, "an empty label: {line}");
            rest = &value[end + 1..];
        }
    }
    let id = &line[..line.len() - rest.len()];
    assert!(series.insert(id), "twice: {id}");
    let numbers: Vec<_> = rest.strip_prefix(' ').expect("a value").split(' ').collect();
    let number: f64 = numbers[0].parse().expect("a number");
    assert!(number.is_finite() || ["NaN", "+Inf", "-Inf"].contains(&numbers[0]), "{line}");
    if kind == "counter" || suffix == "_bucket" || suffix == "_count" {
        assert!(number >= 0.0, "{line}");
    }
    match (numbers.len(), openmetrics) {
        (1, _) => {}
        (2, true) => assert!(numbers[1].parse::<f64>().is_ok_and(f64::is_finite), "{line}"),
        (2, false) => assert!(numbers[1].parse::<i64>().is_ok(), "{line}"),
        _ => panic!("{line}"),
    }
}

fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b':';
    !name.is_empty() && letter(name.as_bytes()[0]) && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

/// Where the quote is that ends it.
fn closing(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

fn unescaped(text: &str, quotes: bool) {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('\\' | 'n') => {}
                Some('"') => assert!(quotes, "{text}"),
                _ => panic!("{text}"),
            },
            '"' => assert!(!quotes, "{text}"),
            _ => {}
        }
    }
}
