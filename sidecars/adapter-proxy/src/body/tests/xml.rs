use super::{LIMITS, decoded, encoded, refused, told, unwritten, val};
use crate::body::{Format, Limits};
use std::time::{Duration, Instant};

fn read(xml: &str, json: &str) {
    assert_eq!(decoded(&Format::Xml, xml).unwrap(), val(json), "{xml}");
}

fn said(xml: &str) -> (String, String) {
    refused(&Format::Xml, xml)
}

#[test]
fn conventions() {
    read("<a/>", r#"{"a":null}"#);
    read("<a></a >", r#"{"a":null}"#);
    read("<a> \n </a>", r#"{"a":null}"#);
    read("<a>\n text  here </a>", r#"{"a":"text  here"}"#);
    read("<a b='1' c:d=\"2\"/>", r#"{"a":{"@b":"1","@c:d":"2"}}"#);
    read("<a b=\"\">x</a>", r##"{"a":{"@b":"","#text":"x"}}"##);
    read("<a><b>1</b><c/><b>2</b><b x='y'>3</b></a>", r##"{"a":{"b":["1","2",{"@x":"y","#text":"3"}],"c":null}}"##);
    read("<a>x<b/>y<!-- no --><?pi no?>z</a>", r##"{"a":{"b":null,"#text":"xyz"}}"##);
    read("<a><![CDATA[<b> & ]]>]]&gt;</a>", r#"{"a":"<b> & ]]>"}"#);
    read("<s:E xmlns:s=\"u\" xmlns=\"v\"><s:B/></s:E>", r#"{"s:E":{"@xmlns:s":"u","@xmlns":"v","s:B":null}}"#);
    read(
        "<a b=\"&lt;&#233;&#x1F600;&#10;\tx\r\ny\">&amp;&apos;&quot;&#13;\r\n</a>",
        "{\"a\":{\"@b\":\"<é😀\\n x y\",\"#text\":\"&'\\\"\"}}",
    );
    read("<a>1\r\n2\r3&#13;4</a>", r#"{"a":"1\n2\n3\r4"}"#);
    read("\u{FEFF}<?xml version='1.0' encoding='utf-8'?>\n<!-- c --><é/>\n<!-- c -->\n", r#"{"é":null}"#);
}

#[test]
fn what_is_not_well_formed() {
    assert_eq!(said("<a>\n <b></a>"), told("`</a>`, and `</b>` was expected", "line 2, column 5"));
    assert_eq!(said("<a/></b>"), told("`</b>` closes nothing", "line 1, column 5"));
    assert_eq!(said("<a><b></b>"), told("`<a>` is not closed", "line 1, column 11"));
    assert_eq!(said(""), told("there is no root element", "line 1, column 1"));
    assert_eq!(said("<a/><b/>"), told("a second root element", "line 1, column 5"));
    for outside in ["x<a/>", "<a/>x", "<a/>&amp;", "<a/><![CDATA[x]]>", "&#32;<a/>", "{}"] {
        assert_eq!(said(outside).0, "text outside of the root element", "{outside}");
    }
    assert!(said("<a b='1' b='2'/>").0.contains("duplicate"), "{:?}", said("<a b='1' b='2'/>"));
    assert_eq!(said("<a>&nbsp;</a>"), told("`&nbsp;` is not defined", "line 1, column 4"));
    assert!(said("<a b='&nbsp;'/>").0.contains("nbsp"));
    assert!(said("<a>a & b</a>").0.starts_with("`&` that begins no reference"));
    assert_eq!(said("<1/>").0, "`1` is no name");
    assert_eq!(said("<a 1='x'/>").0, "`1` is no name");
    assert_eq!(said(" <?xml version='1.0'?><a/>").0, "an XML declaration that is not in front");
    for control in ["<a>\u{1}</a>", "<a>&#1;</a>", "<a b='&#1;'/>", "<a \u{1}/>", "<!--\u{1}--><a/>"] {
        assert_eq!(said(control).0, "the character U+0001, which XML does not have", "{control}");
    }
    assert_eq!(said("<a>\u{FFFE}</a>"), told("the character U+FFFE, which XML does not have", "line 1, column 4"));
    for wrong in [
        "<a",
        "<a>",
        "<",
        "<a b>x</a>",
        "<a b=1/>",
        "<a b='<'/>",
        "<a>]]></a>",
        "<!-- -- --><a/>",
        "<a>&#0;</a>",
        "<a>&#xD800;</a>",
        "<a>&#x110000;</a>",
        "<a>&#;</a>",
        "<a>&;</a>",
        "<![CDATA[",
        "<a b='&#x;'/>",
        "<a/ >",
        "</a>",
        "<?xml?><a/>",
        "<a b='x/>",
        "<a b='&'/>",
    ] {
        assert!(decoded(&Format::Xml, wrong).is_err(), "{wrong}");
    }
}

#[test]
fn other_encodings() {
    assert_eq!(said("<?xml version='1.0' encoding='ISO-8859-1'?><a/>").0, "`ISO-8859-1`, and only UTF-8 is read");
    assert_eq!(refused(&Format::Xml, b"\xFF\xFE<\0a\0").0, "UTF-16, and only UTF-8 is read");
    assert_eq!(refused(&Format::Xml, b"\xFE\xFF\0<\0a").0, "UTF-16, and only UTF-8 is read");
    assert_eq!(refused(&Format::Xml, b"<\0a\0/\0>\0").0, "the character U+0000, which XML does not have");
    assert_eq!(refused(&Format::Xml, b"<a>\xE9</a>"), told("not valid UTF-8", "line 1, column 4"));
}

#[test]
fn no_document_types() {
    let laughs = "<!DOCTYPE a [<!ENTITY a0 'lol'><!ENTITY a1 '&a0;&a0;'>]><a>&a1;</a>";
    let file = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>";
    for xml in
        [laughs, file, "<!DOCTYPE a><a/>", "<!doctype html><a/>", "<!DOCTYPE", "<!DOCTYPE a [", "<a><!DOCTYPE b></a>"]
    {
        assert!(said(xml).0.starts_with("a DOCTYPE, and"), "{xml}: {}", said(xml).0);
    }
}

#[test]
fn bounds() {
    let deep = |levels: usize| "<a>".repeat(levels) + &"</a>".repeat(levels);
    assert!(decoded(&Format::Xml, deep(100)).is_ok());
    assert_eq!(said(&deep(101)), told("nested deeper than 100 levels", "line 1, column 301"));
    assert!(said(&"<a>".repeat(1_000_000)).0.contains("nested deeper"));
    // Elements that come again are in an array.
    let twice = |levels: usize| "<a><b/>".repeat(levels) + &"<b/></a>".repeat(levels);
    assert!(decoded(&Format::Xml, twice(98)).is_ok());
    assert!(said(&twice(99)).0.contains("nested deeper"));
    let wide = "<a>".repeat(60) + &"</a><a/>".repeat(59) + "</a>";
    assert!(said(&wide).0.contains("nested deeper"), "{:?}", said(&wide));

    assert_eq!(said(&format!("<a>{}</a>", "<b/>".repeat(1_000_000))).0, "more than 100000 values");
    let generous = Limits { values: usize::MAX, ..LIMITS };
    let before = Instant::now();
    let attributes = (0..200_000).map(|index| index.to_string()).collect::<Vec<_>>().join("='' a");
    for large in [
        format!("<a>{}</a>", "<b/>".repeat(200_000)),
        format!("<a a{attributes}=''/>"),
        format!("<a>{}</a>", "&lt;".repeat(200_000)),
        format!("<a>{}</a>", "x<!---->".repeat(200_000)),
        format!("<a b='{}'/>", "&lt;\n".repeat(200_000)),
    ] {
        Format::Xml.decode(large.as_bytes(), &generous).unwrap();
    }
    for hostile in ["<".repeat(1_000_000), "<a ".repeat(300_000), "<![CDATA[".repeat(100_000), "<!--".repeat(200_000)] {
        assert!(Format::Xml.decode(hostile.as_bytes(), &generous).is_err());
    }
    assert!(before.elapsed() < Duration::from_secs(30), "{:?}", before.elapsed());
}

#[test]
fn written() {
    for (json, xml) in [
        (r#"{"a":null}"#, "<a/>"),
        (r#"{"a":{}}"#, "<a/>"),
        (r#"{"a":1.50}"#, "<a>1.50</a>"),
        (r#"{"a":{"b":[true,null,{"@c":1}],"d":[]}}"#, "<a><b>true</b><b/><b c=\"1\"/></a>"),
        (
            r##"{"a":{"#text":"x<&>\r","b":"y","@c":"\"\n\t\r<&>é","@d":null}}"##,
            "<a c=\"&quot;&#10;&#9;&#13;&lt;&amp;&gt;é\" d=\"\">x&lt;&amp;&gt;&#13;<b>y</b></a>",
        ),
        (r#"{"s:a":{"@xmlns:s":"u"}}"#, "<s:a xmlns:s=\"u\"/>"),
    ] {
        let whole = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}");
        assert_eq!(encoded(&Format::Xml, &val(json)).unwrap(), whole);
    }
    let json = r##"{"a":{"@b":" x\n\"","c":["1",null,{"@d":"","#text":"<é>"}],"#text":"]]>&amp;"}}"##;
    let xml = encoded(&Format::Xml, &val(json)).unwrap();
    assert_eq!(decoded(&Format::Xml, xml).unwrap(), val(json));
}

#[test]
fn what_xml_cannot_say() {
    let not_one = "not an object with one field, which is to be the root element\nhint: `{root: .}`";
    for json in ["1", "[]", "{}", r#"{"a":1,"b":2}"#] {
        assert_eq!(unwritten(&Format::Xml, json), told(not_one, "$"));
    }
    for (json, said, at) in [
        (r#"{"a":[1]}"#, "an array, and the root element is one", "$.a"),
        (r#"{"a b":1}"#, "`a b` is no name in XML", "$[\"a b\"]"),
        (r#"{"@a":1}"#, "`@a` is no name in XML", "$[\"@a\"]"),
        (r#"{"a":{"@b c":1}}"#, "`b c` is no name in XML", "$.a[\"@b c\"]"),
        (r#"{"a":{"b":[1,[2]]}}"#, "an array in an array, for whose elements there is no name", "$.a.b[1]"),
        (r#"{"a":{"b":"\u0000"}}"#, "the character U+0000, which XML does not have", "$.a.b"),
        (r#"{"a":{"@b":[]}}"#, "neither a string nor a number, a boolean or null", "$.a[\"@b\"]"),
        (r##"{"a":{"#text":{}}}"##, "neither a string nor a number, a boolean or null", "$.a[\"#text\"]"),
    ] {
        assert_eq!(unwritten(&Format::Xml, json), told(said, at));
    }
}
