use super::{LIMITS, decoded, encoded, refused, told, unwritten, val};
use crate::body::{Format, Limits};
use std::time::{Duration, Instant};

#[test]
fn read() {
    for (form, json) in [
        ("", "{}"),
        ("a=1&b=x+y%20%2B%26&c", r#"{"a":"1","b":"x y +&","c":""}"#),
        ("a=1&b=2&a=3&&a=4", r#"{"a":["1","3","4"],"b":"2"}"#),
        ("=&a==b=c", r#"{"":"","a":"=b=c"}"#),
        ("%61=%c3%A9&b=%&c=%4&d=%zz%", r#"{"a":"é","b":"%","c":"%4","d":"%zz%"}"#),
    ] {
        assert_eq!(decoded(&Format::Form, form).unwrap(), val(json), "{form}");
    }
    let said = "not valid UTF-8, once its escapes are read";
    assert_eq!(refused(&Format::Form, "a=1&b=%ff"), told(said, "line 1, column 5"));
}

#[test]
fn written() {
    let json = r#"{"a b":["1",2,true,null],"é":"&=+%*-._~","n":null,"e":[],"d":1.50}"#;
    let form = "a+b=1&a+b=2&a+b=true&a+b=&%C3%A9=%26%3D%2B%25*-._%7E&n=&d=1.50";
    assert_eq!(encoded(&Format::Form, &val(json)).unwrap(), form);
    assert_eq!(unwritten(&Format::Form, "[]"), told("a form is made of an object", "$"));
    let said = "neither a string nor a number, a boolean or null";
    assert_eq!(unwritten(&Format::Form, r#"{"a":[1,{}]}"#), told(said, "$.a[1]"));
    assert_eq!(unwritten(&Format::Form, r#"{"a":{}}"#), told(said, "$.a"));
}

#[test]
fn bounds() {
    assert_eq!(refused(&Format::Form, "a&".repeat(1_000_000)).0, "more than 100000 values");
    let before = Instant::now();
    let limits = Limits { values: usize::MAX, ..LIMITS };
    Format::Form.decode("a=1&".repeat(1_000_000).as_bytes(), &limits).unwrap();
    assert!(before.elapsed() < Duration::from_secs(20), "{:?}", before.elapsed());
    let flat = Limits { depth: 1, ..LIMITS };
    assert!(Format::Form.decode(b"a&b", &flat).is_ok());
    assert!(Format::Form.decode(b"a&a", &flat).is_err());
}
