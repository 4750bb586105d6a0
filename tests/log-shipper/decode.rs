//! What lines become: plain, JSON, CRI, and lines that belong together.

use e2e::elasticsearch::Server;
use e2e::shipper::{Place, STREAM, Shipper, output, with};
use serde_json::{Value, json};

/// What comes of a log that is decoded as `how` says; in flow style, what an input may have more than files.
fn decoded(how: &str, log: impl AsRef<[u8]>) -> Vec<Value> {
    let place = Place::new();
    place.append("a.log", log);
    let config = format!("inputs: [{{files: [LOGS/*.log], {how}}}]\noutput: {{stdout: {{}}}}\n");
    documents(&output(place.configured(&config, &[&"--once"])))
}

fn documents(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn messages(documents: &[Value]) -> Vec<&str> {
    documents.iter().map(|document| document["message"].as_str().unwrap()).collect()
}

fn flags(document: &Value) -> Vec<&str> {
    let flags = document["log"]["flags"].as_array().map_or(&[][..], Vec::as_slice);
    flags.iter().map(|flag| flag.as_str().unwrap()).collect()
}

#[test]
fn plain_lines() {
    let found = decoded("decode: plain", "one\r\n\r\n\nta\tb \"quoted\" \\ \u{1}ä€😀\0end\n\"lone\rcr\"\n no end");
    let expected = ["one", "", "", "ta\tb \"quoted\" \\ \u{1}ä€😀\0end", "\"lone\rcr\"", " no end"];
    assert_eq!(messages(&found), expected);
    for document in &found {
        assert!(document["log"]["file"]["path"].as_str().unwrap().ends_with("/logs/a.log"), "{document}");
        assert_eq!(flags(document), [""; 0]);
        let time = document["@timestamp"].as_str().unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    }
}

#[test]
fn what_is_not_utf8_stays_readable() {
    let found = decoded("decode: plain", b"caf\xe9 au lait\n\xff\xfe\ngood\n\xe2\x82\n");
    assert_eq!(messages(&found), ["caf\u{fffd} au lait", "\u{fffd}\u{fffd}", "good", "\u{fffd}"]);
    let marked: Vec<_> = found.iter().map(|document| flags(document).contains(&"invalid-utf8")).collect();
    assert_eq!(marked, [true, true, false, true]);
}

#[test]
fn a_long_line_is_split_and_marked() {
    let long = "äbc".repeat(10_000);
    let found = decoded("max-line: 1KiB", format!("short\n{long}\nnext\n{long}"));
    let (parts, whole): (Vec<_>, Vec<_>) = found.iter().partition(|document| flags(document).contains(&"split"));
    assert_eq!(
        whole.iter().map(|document| document["message"].as_str().unwrap()).collect::<Vec<_>>(),
        ["short", "next"]
    );
    let parts: Vec<_> = parts.iter().map(|document| document["message"].as_str().unwrap()).collect();
    assert!(parts.iter().all(|part| part.len() <= 1024 && !part.contains('\u{fffd}')));
    assert_eq!(parts.concat(), long.repeat(2));
}

#[test]
fn json_is_kept_as_it_is() {
    let log = concat!(
        r#"{"message":"hi","level":"info","n":12345678901234567890,"f":1.10,"deep":{"a":[1,{"b":null}]}}"#,
        "\n",
        r#"{"@timestamp":"2026-11-21T18:03:02.5Z","log":"theirs"}"#,
        "\n",
        r#"{"broken":"#,
        "\n[1]\n\nplain text\n",
        r#"{"a":1,"a":2}"#,
        "\n",
    );
    let place = Place::new();
    place.append("a.log", log);
    let text = output(place.to("stdout", &[&"--once", &"--decode", &"json", &place.log("a.log")]));
    assert!(text.contains(r#""n":12345678901234567890,"f":1.10,"deep":{"a":[1,{"b":null}]}"#), "{text}");
    let found = documents(&text);
    assert_eq!((&found[0]["message"], &found[0]["level"]), (&json!("hi"), &json!("info")));
    assert!(found[0]["@timestamp"].is_string() && found[0]["log"]["file"]["path"].is_string());
    assert_eq!((&found[1]["@timestamp"], &found[1]["log"]), (&json!("2026-11-21T18:03:02.5Z"), &json!("theirs")));
    for (document, message) in found[2..].iter().zip(["{\"broken\":", "[1]", "", "plain text"]) {
        assert_eq!(document["message"], message);
        assert!(flags(document).contains(&"not-json"), "{document}");
    }
    assert_eq!(
        text.lines().last().unwrap().matches("\"a\":").count(),
        1,
        "Elasticsearch refuses a key that is there twice"
    );
}

/// The strict server takes what comes of JSON, whatever was in it.
#[test]
fn json_that_a_sink_would_refuse() {
    let (server, place) = (Server::start(), Place::new());
    let deep = "{\"x\":".repeat(300) + "1" + &"}".repeat(300);
    for line in [
        r#"{"a":{"b":1,"b":2},"a":3}"#,
        r#"{"@timestamp":"yesterday","message":"m"}"#,
        r#"{"@timestamp":1795284182123,"message":"m"}"#,
        r#"{"@timestamp":null,"message":"m"}"#,
        r#"{"@timestamp":["yesterday",1],"message":"m"}"#,
        r#"{"message":"\ud800"}"#,
        r#"{"message":"\u0000"}"#,
        "{\"message\":\"raw \u{1} control\"}",
        &deep,
    ] {
        place.append("a.log", format!("{line}\n"));
    }
    place.append("a.log", b"{\"message\":\"caf\xe9\"}\n");
    e2e::shipper::succeed(place.ship(&server, &[&"--once", &"--decode", &"json"]));
    let letters = std::fs::read_to_string(place.state.join("dead-letters.ndjson")).unwrap_or_default();
    assert_eq!((server.with(|state| state.store.stored()), letters.as_str()), (10, ""));
}

#[test]
fn cri_as_containerd_writes_it() {
    let log = concat!(
        "2026-11-21T00:17:09.669794202Z stdout F one\n",
        "2026-11-21T00:17:10.5+01:00 stderr F two\n",
        "2026-11-21T00:17:11.1Z stdout P be\n",
        "2026-11-21T00:17:11.2Z stderr P o\n",
        "2026-11-21T00:17:11.3Z stdout P gu\n",
        "2026-11-21T00:17:11.4Z stderr F ther\n",
        "2026-11-21T00:17:11.5Z stdout F n\n",
        "2026-11-21T00:17:12Z stdout F \n",
        "no cri at all\n",
        "2026-11-21T00:17:13Z stdout X tag\n",
        "2026-11-21T00:17:14Z stdout F last\n",
    );
    let found = decoded("decode: cri", log);
    let mut texts = messages(&found);
    texts.sort_unstable();
    let mut expected =
        ["one", "two", "begun", "other", "", "no cri at all", "2026-11-21T00:17:13Z stdout X tag", "last"];
    expected.sort_unstable();
    assert_eq!(texts, expected, "nothing is dropped");
    let by = |message: &str| found.iter().find(|document| document["message"] == message).unwrap();
    assert_eq!(
        (&by("one")["@timestamp"], &by("one")["stream"]),
        (&json!("2026-11-21T00:17:09.669794202Z"), &json!("stdout"))
    );
    assert_eq!((&by("two")["stream"], &by("other")["stream"]), (&json!("stderr"), &json!("stderr")));
    assert!(!flags(by("no cri at all")).is_empty(), "what is no CRI is marked");
}

#[test]
fn json_in_cri() {
    let log = "2026-11-21T00:17:09.6Z stdout P {\"a\":\n2026-11-21T00:17:09.7Z stdout F 1,\"message\":\"m\"}\n";
    let found = decoded("decode: cri-json", log);
    assert_eq!((found.len(), &found[0]["a"], &found[0]["message"]), (1, &json!(1), &json!("m")));
    assert_eq!(found[0]["stream"], "stdout");
}

const JAVA: &str = "java.lang.IllegalStateException: no\n\tat com.example.A.run(A.java:1)\n\tat com.example.Main.main(Main.java:2)\n\
                    Caused by: java.io.IOException: closed\n\tat com.example.B.read(B.java:3)\n\t... 12 more";
const PYTHON: &str = "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    f()\n  File \"a.py\", line 2, in f\n    \
                      raise ValueError(1)\nValueError: 1";
const GO: &str = "panic: runtime error: index out of range [1] with length 1\n\ngoroutine 1 [running]:\nmain.f(...)\n\t/a/main.go:5\nmain.main()\n\t/a/main.go:9 +0x1d";
const DOTNET: &str = "System.InvalidOperationException: no\n   at App.A.Run() in /src/A.cs:line 1\n--- End of stack trace from previous location ---\n   at App.Main()";

#[test]
fn stack_traces_of_known_shapes() {
    for (known, trace) in [("java", JAVA), ("python", PYTHON), ("go", GO), ("dotnet", DOTNET)] {
        let log = format!("before\n{trace}\nafter\nlast\n");
        let found = decoded(&format!("multiline: {{known: [{known}]}}"), log);
        assert_eq!(messages(&found).iter().filter(|message| message.contains(trace)).count(), 1, "{known}: {found:#?}");
        assert!(messages(&found).contains(&"last"), "{known}: {found:#?}");
    }
}

#[test]
fn events_that_begin_with_a_pattern() {
    let log = "tail of one before\n2026 a\n  b\n\n  c\n2026 d\n2026 e\n f";
    let found = decoded("multiline: {start: '^\\d{4} '}", log);
    assert_eq!(messages(&found), ["tail of one before", "2026 a\n  b\n\n  c", "2026 d", "2026 e\n f"]);
}

#[test]
fn a_stack_trace_in_cri() {
    let log: String = ["before"]
        .into_iter()
        .chain(JAVA.lines())
        .chain(["after"])
        .fold(String::new(), |log, line| log + "2026-11-21T00:17:09.669794202Z stderr F " + line + "\n");
    let found = decoded("decode: cri, multiline: {known: [java]}", log);
    assert!(messages(&found).contains(&JAVA), "{found:#?}");
}

/// A trace whose first half is in the rotated file is one event.
#[test]
fn a_stack_trace_across_a_rotation() {
    for copy in [false, true] {
        let (server, place) = (Server::start(), Place::new());
        let config = format!(
            "inputs: [{{files: [LOGS/*.log], multiline: {{known: [java], flush-after: 10s}}}}]\n\
             output: {{elasticsearch: {{urls: ['{}'], data-stream: {STREAM}}}}}\n",
            server.url()
        );
        let shipper = Shipper::start(place.configured(&config, &[]));
        let (first, second) = JAVA.split_at(JAVA.find("Caused").unwrap());
        place.append("a.log", format!("before\nplain\n{first}"));
        server.until_stored(1);
        if copy {
            place.copy_and_truncate("a.log", "a.log.1");
        } else {
            place.rename("a.log", "a.log.1");
        }
        place.append("a.log", format!("{second}\nafter\n"));
        shipper.finish();
        let messages = server.with(|state| state.store.messages(STREAM));
        assert!(messages.iter().any(|message| message.contains(JAVA)), "{messages:#?}");
    }
}

/// The last event of a log is complete when nothing came for a while; the rest of it is another, if it comes too late.
#[test]
fn a_trace_is_flushed_after_a_while() {
    let (server, place) = (Server::start(), Place::new());
    let config = format!(
        "inputs:\n- files: [LOGS/*.log]\n  multiline: {{known: [java], flush-after: 200ms}}\n\
         output: {{elasticsearch: {{urls: ['{}']}}}}\n",
        server.url()
    );
    let shipper = Shipper::start(place.configured(&config, &[]));
    let lines: Vec<_> = JAVA.lines().collect();
    place.append("a.log", lines[..3].join("\n") + "\n");
    server.until_stored(1);
    place.append("a.log", lines[3..].join("\n") + "\n");
    shipper.finish();
    let messages = server.with(|state| state.store.messages(STREAM));
    assert_eq!((&messages[0], messages.join("\n").as_str()), (&lines[..3].join("\n"), JAVA));
}

/// `check` shows what would become of the first lines, and ships nothing.
#[test]
fn check_shows_it_beforehand() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", "{\"a\":1}\nplain\n");
    let launch =
        e2e::shipper::launch(&[&"check", &"--to", &server.url(), &"--state", &place.state, &"--decode", &"json"]);
    let text = output(with(launch, &[&place.log("*.log")]));
    for word in ["a.log", "\"a\":1", "not-json", "plain"] {
        assert!(text.contains(word), "no `{word}` in {text}");
    }
    assert_eq!(server.with(|state| state.store.stored()), 0);
    assert_eq!(std::fs::read_dir(&place.state).unwrap().count(), 0, "a check leaves nothing");
}
