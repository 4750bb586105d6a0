use super::{LIMITS, decoded, encoded, refused, told, val};
use crate::body::{Format, Limits};
use jaq_json::{Num, Val};
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::time::{Duration, Instant};

fn read(yaml: &str, json: &str) {
    assert_eq!(decoded(&Format::Yaml, yaml).unwrap(), val(json), "{yaml}");
}

fn said(yaml: &str) -> (String, String) {
    refused(&Format::Yaml, yaml)
}

#[test]
fn core_schema() {
    for (yaml, json) in [
        ("", "null"),
        ("# nothing", "null"),
        ("---\n...\n", "null"),
        ("[~, null, Null, NULL, 'null', nUll]", r#"[null,null,null,null,"null","nUll"]"#),
        ("[true, True, TRUE, false, yes, no, on, 'true']", r#"[true,true,true,false,"yes","no","on","true"]"#),
        ("[0, -1, +12, 007, 0x1F, 0o17, -0x1, 0xg, 1_000]", r#"[0,-1,12,7,31,15,"-0x1","0xg","1_000"]"#),
        (
            "[1.5, .5, -.5, 1., 1.50e-3, 1e3, +01.0, ., 1.2.3, 1e]",
            r#"[1.5,0.5,-0.5,1,1.50e-3,1e3,1.0,".","1.2.3","1e"]"#,
        ),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("{a: 1, \"b\": [2, {c: d}]}", r#"{"a":1,"b":[2,{"c":"d"}]}"#),
        (
            "a:\n- 1\n- b: |\n    x\n     y\n  c: >-\n    folded\n    text\n",
            r#"{"a":[1,{"b":"x\n y\n","c":"folded text"}]}"#,
        ),
        ("1: a\ntrue: b\n~: c\n0x10: d", r#"{"1":"a","true":"b","~":"c","0x10":"d"}"#),
        ("a: &x {b: 1}\nc: *x\n<<: *x", r#"{"a":{"b":1},"c":{"b":1},"<<":{"b":1}}"#),
        ("&k a: 1\nb: *k", r#"{"a":1,"b":"a"}"#),
        (
            "[!!str 1, !!int \"2\", !!float 3, !!null '', !!bool 'true', !!seq [], !!map {}]",
            r#"["1",2,3,null,true,[],{}]"#,
        ),
        ("\u{FEFF}2001-01-01", r#""2001-01-01""#),
    ] {
        read(yaml, json);
    }
    let numbers = decoded(&Format::Yaml, "[.inf, -.Inf, +.INF]").unwrap();
    let infinities = [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY];
    assert_eq!(numbers, infinities.map(Val::from).into_iter().collect());
    assert!(matches!(decoded(&Format::Yaml, ".nan").unwrap(), Val::Num(Num::Float(float)) if float.is_nan()));
    // They are not made numbers of: it would take the square of the digits.
    let (before, long) = (Instant::now(), "9".repeat(1 << 20));
    assert_eq!(decoded(&Format::Yaml, &long).unwrap().to_string(), long);
    assert!(matches!(decoded(&Format::Yaml, format!("0x{long}")).unwrap(), Val::TStr(_)));
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
}

#[test]
fn what_is_refused() {
    assert_eq!(said("a\n---\nb"), told("a second document", "line 2, column 1"));
    assert_eq!(said("a: 1\nb: 2\na: 3"), told("\"a\" is there twice", "line 3, column 1"));
    assert_eq!(said("? [a]\n: b"), told("the name of a field is no text", "line 1, column 3"));
    assert_eq!(said("a: &x 1\n*x : b"), told("the name of a field is no text", "line 2, column 1"));
    assert_eq!(said("&x [*x]"), told("an alias within what it stands for", "line 1, column 5"));
    assert_eq!(said("a: *x").1, "line 1, column 4");
    for tag in ["!ruby/object x", "!!binary aGk=", "!!int x", "!!map [a]", "!!str {}", "{!!int 1: 2}"] {
        assert!(said(tag).0.contains("is not understood, or not here"), "{tag}: {:?}", said(tag));
    }
    for wrong in ["[1", "{a: 1", "\"a", "a: b: c", "@a", "a:\n\t- b", "%YAML 9", "'\0'"] {
        assert!(decoded(&Format::Yaml, wrong).is_err(), "{wrong}");
    }
    assert_eq!(refused(&Format::Yaml, b"a: \xFF"), told("not valid UTF-8", "line 1, column 4"));
}

#[test]
fn bounds() {
    for deep in ["[".repeat(50 << 20), "{a: ".repeat(1_000_000), "- ".repeat(1_000_000)] {
        assert_eq!(said(&deep).0, "nested deeper than 100 levels");
    }
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(decoded(&Format::Yaml, deep(100)).is_ok());
    assert_eq!(said(&deep(101)), told("nested deeper than 100 levels", "line 1, column 101"));
    assert_eq!(said(&format!("[{}]", "1,".repeat(200_000))).0, "more than 100000 values");

    let laughs: Vec<_> = (1..30).map(|level| format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1)).collect();
    let laughs = format!("a0: &a0 [lol, lol]\n{}", laughs.concat());
    assert_eq!(said(&laughs).0, "more than 100000 values");
    // Each level is nested in the next.
    let deeper: Vec<_> = (1..200).map(|level| format!("- &a{level} [*a{}]\n", level - 1)).collect();
    assert_eq!(said(&format!("- &a0 []\n{}", deeper.concat())).0, "nested deeper than 100 levels");
    // Not many values, but each of them is long
    let long = format!("- &a {}\n{}", "x".repeat(1 << 20), "- *a\n".repeat(1000));
    let value = decoded(&Format::Yaml, long).unwrap();
    assert_eq!(encoded(&Format::Yaml, &value).unwrap_err().what, "more than 4194304 bytes when written");

    let before = Instant::now();
    let generous = Limits { values: usize::MAX, ..LIMITS };
    let keys = (0..50_000).map(|key| key.to_string()).collect::<Vec<_>>();
    for large in
        [keys.join(": \n") + ":", keys.join("\n"), format!("[&a{}]", keys.join(" a, &a")), "- 1\n".repeat(50_000)]
    {
        Format::Yaml.decode(large.as_bytes(), &generous).unwrap();
    }
    assert!(before.elapsed() < Duration::from_secs(30), "{:?}", before.elapsed());
}

#[test]
fn written() {
    let json = r#"{"name":"a b","list":[1,[2,[]],{"x":{},"w":[null,-1.50]}],"é":{"z":true},"empty":""}"#;
    let yaml = "\
name: a b
list:
  - 1
  - - 2
    - []
  - x: {}
    w:
      - null
      - -1.50
é:
  z: true
empty: \"\"
";
    assert_eq!(encoded(&Format::Yaml, &val(json)).unwrap(), yaml);
    read(yaml, json);
    for (json, yaml) in [
        ("null", "null\n"),
        ("[]", "[]\n"),
        (r#""text""#, "text\n"),
        (r#""a\nb: \"c\"\u0000\u0085\ufeff""#, "\"a\\nb: \\\"c\\\"\\u0000\\u0085\\ufeff\"\n"),
    ] {
        assert_eq!(encoded(&Format::Yaml, &val(json)).unwrap(), yaml);
    }
    for text in [
        "",
        "null",
        "~",
        "True",
        "yes",
        "NO",
        "y",
        "on",
        "1",
        "1.5",
        ".5",
        "0x1",
        "1_000",
        "12:30",
        "2001-01-01",
        "-",
        "- a",
        "a: b",
        "a #b",
        " a",
        "a ",
        "a\tb",
        "*a",
        "&a",
        "!a",
        "[a]",
        "{a",
        "#a",
        "@a",
        "`a",
        "%a",
        "'a",
        "\"a",
        "|",
        ">",
        "? a",
        "a,b",
        "---",
        "...",
        "<<",
        "=",
        ".inf",
        ".nan",
        "a\u{A0}b",
    ] {
        let yaml = encoded(&Format::Yaml, &Val::utf8_str(text.as_bytes().to_vec())).unwrap();
        assert!(yaml.starts_with('"'), "{yaml}");
        assert_eq!(decoded(&Format::Yaml, &yaml).unwrap(), Val::utf8_str(text.as_bytes().to_vec()));
    }
    for float in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        let yaml = encoded(&Format::Yaml, &Val::from(float)).unwrap();
        assert_eq!(decoded(&Format::Yaml, &yaml).unwrap().to_string(), Val::from(float).to_string());
    }
    for name in ["k".repeat(5000), "é\n".repeat(600), "\0".repeat(170)] {
        let value = Val::obj([(Val::utf8_str(name.into_bytes()), val("[[1],{\"a\":[]}]"))].into_iter().collect());
        let yaml = encoded(&Format::Yaml, &[value.clone(), value.clone()].into_iter().collect()).unwrap();
        assert_eq!(decoded(&Format::Yaml, yaml).unwrap(), [value.clone(), value].into_iter().collect());
    }
}

fn any_value() -> impl Strategy<Value = Val> {
    let text = || {
        prop_oneof![any::<String>(), "[-.:#a-z0-9 '\"\\[\\]{}!&*?|>%@,]{0,6}", "[\u{0}-\u{a0}\u{2028}\u{fffe}]{0,4}"]
    };
    let string = move || text().prop_map(|text| Val::utf8_str(text.into_bytes()));
    let leaf = prop_oneof![
        Just(Val::Null),
        any::<bool>().prop_map(Val::from),
        any::<isize>().prop_map(Val::from),
        any::<f64>().prop_filter("JSON has no others", |float| float.is_finite()).prop_map(Val::from),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?".prop_map(|number| val(&number)),
        string(),
    ];
    leaf.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(|items| items.into_iter().collect()),
            proptest::collection::vec((string(), inner), 0..6)
                .prop_map(|fields| Val::obj(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(500) })]

    #[test]
    fn all_that_is_json_comes_back(value in any_value()) {
        for format in [Format::Yaml, Format::Json] {
            let text = encoded(&format, &value).unwrap();
            prop_assert_eq!(decoded(&format, &text).unwrap(), value.clone(), "{}", text);
        }
    }
}
