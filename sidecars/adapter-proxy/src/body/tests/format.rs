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
fn what_can_be_written() {
    let formats = [Format::Json, Format::Xml, Format::Yaml, Format::Form, Format::Csv, Format::Text];
    assert!(formats.iter().all(Format::can_encode) && Format::Pairs(":".into()).can_encode());
    assert!(!Format::None.can_encode());
}
