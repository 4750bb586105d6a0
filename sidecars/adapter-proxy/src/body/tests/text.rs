use super::{decoded, encoded, refused, told, unwritten, val};
use crate::body::Format;

#[test]
fn whole_body() {
    assert_eq!(decoded(&Format::Text, "a\r\n\0é").unwrap(), val(r#""a\r\n\u0000é""#));
    assert_eq!(decoded(&Format::Text, "").unwrap(), val("\"\""));
    assert_eq!(refused(&Format::Text, b"a\n\xC0\x80"), told("not valid UTF-8", "line 2, column 1"));
    for (json, text) in [("\"é\\n\"", "é\n"), ("1.50", "1.50"), ("true", "true"), ("-7", "-7")] {
        assert_eq!(encoded(&Format::Text, &val(json)).unwrap(), text);
    }
    let said = encoded(&Format::Text, &val("null")).unwrap_err().to_string();
    assert!(said.contains(" is written ($)\nhint: `tojson`"), "{said}");
    for json in ["null", "[]", "{}"] {
        assert!(unwritten(&Format::Text, json).0.contains("\nhint: `tojson`"), "{json}");
    }
}
