use crate::body::Format;
use std::path::Path;

fn parsed(yaml: &str) -> Result<Format, String> {
    chassis::config::parse(Path::new("a.yaml"), yaml).map_err(|usage| usage.0)
}

#[test]
fn configured() {
    for (name, format) in [
        ("json", Format::Json),
        ("xml", Format::Xml),
        ("yaml", Format::Yaml),
        ("form", Format::Form),
        ("text", Format::Text),
        ("csv", Format::Csv),
        ("none", Format::None),
        ("{pairs: ': '}", Format::Pairs(": ".into())),
    ] {
        assert_eq!(parsed(name), Ok(format));
    }
    let Ok(Format::Lines(pattern)) = parsed("lines: '(?<a>.) (?P<b>.)'") else { panic!() };
    assert_eq!(pattern.as_str(), "(?<a>.) (?P<b>.)");
    for (yaml, said) in [
        ("jsn", "a.yaml:1:1: expected `json`, `xml`, "),
        ("{line: a}", "expected `json`, `xml`, "),
        ("{}", "expected `json`, `xml`, "),
        ("lines", "`lines` takes a regular expression\nhint: `{lines: "),
        ("pairs", "`pairs` takes a separator\nhint: `{pairs: \":\"}`"),
        ("lines: '(a'", "a.yaml:1:8: `(a` is no regular expression: "),
        ("lines: '(a)'", "a.yaml:1:8: `(a)` has no named groups\nhint: "),
        ("pairs: ''", "a.yaml:1:8: expected what is between key and value"),
        ("{pairs: ':', csv: 1}", "a body has one format: `csv` is another"),
        ("[json]", "expected `json`"),
    ] {
        let error = parsed(yaml).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn content_types() {
    let fits = |format: &Format, content_type: &str| format.fits(content_type.as_bytes());
    for (format, yes, no) in [
        (
            Format::Json,
            &["application/json", "Application/JSON; charset=utf-8", "text/json", "application/problem+json", ""][..],
            &["application/xml", "text/plain", "application/x-ndjson", "json", "text/html; a=+json"][..],
        ),
        (
            Format::Xml,
            &["application/xml", "text/xml;charset=\"UTF-8\"", "application/soap+xml", "image/svg+xml"],
            &["application/json", "text/html", "text/xml; charset=iso-8859-1"],
        ),
        (Format::Yaml, &["application/yaml", "text/x-yaml", "application/openapi+yaml"], &["text/plain"]),
        (Format::Form, &["application/x-www-form-urlencoded"], &["multipart/form-data", "text/plain"]),
        (Format::Csv, &["text/csv; header=present", "text/plain"], &["text/html", "text/csv; charset=utf-16"]),
        (Format::Text, &["text/html; charset=iso-8859-1", "image/png", "nonsense"], &[]),
        (Format::Pairs(":".into()), &["text/plain; version=0.0.4"], &[]),
    ] {
        for (types, fit) in [(yes, true), (no, false)] {
            for content_type in types {
                assert_eq!(fits(&format, content_type), fit, "{format} {content_type}");
            }
        }
        assert!(format.can_encode() && format.fits(format.content_type().as_bytes()));
    }
    assert!(!Format::None.can_encode());
}
