use super::{LIMITS, decoded, encoded, refused, told, unwritten, val};
use crate::body::{Format, Limits};
use jaq_json::{Map, Num, Val};
use std::time::{Duration, Instant};

fn roundtrip(json: &str) -> String {
    encoded(&Format::Json, &val(json)).unwrap()
}

fn said(json: &str) -> (String, String) {
    refused(&Format::Json, json)
}

#[test]
fn values_stay_what_they_are() {
    for json in [
        "null",
        "true",
        "false",
        "0",
        "\"\"",
        "[]",
        "{}",
        r#"{"b":[1,{"a":"é😀\n\u0001\"\\/"},null],"a":-1.50e-7}"#,
        "9223372036854775807",
        "9223372036854775808",
        "-123456789012345678901234567890",
        "3.14159265358979323846264338327950288",
        "1e999999999",
        "1E+2",
    ] {
        assert_eq!(roundtrip(json), json);
    }
    assert_eq!(roundtrip(" [ 1 ,\t{ \"a\" : 2 }\r\n] "), r#"[1,{"a":2}]"#);
    assert_eq!(roundtrip(r#""\u00e9\ud83d\ude00\/\b\f""#), "\"é😀/\\u0008\\u000c\"");
    assert_eq!(roundtrip("\u{FEFF}[1]"), "[1]");
    assert_eq!(roundtrip(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);

    // More digits than this are not made a number of: it would take the square of them.
    let (before, long) = (Instant::now(), "9".repeat(4 << 20));
    assert_eq!(roundtrip(&long), long);
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    assert_eq!(said(""), told("it ends too soon", "line 1, column 1"));
    assert_eq!(said("{\n  \"é\": tru}"), told("value expected", "line 2, column 8"));
    assert_eq!(said("[1,\n 2\n"), told("it ends too soon", "line 3, column 1"));
    assert_eq!(said("[1 2]"), told("comma or end of sequence expected", "line 1, column 4"));
    assert_eq!(said("[1,]"), told("value expected", "line 1, column 4"));
    assert_eq!(said(r#"{"a" 1}"#), told("colon expected", "line 1, column 6"));
    assert_eq!(said("{1: 2}"), told("string expected", "line 1, column 2"));
    assert_eq!(said("[] []"), told("there is more after the value", "line 1, column 4"));
    assert_eq!(said("\"a"), told("it ends within a string", "line 1, column 3"));
    assert_eq!(said("\"a\nb\""), told("a control character in a string", "line 2, column 1"));
    assert_eq!(said(r#""\x""#), told("an escape that JSON does not have", "line 1, column 4"));
    assert_eq!(said("1.e5"), told("expected digit in a number", "line 1, column 3"));
    for half in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\u0061""#, r#""\ud800\ud800""#] {
        assert_eq!(said(half).0, "half of a surrogate pair", "{half}");
    }
    for lenient in [
        "NaN",
        "Infinity",
        "-Infinity",
        "+5",
        "01",
        "-",
        "-01",
        ".5",
        "5.",
        "1e",
        "1e+",
        "0x10",
        "b\"a\"",
        "# c\n1",
        "[1] # c",
        "// c\n1",
        "'a'",
        "nul",
        "truefalse",
        "{a: 1}",
        "\u{A0}1",
        "1\0",
        "\u{FEFF}\u{FEFF}1",
    ] {
        assert!(decoded(&Format::Json, lenient).is_err(), "{lenient}");
    }
    assert_eq!(refused(&Format::Json, b"[\"a\",\n \"\xFF\"]"), told("not valid UTF-8", "line 2, column 3"));
    assert_eq!(refused(&Format::Json, b"\xFF"), told("not valid UTF-8", "line 1, column 1"));
    assert_eq!(refused(&Format::Json, b"\xFF\xFE[\0]\0").0, "not valid UTF-8");
}

#[test]
fn bounds() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert_eq!(roundtrip(&deep(100)), deep(100));
    assert_eq!(said(&deep(101)), told("nested deeper than 100 levels", "line 1, column 101"));
    for hostile in ["[".repeat(50 << 20), "{\"a\":".repeat(1_000_000), "[{\"a\":".repeat(1_000_000)] {
        assert_eq!(said(&hostile).0, "nested deeper than 100 levels");
    }
    let many = format!("[{}1]", "1,".repeat(99_998));
    assert_eq!(roundtrip(&many), many);
    assert_eq!(said(&format!("[{}1]", "1,".repeat(99_999))), told("more than 100000 values", "line 1, column 200000"));
    assert_eq!(said(&"[],".repeat(1_000_000)).0, "there is more after the value");
    assert_eq!(said(&format!("[{}1]", "[],".repeat(1_000_000))).0, "more than 100000 values");

    // Filters make more of it.
    let deeper = [[val(&deep(99))].into_iter().collect()].into_iter().collect();
    let unfit = encoded(&Format::Json, &deeper).unwrap_err();
    assert_eq!(unfit.what, "nested deeper than 100 levels");
    assert_eq!(unfit.at.unwrap(), format!("${}", "[0]".repeat(100)));
    let wide: Val = std::iter::repeat_n(Val::Null, 100_000).collect();
    assert_eq!(encoded(&Format::Json, &wide).unwrap_err().what, "more than 100000 values");

    let mut out = vec![];
    for (value, fits, not) in [(val("[1,\"ab\"]"), 8, 7), (val("123"), 3, 2), (val("\"\\n\""), 4, 3)] {
        let limits = |output| Limits { output, ..LIMITS };
        out.clear();
        Format::Json.encode(&value, &mut out, &limits(fits)).unwrap();
        assert_eq!(out.len(), fits);
        let unfit = Format::Json.encode(&value, &mut out, &limits(not)).unwrap_err();
        assert_eq!(unfit.what, format!("more than {not} bytes when written"));
        assert_eq!(out.len(), fits);
    }
}

#[test]
fn what_json_cannot_say() {
    let object = |key: Val, value: Val| Val::obj(Map::from_iter([(key, value)]));
    let text = |text: &'static str| Val::utf8_str(text);
    let said = |value: Val| {
        let unfit = encoded(&Format::Json, &object(text("a"), value)).unwrap_err();
        (unfit.what, unfit.at.unwrap_or_default())
    };
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let items: Val = [Val::from(1.5), Val::from(float)].into_iter().collect();
        assert_eq!(said(items), told("a number that is infinite, or none", "$.a[1]"));
    }
    assert_eq!(said(Val::byte_str(vec![0xFF])), told("bytes that are no text", "$.a"));
    assert_eq!(said(Val::utf8_str(vec![0xFF])), told("bytes that are no text", "$.a"));
    assert_eq!(said(object(Val::from(1_usize), Val::Null)), told("the name of a field is no string", "$.a[…]"));
    assert_eq!(said(object(Val::utf8_str(vec![0xFF]), Val::Null)).0, "bytes that are no text");
    assert_eq!(said(object(text("a b"), Val::from(f64::NAN))).1, "$.a[\"a b\"]");
    assert_eq!(said(object(Val::utf8_str(vec![b'x'; 1000]), Val::from(f64::NAN))).1.chars().count(), 48);
    assert_eq!(encoded(&Format::Json, &Val::byte_str("text")).unwrap(), "\"text\"");
}

#[test]
fn numbers_that_filters_make() {
    let written = |number: Num| encoded(&Format::Json, &Val::Num(number)).unwrap();
    let decimal = |text: &str| Num::Dec(text.to_owned().into());
    assert_eq!(written(Num::Float(2.0)), "2");
    assert_eq!(written(Num::Float(-0.5)), "-0.5");
    assert_eq!(written(Num::Float(1e300)), "1e300");
    assert_eq!(written(decimal("2.0")), "2.0");
    // `tonumber` reads more than JSON has.
    assert_eq!(written(decimal("+1.5")), "1.5");
    assert_eq!(written(decimal("007.25")), "7.25");
    assert!(encoded(&Format::Json, &Val::Num(decimal("+1e999"))).is_err());
}

#[test]
fn nothing_is_written_as_none() {
    assert_eq!(decoded(&Format::None, b"\xFF").unwrap(), Val::Null);
    assert_eq!(unwritten(&Format::None, "1"), told("nothing is written as none", ""));
}
