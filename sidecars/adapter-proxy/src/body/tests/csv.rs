use super::{decoded, encoded, refused, told, unwritten, val};
use crate::body::Format;

#[test]
fn read() {
    for (csv, json) in [
        ("", "[]"),
        ("a,b\n", "[]"),
        ("a,b\r\n1,2\r\n", r#"[{"a":"1","b":"2"}]"#),
        ("# a,b,\nx,,\n\ny,\n", r#"[{"a":"x","b":""},{"a":"y","b":""}]"#),
        ("#a,b\n1", r#"[{"a":"1"}]"#),
        ("\u{FEFF}a\n\"x,\"\"y\"\"\r\nz\"\n", r#"[{"a":"x,\"y\"\r\nz"}]"#),
        ("\"#a\",\"\"\n 1 ,\"\"", r##"[{"#a":" 1 ","":""}]"##),
        ("a\nx\"y\nx\ry", r#"[{"a":"x\"y"},{"a":"x\ry"}]"#),
    ] {
        assert_eq!(decoded(&Format::Csv, csv).unwrap(), val(json), "{csv}");
    }
    let csv = &Format::Csv;
    assert_eq!(refused(csv, "a,b\n1,2\n1,2,3\n"), told("3 fields, and 2 columns have a name", "line 3, column 1"));
    assert_eq!(refused(csv, "a,b,\n1,2,3\n"), told("3 fields, and 2 columns have a name", "line 2, column 1"));
    assert_eq!(refused(csv, "a,b,a\n"), told("two columns are named `a`", "line 1, column 1"));
    assert_eq!(refused(csv, "a\n\"b\nc"), told("a quote that is not closed", "line 2, column 1"));
    let said = "after a closing quote comes neither a comma nor the end of the line";
    assert_eq!(refused(csv, "a\n\"b\"c\n"), told(said, "line 2, column 4"));
    assert_eq!(refused(csv, "a\n\"b\"\rc\n"), told(said, "line 2, column 4"));
    assert_eq!(refused(csv, b"a\n\xFF"), told("not valid UTF-8", "line 2, column 1"));
}

#[test]
fn bounds() {
    let said = refused(&Format::Csv, "a\n".repeat(1_000_000));
    assert_eq!(said, told("more than 100000 values", "line 50001, column 1"));
    let wide = (0..1_000_000).map(|column| column.to_string()).collect::<Vec<_>>().join(",") + ",";
    assert_eq!(decoded(&Format::Csv, &wide).unwrap(), val("[]"));
    assert_eq!(refused(&Format::Csv, format!("{wide}\n{wide}")).0, "more than 100000 values");
    assert!(refused(&Format::Csv, "\"".repeat(1_000_001)).0.contains("not closed"));
}

#[test]
fn written() {
    let json = r##"[{"#a":1,"b":"x,\"y\"\n","":null},{"b":true}]"##;
    let csv = "\"#a\",b,\"\"\r\n1,\"x,\"\"y\"\"\n\",\"\"\r\n\"\",true,\"\"\r\n";
    assert_eq!(encoded(&Format::Csv, &val(json)).unwrap(), csv);
    assert_eq!(encoded(&Format::Csv, &val("[]")).unwrap(), "");
    assert_eq!(unwritten(&Format::Csv, "{}"), told("rows are made of an array of objects", "$"));
    assert_eq!(unwritten(&Format::Csv, "[{\"a\":1},1]"), told("a row is made of an object", "$[1]"));
    assert_eq!(unwritten(&Format::Csv, "[{\"a\":1},{\"b\":1}]").1, "$[1].b");
    assert_eq!(unwritten(&Format::Csv, "[{\"a\":[]}]").1, "$[0].a");
    assert_eq!(unwritten(&Format::Csv, "[{}]").1, "$[0]");
}
