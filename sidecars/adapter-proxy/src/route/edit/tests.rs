use super::{Changes, query};
use crate::config::{Beginning, HeaderEdits, QueryEdits};
use crate::route::{Asked, Known, Parts};
use chassis::config::parse;
use httparse::Header;
use serde::de::DeserializeOwned;
use std::path::Path;

fn read<T: DeserializeOwned>(text: &str) -> T {
    parse(Path::new("edits.yaml"), text).unwrap()
}

fn known<'a>(parts: &'a Parts<'a>) -> Known<'a> {
    Known { asked: Asked::new("GET", "api", "/a?x=1", &[]), parts, answer: None }
}

/// The fields of `text`, one a line, after `edits`.
fn edited(edits: &str, text: &str) -> String {
    let edits: HeaderEdits = read(edits);
    let parts = Parts { named: vec![("id", "7".into())], rest: None };
    let changes = Changes::new(&edits, &known(&parts)).unwrap();
    let fields = text.lines().map(|line| line.split_once(": ").unwrap());
    let fields = changes.apply(fields.map(|(name, value)| Header { name, value: value.as_bytes() }));
    fields.iter().fold(String::new(), |all, field| {
        format!("{all}{}: {}\n", field.name, std::str::from_utf8(field.value).unwrap())
    })
}

#[test]
fn fields_in_their_order() {
    let before = "a: 1\nB: 2\nb: 3\nc: 4\n";
    assert_eq!(edited("{}", before), before);
    assert_eq!(edited("{rename: {b: X-B}}", before), "a: 1\nX-B: 2\nX-B: 3\nc: 4\n");
    assert_eq!(edited("{rename: {a: c, c: a}}", before), "c: 1\nB: 2\nb: 3\na: 4\n");
    assert_eq!(edited("{remove: [B, x]}", before), "a: 1\nc: 4\n");
    assert_eq!(edited("{set: {b: '{id}', d: x}}", before), "a: 1\nb: 7\nc: 4\nd: x\n");
    assert_eq!(edited("{add: {b: '{id}'}}", before), "a: 1\nB: 2\nb: 3\nc: 4\nb: 7\n");
    let all = "{add: {x: 3}, set: {x: 2, b: 0}, remove: [y, b], rename: {a: x, c: y}}";
    assert_eq!(edited(all, before), "x: 2\nb: 0\nx: 3\n");
}

/// What a client says of itself is not taken for what the route would have said.
#[test]
fn fields_of_what_there_is_not() {
    assert_eq!(edited("{set: {x-user: '{header.x-none}'}, add: {y: '{query.none}'}}", "x-user: me\ny: 1\n"), "y: 1\n");
}

#[test]
fn fields_that_cannot_be() {
    let edits: HeaderEdits = read("{set: {x-id: 'a{id}'}}");
    let parts = Parts { named: vec![("id", "7\r\nx-admin: 1".into())], rest: None };
    let wrong = Changes::new(&edits, &known(&parts)).unwrap_err();
    assert!(wrong.0.contains("a{id}"), "{wrong}");
}

#[test]
fn references() {
    let mapping: Vec<(String, String)> = vec![
        ("http://v2.internal/".into(), "/other/".into()),
        ("http://v2.internal/v2/".into(), "/v1/".into()),
        ("/v2".into(), "/v1".into()),
    ];
    let beginning = |text: &String| read::<Beginning>(&format!("\"{text}\""));
    let mapping: Vec<_> = mapping.iter().map(|(from, to)| (beginning(from), beginning(to))).collect();
    let (edits, parts) = (HeaderEdits::default(), Parts::default());
    for (from, to) in [
        ("http://v2.internal/v2/users/7", "/v1/users/7"),
        ("http://v2.internal/x", "/other/x"),
        ("/v2?x", "/v1?x"),
        ("/v2", "/v1"),
        ("/v20", "/v20"),
        ("http://v2.internal.example/v2/", "http://v2.internal.example/v2/"),
    ] {
        for name in ["location", "Content-Location"] {
            let fields = [Header { name, value: from.as_bytes() }, Header { name: "x", value: from.as_bytes() }];
            let changes = Changes::new(&edits, &known(&parts)).unwrap().moving(&mapping, &fields);
            let values: Vec<_> = changes.apply(fields).iter().map(|field| field.value.to_vec()).collect();
            assert_eq!(values, [to.as_bytes(), from.as_bytes()], "{name}");
        }
    }
}

#[test]
fn queries() {
    let parts = Parts { named: vec![("id", "a b".into())], rest: None };
    let edited = |edits: &str, text: &'static str| {
        let edits: QueryEdits = read(edits);
        query(&edits, Some(text), &known(&parts)).unwrap_or_default()
    };
    let before = "b=%61+x&&a&%62=2&c=3=3";
    assert_eq!(edited("{}", before), before);
    assert_eq!(edited("{rename: {b: x y, a: z}}", before), "x%20y=%61+x&&z&x%20y=2&c=3=3");
    assert_eq!(edited("{rename: {b: a, a: b}}", "a=1&b=2"), "b=1&a=2");
    assert_eq!(edited("{remove: [b]}", before), "&a&c=3=3");
    assert_eq!(edited("{only: [a, b]}", before), "b=%61+x&a&%62=2");
    assert_eq!(edited("{only: []}", before), "");
    assert_eq!(edited("{set: {b: '{id}', d: 1}}", before), "b=a%20b&&a&c=3=3&d=1");
    assert_eq!(edited("{add: {b: '{id}&'}}", before), "b=%61+x&&a&%62=2&c=3=3&b=a%20b%26");
    assert_eq!(edited("{set: {c: '{query.none}'}, add: {d: '{header.none}'}}", before), "b=%61+x&&a&%62=2");
    assert_eq!(edited("{only: [a], rename: {a: b}, set: {b: 1}, add: {a: 2}}", before), "b=1&a=2");
    assert_eq!(query(&read("{add: {a: '1'}}"), None, &known(&parts)).as_deref(), Some("a=1"));
    assert_eq!(query(&read("{remove: [x]}"), Some("x=1"), &known(&parts)), None);
}
