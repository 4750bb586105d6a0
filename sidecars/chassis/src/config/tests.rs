use super::{duration, load, parse, size, some_time};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    name: String,
    #[serde(default)]
    inner: Option<Inner>,
    #[serde(default)]
    many: Vec<BTreeMap<String, String>>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Inner {
    #[serde(deserialize_with = "duration")]
    flush_after: Duration,
    #[serde(deserialize_with = "size")]
    max_line: u64,
    #[serde(default)]
    from: From,
    #[serde(default)]
    enabled: bool,
}

#[derive(Deserialize, Debug, Default, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum From {
    #[default]
    Start,
    End,
}

fn wrong(text: &str) -> String {
    parse::<Config>(Path::new("app.yaml"), text).unwrap_err().0
}

#[test]
fn what_is_right() {
    let text = "name: a\ninner:\n  flush-after: 200ms\n  max-line: 64K\n  from: end\n  enabled: true\n";
    let config: Config = parse(Path::new("app.yaml"), text).unwrap();
    let inner = config.inner.unwrap();
    assert_eq!(config.name, "a");
    assert_eq!((inner.flush_after, inner.max_line), (Duration::from_millis(200), 65_536));
    assert_eq!((inner.from, inner.enabled), (From::End, true));
    assert!(config.many.is_empty());
}

/// Elsewhere 0 may mean that there is nothing to wait for.
#[test]
fn some_times_are_none() {
    #[derive(Deserialize, Debug)]
    struct Timeout {
        #[serde(deserialize_with = "some_time")]
        timeout: Duration,
    }
    let read = |text| parse::<Timeout>(Path::new("app.yaml"), text);
    assert_eq!(read("timeout: 1ms").unwrap().timeout, Duration::from_millis(1));
    assert_eq!(read("timeout: 0s").unwrap_err().0, "app.yaml:1:10: 0 leaves no time at all");
}

/// Numbers alone are seconds and bytes, quoted or not.
#[test]
fn numbers_are_times_and_sizes() {
    let text = "name: a\ninner: {flush-after: 5, max-line: 512}";
    let inner = parse::<Config>(Path::new(""), text).unwrap().inner.unwrap();
    assert_eq!((inner.flush_after, inner.max_line), (Duration::from_secs(5), 512));
}

#[test]
fn json_is_yaml() {
    let text = r#"{"name": "a", "inner": {"flush-after": "1s", "max-line": 1}}"#;
    assert_eq!(parse::<Config>(Path::new(""), text).unwrap().name, "a");
}

#[test]
fn line_column_and_what_would_be_right() {
    let inner = "name: a\ninner:\n  flush-after: 1s\n  max-line: 1\n";
    let cases = [
        (
            "nmae: a",
            "app.yaml:1:1: unknown field `nmae`\nhint: did you mean `name`? Known here: `name`, `inner`, `many`",
        ),
        ("name: a\nzzz: 1", "app.yaml:2:1: unknown field `zzz`\nhint: known here: `name`, `inner`, `many`"),
        (&format!("{inner}  form: end"), "app.yaml:5:3: unknown field `form`\nhint: did you mean `from`? Known"),
        (
            &format!("{inner}  from: ende"),
            "app.yaml:5:9: unknown value `ende`\nhint: did you mean `end`? Known here: `start`",
        ),
        (&format!("{inner}  enabled: yes"), "app.yaml:5:12: "),
        (
            "name: a\ninner:\n  flush-after: 1d\n",
            "app.yaml:3:16: expected a time such as `25s`, `200ms` or `2m`, found `1d`",
        ),
        (
            "name: a\ninner:\n  flush-after: 1s\n  max-line: 4 gigs\n",
            "app.yaml:4:13: expected a size such as `500MB` or `4GiB`, found `4 gigs`",
        ),
        ("name: a\ninner:\n  flush-after: 1s\n", "app.yaml:3:3: `max-line` is missing here\nhint: add `max-line: …`"),
        ("name: a\nname: b", "app.yaml:2:1: `name` is there twice"),
        ("name:\n", "app.yaml:1:5: there is no text\nhint: "),
        ("name: [a]\n", "app.yaml:1:7: expected a text\nhint: "),
        ("name: a\nmany: {}", "app.yaml:2:7: expected a list\nhint: "),
        ("name: a\n---\nname: b", "app.yaml:2:1: there is a second document\nhint: "),
        ("name: 'a", "app.yaml:1:7: "),
        ("name: a\ninner: x", "app.yaml:2:8: expected fields\nhint: "),
        ("inner:\n\tfrom: end", "app.yaml:2:"),
        ("name: *a", "app.yaml:1:7: reference to unknown value"),
        ("", "app.yaml"),
    ];
    for (text, expected) in cases {
        let said = wrong(text);
        assert!(said.starts_with(expected), "{text:?}\n{said}");
    }
}

/// A place within what an alias stands for is where the alias is used, or where it is from: at any rate one is named.
#[test]
fn wrong_in_an_alias() {
    let said = wrong("name: a\nmany:\n- &m {a: b}\ninner: *m\n");
    assert!(said.starts_with("app.yaml:4:8: unknown field `a`"), "{said}");
}

#[test]
fn fields_from_elsewhere() {
    let text = "name: a\nmany:\n- &x {a: b, c: d}\n- &y {c: e, f: g}\n- {<<: *x, a: z}\n- {<<: [*y, *x]}\n";
    let many = parse::<Config>(Path::new(""), text).unwrap().many;
    let fields = |fields: &[(&str, &str)]| fields.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
    assert_eq!(many[2], fields(&[("a", "z"), ("c", "d")]));
    assert_eq!(many[3], fields(&[("a", "b"), ("c", "e"), ("f", "g")]));
    assert!(wrong("name: a\n<<: b").starts_with("app.yaml:2:5: `<<`"), "{}", wrong("name: a\n<<: b"));
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum To {
    Null(Nothing),
    File(String),
    Here { at: i8 },
    There,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Nothing {}

#[test]
fn one_of_several() {
    let to = |text: &str| parse::<To>(Path::new("to"), text).map_err(|error| error.0);
    assert_eq!(to("null: {}"), Ok(To::Null(Nothing {})));
    assert_eq!(to("null"), Ok(To::Null(Nothing {})));
    assert_eq!(to("file: null.txt"), Ok(To::File("null.txt".into())));
    assert_eq!(to("here: {at: -0x5}"), Err("to:1:12: expected a number, found `-0x5`".into()));
    assert_eq!(to("here: {at: -5}"), Ok(To::Here { at: -5 }));
    assert_eq!(to("there"), Ok(To::There));
    for (text, expected) in [
        ("file", "to:1:1: there is no text"),
        ("file:", "to:1:5: there is no text"),
        ("there: 1", "to:1:8: nothing can be said here"),
        ("here: {at: 200}", "to:1:12: invalid value: integer `200`, expected i8"),
        ("{there: , file: a}", "to:1:1: expected one name"),
        ("[there]", "to:1:1: expected one name"),
        ("!file a", "to:1:7: `!file` means nothing here"),
    ] {
        let said = to(text).unwrap_err();
        assert!(said.starts_with(expected), "{text:?}\n{said}");
    }
}

/// As YAML 1.2 has them.
#[test]
fn what_a_value_looks_like() {
    let text = "[1, -1, 0x1F, 0o17, 1.5, 1e3, true, yes, ~, '1', \"true\", !!str 1, nan, 1_000, '', 2026-11-21]";
    let value: serde_json::Value = parse(Path::new(""), text).unwrap();
    let expected = serde_json::json!([
        1,
        -1,
        31,
        15,
        1.5,
        1000.0,
        true,
        "yes",
        null,
        "1",
        "true",
        "1",
        "nan",
        "1_000",
        "",
        "2026-11-21"
    ]);
    assert_eq!(value, expected);
}

#[test]
fn bombs() {
    // A billion laughs
    let laugh = |level| format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1);
    let laughs = "a0: &a0 [lol, lol]\n".to_owned() + &(1..40).map(laugh).collect::<String>();
    let said = parse::<serde_json::Value>(Path::new("app.yaml"), &laughs).unwrap_err().0;
    assert!(said.contains("far too much of it"), "{said}");

    // Laughs without a sound
    let silence = laughs.replace("[lol, lol]", "['', '']");
    let said = parse::<serde_json::Value>(Path::new("app.yaml"), &silence).unwrap_err().0;
    assert!(said.starts_with("app.yaml:1") && said.contains("far too much of it"), "{said}");

    // Not many events, but each of them is long
    let long = format!("- &a {}\n{}", "x".repeat(900 << 10), "- *a\n".repeat(20_000));
    let said = parse::<Vec<String>>(Path::new("app.yaml"), &long).unwrap_err().0;
    assert!(said.contains("far too much of it"), "{said}");

    for deep in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
        let said = parse::<serde_json::Value>(Path::new("app.yaml"), &deep).unwrap_err().0;
        assert!(said.starts_with("app.yaml:1:"), "{said}");
    }
    let said = parse::<serde_json::Value>(Path::new("app.yaml"), &"- ".repeat(50)).unwrap_err().0;
    assert!(said.contains("nested too deeply"), "{said}");
}

#[test]
fn files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.yaml");
    let said = |path: &Path| load::<Config>(path).unwrap_err().0;

    assert!(said(&path).contains("app.yaml: No such file"), "{}", said(&path));
    assert!(said(&path).contains("\nhint: mount the ConfigMap"), "{}", said(&path));
    assert!(said(directory.path()).contains("\nhint: name the file in it"), "{}", said(directory.path()));

    fs::write(&path, "name: a").unwrap();
    assert_eq!(load::<Config>(&path).unwrap().name, "a");

    fs::write(&path, b"# comment\nname: \xff").unwrap();
    assert!(said(&path).contains("app.yaml:2: not valid UTF-8"), "{}", said(&path));

    fs::write(&path, " ".repeat(1 << 20)).unwrap();
    assert!(!said(&path).contains("larger"), "{}", said(&path));
    fs::write(&path, " ".repeat((1 << 20) + 1)).unwrap();
    assert!(said(&path).contains("app.yaml: larger than 1 MiB"), "{}", said(&path));
    assert!(said(Path::new("/dev/zero")).contains("larger than 1 MiB"));
}
