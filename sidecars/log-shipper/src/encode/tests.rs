//! Events, and the documents they become.

use super::Encoder;
use super::kubernetes::Kubernetes;
use crate::batch::Batch;
use crate::config::{self, Input, Output};
use crate::event::{Event, Stream};
use serde_json::{Value, json};

const NO_PODINFO: config::Kubernetes = config::Kubernetes { podinfo: None };

fn elasticsearch(more: &str) -> Output {
    serde_json::from_str(&format!(r#"{{"elasticsearch":{{"urls":["http://localhost:9200"]{more}}}}}"#)).unwrap()
}

fn input(more: &str) -> Input {
    serde_json::from_str(&format!(r#"{{"files":["/var/log/*.log"]{more}}}"#)).unwrap()
}

fn encoded(output: &Output, input: &Input, event: &Event) -> Option<String> {
    let mut encoder = Encoder::new(output, std::slice::from_ref(input), [7; 16]).unwrap();
    let shape = encoder.shape(0, "/var/log/shop.log".as_ref(), &Kubernetes::new(&NO_PODINFO));
    let mut batch = Batch::default();
    let taken = encoder.encode(event, &shape, &mut batch);
    assert_eq!(batch.items, u64::from(taken));
    assert_eq!(batch.ends, if taken { vec![u32::try_from(batch.body.len()).unwrap()] } else { vec![] });
    taken.then(|| String::from_utf8(batch.body).unwrap())
}

/// The document of an event without the time it was read, which is checked to be one.
fn document(input: &Input, event: &Event) -> Value {
    let output = Output::Stdout(config::Stdout { raw: false });
    let mut document: Value = serde_json::from_str(&encoded(&output, input, event).unwrap()).unwrap();
    if event.time.is_none() {
        let time = document.as_object_mut().unwrap().remove("@timestamp").unwrap();
        assert!(super::time::Time::parse(time.as_str().unwrap().as_bytes()).unwrap().strict);
    }
    document
}

fn event(text: &str) -> Event<'_> {
    Event { generation: 7, offset: 195, text: text.as_bytes(), ..Event::default() }
}

#[test]
fn a_line_for_the_bulk_api() {
    let body = encoded(&elasticsearch(""), &input(""), &event("it \"works\"")).unwrap();
    let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], json!({ "create": { "_id": "Lal-k904hKUBe7tTAAAAAADDAAAA" } }));
    assert_eq!(lines[1]["message"], "it \"works\"");
    assert_eq!(lines[1]["log"], json!({ "file": { "path": "/var/log/shop.log" } }));
    assert!(body.ends_with("}\n"));
    assert_eq!(lines.len(), 2);
}

#[test]
fn other_action_lines() {
    let line = |more: &str, event: &Event| {
        let body = encoded(&elasticsearch(more), &input(""), event).unwrap();
        body.lines().next().unwrap().to_owned()
    };
    let old = Event { time: Some("2016-10-06T00:17:09.5+01:00"), ..event("x") };
    assert_eq!(line(r#","id":"none""#, &old), r#"{"create":{}}"#);
    assert_eq!(line(r#","id":"none","index":"l-%Y.%m.%d""#, &old), r#"{"create":{"_index":"l-2016.10.05"}}"#);
    let both = r#"{"create":{"_index":"l-23","_id":"Lal-k904hKUBe7tTAAAAAADDAAAA"}}"#;
    assert_eq!(line(r#","index":"l-%H""#, &old), both);
    assert!(line(r#","index":"l-%Y""#, &event("x")).starts_with(r#"{"create":{"_index":"l-2"#));
    assert_eq!(line(r#","index":"l""#, &old), r#"{"create":{"_id":"Lal-k904hKUBe7tTAAAAAADDAAAA"}}"#);
}

#[test]
fn ids_tell_events_apart() {
    let mut encoder = Encoder::new(&elasticsearch(""), &[input("")], [7; 16]).unwrap();
    let shape = encoder.shape(0, "/x".as_ref(), &Kubernetes::new(&NO_PODINFO));
    let mut batch = Batch::default();
    let time = Some("2016-10-06T00:17:09Z");
    for (generation, offset, length) in [(7, 0, 0), (8, 0, 0), (7, 1, 0), (7, 1, 5), (8, 1, 5)] {
        for time in [None, time] {
            encoder.encode(&Event { generation, offset, length, time, ..event("x") }, &shape, &mut batch);
        }
        encoder.now();
    }
    let body = String::from_utf8(batch.body).unwrap();
    let ids: Vec<&str> = body.lines().step_by(2).collect();
    let (firsts, seconds): (Vec<&str>, Vec<&str>) = ids.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
    assert_eq!(firsts, seconds, "the time makes no difference");
    for (at, id) in firsts.iter().enumerate() {
        assert!(!firsts[..at].contains(id), "{id} is there twice");
    }
}

#[test]
fn fields_of_the_input() {
    let input = input(r#","fields":{"team":"shop","env":"test"},"path":"/(?<app>[a-z]+)\\.(?<env>log|out)""#);
    let path = json!({ "file": { "path": "/var/log/shop.log" } });
    let expected = json!({ "message": "x", "log": path, "team": "shop", "env": "log", "app": "shop" });
    assert_eq!(document(&input, &event("x")), expected);
}

#[test]
fn fields_that_every_document_would_be_refused_for() {
    for fields in [
        r#"{"message":"x"}"#,
        r#"{"log.level":"x"}"#,
        r#"{"kubernetes":"x"}"#,
        r#"{"a":"x","a.b":"y"}"#,
        r#"{"":"x"}"#,
        r#"{"a..b":"x"}"#,
    ] {
        let input = format!(r#"{{"files":["/var/log/*.log"],"fields":{fields}}}"#);
        assert!(serde_json::from_str::<Input>(&input).is_err(), "{fields}");
    }
    input(r#","fields":{"kubernetes.cluster":"x","a.b":"y","ab":"z"}"#);
}

#[test]
fn what_is_marked() {
    let flags = |event: &Event| document(&input(""), event)["log"]["flags"].clone();
    assert_eq!(flags(&event("x")), Value::Null);
    assert_eq!(flags(&Event { split: true, ..event("x") }), json!(["split"]));
    let all = Event { split: true, not_cri: true, text: b"a\xFFb", ..event("") };
    assert_eq!(flags(&all), json!(["split", "not-cri", "invalid-utf8"]));
    assert_eq!(document(&input(""), &all)["message"], "a\u{FFFD}b");
}

#[test]
fn what_the_runtime_noted() {
    let event = Event { time: Some("2016-10-06T00:17:09.6Z"), stream: Some(Stream::Stderr), ..event("x\0\n") };
    let document = document(&input(""), &event);
    assert_eq!(document["@timestamp"], "2016-10-06T00:17:09.6Z");
    assert_eq!(document["stream"], "stderr");
    assert_eq!(document["message"], "x\0\n");
}

#[test]
fn as_it_is() {
    let output = Output::Stdout(config::Stdout { raw: true });
    assert_eq!(encoded(&output, &input(""), &event("it \"works\"")).unwrap(), "it \"works\"\n");
}

#[test]
fn nothing_is_written_for_nobody() {
    let output = Output::Null(config::Nothing {});
    let mut encoder = Encoder::new(&output, &[input("")], [7; 16]).unwrap();
    let shape = encoder.shape(0, "/x".as_ref(), &Kubernetes::new(&NO_PODINFO));
    let mut batch = Batch::default();
    assert!(encoder.encode(&event("x"), &shape, &mut batch));
    assert!(!batch.is_empty() && batch.body.is_empty());
    batch.clear();
    assert!(batch.is_empty());
}

const JSON: &str = r#","decode":"json""#;

#[test]
fn json_stays_as_it_is() {
    let output = Output::Stdout(config::Stdout { raw: false });
    let text =
        r#" {"@timestamp":"2026-11-21T18:03:02Z", "n":1.10, "big":123456789012345678901234567890,"message":"x"} "#;
    let expected = r#"{"@timestamp":"2026-11-21T18:03:02Z", "n":1.10, "big":123456789012345678901234567890,"message":"x","log":{"file":{"path":"/var/log/shop.log"}}}"#;
    assert_eq!(encoded(&output, &input(JSON), &event(text)).unwrap(), format!("{expected}\n"));
    let empty = document(&input(JSON), &event("{ }"));
    assert_eq!(empty, json!({ "log": { "file": { "path": "/var/log/shop.log" } } }));
}

#[test]
fn what_is_no_json_is_a_message() {
    for text in ["plain", "[1]", "{\"a\":1", "{\"a\":1} {}", "", "\"x\"", "{\"a\":\"\0\"}"] {
        let document = document(&input(JSON), &event(text));
        assert_eq!(document["message"], text);
        assert_eq!(document["log"]["flags"], json!(["not-json"]));
    }
    for text in [&b"{\"a\":\"\xFF\"}"[..], b"{\"a\":\"\xF0\x9F\x98\"}"] {
        let broken = document(&input(JSON), &Event { text, ..event("") });
        assert_eq!((&broken["a"], &broken["log"]["flags"]), (&json!("\u{FFFD}"), &json!(["invalid-utf8"])));
    }
}

#[test]
fn times_of_json() {
    let time = |settings: &str, text: &str, noted| {
        let settings = format!("{JSON}{settings}");
        let document = document(&input(&settings), &Event { time: noted, ..event(text) });
        (document.get("@timestamp").cloned(), document.get("original_@timestamp").cloned(), document)
    };
    let noted = Some("2016-10-06T00:17:09Z");
    for (settings, text, noted, expected, original) in [
        ("", r#"{"@timestamp":1795284182}"#, noted, "2026-11-21T18:03:02.000000000Z", None),
        ("", r#"{"@timestamp":"2026-11-21T18:03:02+01:00"}"#, noted, "2026-11-21T18:03:02+01:00", None),
        ("", r#"{"@timestamp":"today","a":1}"#, noted, "2016-10-06T00:17:09Z", Some(json!("today"))),
        ("", r#"{"a":1}"#, noted, "2016-10-06T00:17:09Z", None),
        (r#","time":"ts""#, r#"{"ts":"2026-11-21 18:03:02,5"}"#, noted, "2026-11-21T18:03:02.500000000Z", None),
        (r#","time":"ts""#, r#"{"ts":"no","@timestamp":"2026-11-21T18:03:02Z"}"#, noted, "2026-11-21T18:03:02Z", None),
        (r#","time":"ts""#, r#"{"ts":7,"@timestamp":"x"}"#, noted, "1970-01-01T00:00:07.000000000Z", Some(json!("x"))),
        (r#","time":"a.ts","drop":["a"]"#, r#"{"a":{"ts":"7"}}"#, noted, "1970-01-01T00:00:07.000000000Z", None),
        ("", r#"{"\u0040timestamp":"2026-11-21T18:03:02Z"}"#, noted, "2026-11-21T18:03:02Z", None),
        (r#","rename":{"t":"@timestamp"}"#, r#"{"t":"2026-11-21T18:03:02Z"}"#, noted, "2026-11-21T18:03:02Z", None),
    ] {
        let found = time(settings, text, noted);
        assert_eq!((found.0, found.1), (Some(json!(expected)), original), "{text}: {}", found.2);
    }
    let unknown = document(&input(JSON), &event(r#"{"@timestamp":"today"}"#));
    assert_eq!(unknown["original_@timestamp"], "today");
}

#[test]
fn dated_by_what_json_says() {
    let text = event(r#"{"@timestamp":"2016-10-06T00:17:09+01:00"}"#);
    let body = encoded(&elasticsearch(r#","index":"l-%d","id":"none""#), &input(JSON), &text).unwrap();
    assert!(body.starts_with(r#"{"create":{"_index":"l-05"}}"#), "{body}");
}

#[test]
fn theirs_win() {
    let settings = format!(r#"{JSON},"fields":{{"service":"s","env":"e","a.b":"c"}}"#);
    let text = r#"{"stream":1,"service.name":"x","env":2,"a":3,"kubernetes":4,"log":"there"}"#;
    let event = Event { stream: Some(Stream::Stdout), split: true, ..event(text) };
    let expected: Value = serde_json::from_str(text).unwrap();
    assert_eq!(document(&input(&settings), &event), expected);
    let beside = Event { text: br#"{"log":{"level":"info"},"b":1}"#, ..event };
    let expected = json!({
        "log": { "level": "info" }, "b": 1, "stream": "stdout", "log.file.path": "/var/log/shop.log",
        "log.flags": ["split"], "service": "s", "env": "e", "a.b": "c",
    });
    assert_eq!(document(&input(&settings), &beside), expected);
}

#[test]
fn json_of_several_lines_is_one() {
    let output = Output::Stdout(config::Stdout { raw: false });
    let body = encoded(&output, &input(JSON), &event("{\n\"a\": [1,\n2]\n}")).unwrap();
    assert_eq!(body.matches('\n').count(), 1);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["a"], json!([1, 2]));
}

#[test]
fn the_last_of_equal_fields() {
    let text = event(r#"{"a":1,"b":{"c":1,"c":2},"\u0061":3}"#);
    let found = document(&input(JSON), &text);
    assert_eq!((&found["a"], &found["b"]), (&json!(3), &json!({ "c": 2 })));
    let output = Output::Stdout(config::Stdout { raw: false });
    assert!(is_unambiguous(&encoded(&output, &input(JSON), &text).unwrap()));
}

#[test]
fn what_is_not_shipped() {
    let settings = r#","lines":{"include":["ERROR","WARN"],"exclude":["health"]}"#;
    for (text, taken) in [("ERROR x", true), ("WARN", true), ("INFO", false), ("ERROR health", false)] {
        assert_eq!(encoded(&elasticsearch(""), &input(settings), &event(text)).is_some(), taken, "{text}");
    }
}

#[test]
fn what_must_not_leave() {
    let masks = r#","mask":[{"pattern":"[0-9]{4,}"},{"field":"password","pattern":"secret","with":"-"}]"#;
    let raw = Output::Stdout(config::Stdout { raw: true });
    assert_eq!(encoded(&raw, &input(masks), &event("card 4711 12")).unwrap(), "card *** 12\n");
    let json = format!("{JSON}{masks}");
    let whole = document(&input(&json), &event(r#"{"password":"secret 4711","note":"secret"}"#));
    assert_eq!((&whole["password"], &whole["note"]), (&json!("- ***"), &json!("secret")));
    let broken = document(&input(&json), &event(r#"{"password":"secret 4711"#));
    assert_eq!(broken["message"], r#"{"password":"- ***"#);
}

/// No member is there twice, on any level.
fn is_unambiguous(document: &str) -> bool {
    let mut scan = super::json::scan::Scan::default();
    scan.object(document.trim_end()).is_some_and(|object| !object.odd)
}

proptest::proptest! {
    #[test]
    fn every_document_can_be_stored(
        members in proptest::collection::vec(proptest::sample::select(vec![
            r#""a":1"#, r#""a" : [ {"a":1} ]"#, r#""b":{"a":1,"a":2}"#, r#""@timestamp":7"#, r#""@timestamp":"x""#, r#""log":{}"#,
            r#""log":1"#, r#""message":"x""#, r#""\u0061":"\n""#, r#""stream":1"#, r#""original_@timestamp":1"#, r#""log.file.path":1"#,
            r#""log.flags":1"#, r#""log":{"file":1}"#,
            r#""":{}"#, "\n\"kubernetes\":\r\n1", "\"é\":\"é\"", "broken",
        ]), 0..6),
        after in proptest::collection::vec(proptest::num::u8::ANY, 0..2),
    ) {
        let mut text = format!("{{{}}}", members.join(",")).into_bytes();
        text.extend(after);
        let event = Event { stream: Some(Stream::Stdout), text: &text, ..event("") };
        for settings in ["", r#","drop":["b.a"],"rename":{"a":"z"}"#] {
            let body = encoded(&Output::Stdout(config::Stdout { raw: false }), &input(&format!("{JSON}{settings}")), &event);
            let body = body.unwrap();
            proptest::prop_assert_eq!(body.matches('\n').count(), 1);
            proptest::prop_assert!(is_unambiguous(&body), "{}", body);
            let document: Value = serde_json::from_str(&body).unwrap();
            proptest::prop_assert!(document.get("@timestamp").is_some());
        }
    }
}
