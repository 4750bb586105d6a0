use super::{decoded, encoded, refused, told, unwritten, val};
use crate::body::Format;

#[test]
fn read() {
    let colon = Format::Pairs(":".into());
    let body = "# Server\r\nversion: 7.2 : x\r\n\r\n  uptime :12\nnothing\nempty:\nuptime:13\n";
    assert_eq!(decoded(&colon, body).unwrap(), val(r#"{"version":"7.2 : x","uptime":"13","empty":""}"#));
    let space = Format::Pairs(" ".into());
    assert_eq!(decoded(&space, "VmRSS:\t 12 kB\nalone\n").unwrap(), val(r#"{"VmRSS:":"12 kB"}"#));
    assert_eq!(decoded(&space, "").unwrap(), val("{}"));
    assert_eq!(refused(&colon, b"a: \xFF"), told("not valid UTF-8", "line 1, column 4"));
    let many = (0..100_001).map(|line| line.to_string()).collect::<Vec<_>>().join(":\n") + ":";
    assert_eq!(refused(&colon, many).0, "more than 100000 values");
}

#[test]
fn written() {
    let colon = Format::Pairs(":".into());
    assert_eq!(encoded(&colon, &val(r#"{"a":1,"b":"x:y","c":null,"d":true}"#)).unwrap(), "a:1\nb:x:y\nc:\nd:true\n");
    assert_eq!(encoded(&Format::Pairs(" ".into()), &val(r#"{"a":"b c"}"#)).unwrap(), "a b c\n");
    for json in [r#"{"a:b":1}"#, r#"{"a":" b"}"#, r#"{"a":"b\nc"}"#, r##"{"#a":1}"##, r#"{" ":1}"#] {
        assert!(unwritten(&colon, json).0.contains("would be read as something else"), "{json}");
    }
    assert!(unwritten(&Format::Pairs(" ".into()), r#"{"a":""}"#).0.contains("would be read as something else"));
    assert_eq!(unwritten(&colon, r#"{"a":[]}"#).1, "$.a");
    assert_eq!(unwritten(&colon, "[]"), told("lines of pairs are made of an object", "$"));
}
