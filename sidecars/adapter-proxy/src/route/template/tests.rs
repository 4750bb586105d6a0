use super::{Known, Template};
use crate::route::{Answered, Asked, Parts};
use httparse::Header;

const HEADERS: [Header; 4] = [
    Header { name: "X-User", value: b"jo" },
    Header { name: "X-User", value: b"j\xc3\xb6/x" },
    Header { name: "X-Dots", value: b".." },
    Header { name: "X-Tab", value: b"a\tb" },
];

fn with<T>(read: impl FnOnce(&Known) -> T) -> T {
    let asked = Asked::new("GET", "api.example:80", "/v1/a%20b?q=1&q=2+3&e&%6e=%26", &HEADERS);
    let parts = Parts { named: vec![("id", "a b/ü".into()), ("nl", "a\r\nb: c".into())], rest: Some("/a%20b") };
    let headers = [Header { name: "ETag", value: b"\"1\"" }];
    read(&Known { asked, parts: &parts, answer: Some(Answered { status: 201, headers: &headers }) })
}

fn template(text: &str) -> Template {
    Template::new(text).unwrap()
}

#[test]
fn in_a_path() {
    for (text, path) in [
        ("/v2/{id}", "/v2/a%20b%2F%C3%BC"),
        ("/v2{rest}/{query.q}", "/v2/a%20b/2%203"),
        ("{path}", "/v1/a%20b"),
        ("/{header.x-user}", "/j%C3%B6%2Fx"),
        ("/{nl}", "/a%0D%0Ab:%20c"),
        ("/.{header.x-dots}", "/..."),
        ("/%7B{method}", "/%7BGET"),
    ] {
        assert_eq!(with(|known| template(text).path(known)).as_deref(), Ok(path), "{text}");
    }
    for (text, word) in
        [("/{query.x}", "there is no {query.x}"), ("/{header.x-dots}/", "another one"), ("/%2E{query.e}", "another")]
    {
        let wrong = with(|known| template(text).path(known)).unwrap_err();
        assert!(wrong.0.contains(word), "{text}: {wrong}");
    }
}

#[test]
fn without_a_rest() {
    let parts = Parts { named: vec![], rest: Some("") };
    let known = Known { asked: Asked::new("GET", "x", "/v1", &[]), parts: &parts, answer: None };
    assert_eq!(template("{rest}").path(&known).as_deref(), Ok("/"));
    assert_eq!(template("/v2{rest}").path(&known).as_deref(), Ok("/v2"));
}

#[test]
fn in_a_query() {
    let query = |text| with(|known| template(text).query(known)).map(|value| String::from_utf8(value).unwrap());
    assert_eq!(query("{id}&{n}").as_deref(), None, "which is no part of the path");
    assert_eq!(query("x y+{id}&").as_deref(), Some("x%20y%2Ba%20b%2F%C3%BC%26"));
    assert_eq!(query("{query.n}").as_deref(), Some("%26"));
    assert_eq!(query("{query.e}").as_deref(), Some(""));
    assert_eq!(query("a{query.x}").as_deref(), None);
}

#[test]
fn in_a_header() {
    let header = |text| with(|known| template(text).header(known));
    assert_eq!(header("{status} {response.header.etag} {{x}}").unwrap().unwrap(), b"201 \"1\" {x}");
    assert_eq!(header("{host}{rest}, {header.x-tab}").unwrap().unwrap(), b"api.example:80/a%20b, a\tb");
    assert_eq!(header("{header.x-none}").unwrap(), None);
    let wrong = header("{nl}").unwrap_err();
    assert!(wrong.0.contains("`{nl}`") && wrong.0.contains("\\r"), "{wrong}");
}

#[test]
fn what_is_no_template() {
    for text in ["{", "}", "a{id", "a}b", "{{{", "{a b}", "{}", "{query.}", "{header.}", "{header.a b}", "{x.y}"] {
        assert!(Template::new(text).unwrap_err().contains("hint: "), "{text}");
    }
    for (text, word) in [
        ("v2", "hint: `/v2`"),
        ("{id}/x", "slash"),
        ("/a?b", "`query`"),
        ("/a b", "percent-encoded"),
        ("/%zz", "`%25`"),
        ("/a/../b", "the path that it leads to"),
    ] {
        let wrong = template(text).check_path().unwrap_err();
        assert!(wrong.contains(word), "{text}: {wrong}");
    }
    assert!(template("a\nb").check_header().is_err() && template("a\tü").check_header().is_ok());
}

/// What a client sends in one place is in no other one a second field, or a second parameter.
#[test]
fn nothing_gets_out_of_its_place() {
    for byte in 0..=255_u8 {
        let text = format!("x{}y", char::from(byte));
        let parts = Parts { named: vec![("id", text.as_str().into())], rest: None };
        let known = Known { asked: Asked::new("GET", "x", "/", &[]), parts: &parts, answer: None };
        let path = template("/{id}").path(&known).unwrap();
        assert_eq!(path.matches(['/', ';', '?', '#', ' ']).count(), 1, "{path}");
        let query = template("{id}").query(&known).unwrap();
        assert!(!query.iter().any(|byte| b"&=+;# ".contains(byte)), "{query:?}");
        if let Ok(Some(value)) = template("{id}").header(&known) {
            assert!(!value.iter().any(|byte| *byte < b' ' && *byte != b'\t' || *byte == 127), "{value:?}");
        }
    }
}
