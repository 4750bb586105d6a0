use super::{fits, number_of, sanitized, scaled};
use jaq_json::Val;

#[test]
fn patterns() {
    for (pattern, text, expected) in [
        ("up", "up", true),
        ("up", "upper", false),
        ("up*", "upper", true),
        ("*per", "upper", true),
        ("*", "", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("aa*aa", "aaa", false),
        ("*a*", "banana", true),
        ("", "", true),
        ("", "x", false),
        ("**x", "x", true),
    ] {
        assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
    }
}

#[test]
fn numbers() {
    let of = |text: &str, sign| number_of(&Val::from(text.to_owned()), sign);
    assert_eq!(
        (of(" 1.5 ", ""), of("1e3", ""), of("-Inf", ""), of("0x1", "")),
        (Some(1.5), Some(1e3), Some(f64::NEG_INFINITY), None)
    );
    assert_eq!(
        (of("5 %", "%"), of("5%", ""), of("%", "%"), of("", "%"), of("5 ms", "s")),
        (Some(5.0), None, None, None, None)
    );
    assert_eq!(number_of(&Val::Bool(true), ""), Some(1.0));
    assert_eq!(number_of(&Val::Null, ""), None);
}

#[test]
fn by_thousandths() {
    for (number, scale, expected) in
        [(290.0, 1e-3, 0.29), (1.0, 1e-9, 1e-9), (3.0, 0.01, 0.03), (2.0, 1024.0, 2048.0), (1.0, 0.3, 0.3)]
    {
        assert_eq!(scaled(number, scale).to_string(), f64::to_string(&expected));
    }
}

#[test]
fn names() {
    assert_eq!(
        (sanitized("jvm.memory-used"), sanitized("1a"), sanitized(""), sanitized("a:b_é")),
        ("jvm_memory_used".into(), "_1a".into(), "_".into(), "a:b__".into())
    );
}
