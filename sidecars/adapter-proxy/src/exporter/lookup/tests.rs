use super::{Filter, Filters, Program, path};
use jaq_json::Val;
use jaq_json::read::parse_single;
use proptest::prelude::*;
use std::rc::Rc;

fn outputs(filter: &Filter, input: &Val) -> (Vec<String>, bool) {
    let mut outputs = vec![];
    let done = filter.each(input, &Val::Null, |value| outputs.push(value.to_string()));
    (outputs, done.is_ok())
}

fn first(filter: &Filter, input: &Val) -> Result<Option<String>, ()> {
    filter.first(input, &Val::Null).map(|value| value.map(|value| value.to_string())).map_err(drop)
}

fn filters_without_jq(code: &str) -> bool {
    !matches!(Filters::default().compile(code), Ok(Filter::Program(_)))
}

#[test]
fn most_filters_are_looked_up() {
    for code in
        [".", ".a", " .a_1.B ", ".a?", ".\"a b\".c", ".[\"a\"]", ".a[0]", ".[-1].b", ".[]", ".a[]?.b", "1", "\"eu\""]
    {
        assert!(filters_without_jq(code), "{code}");
    }
    for code in [".a|.b", "..", ".a.[0]", ".a + 1", ".\"\\(1)\"", ".[1:2]", "$root", ".[.a]", "-1", "1.5"] {
        assert!(!filters_without_jq(code), "{code}");
    }
    for code in ["", ".1a", ".a..b", ".a.", ".[", ".[a", ".\"a", "\"a", ".a[1", ".?.?a", ".[--1]"] {
        assert_eq!(path(code), None, "{code}");
    }
}

fn json() -> impl Strategy<Value = String> {
    let leaf =
        prop_oneof![Just("null".to_owned()), Just("true".to_owned()), Just("1".to_owned()), Just("\"a\"".to_owned())];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let names = prop_oneof![Just("a"), Just("b"), Just("c d")];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::btree_map(names, inner, 0..4).prop_map(|fields| {
                let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn code() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        Just(".a"),
        Just(".b"),
        Just(".\"c d\""),
        Just("[\"a\"]"),
        Just("[0]"),
        Just("[-1]"),
        Just("[2]"),
        Just("[-3]"),
        Just("[]")
    ];
    prop::collection::vec((step, prop_oneof![Just(""), Just("?")]), 0..4).prop_map(|steps| {
        let code: String = steps.iter().flat_map(|(step, optional)| [*step, *optional]).collect();
        if code.starts_with('.') { code } else { format!(".{code}") }
    })
}

proptest! {
    #[test]
    fn a_path_means_what_it_means_to_jq(code in code(), json in json()) {
        let input = parse_single(json.as_bytes()).unwrap();
        prop_assert!(filters_without_jq(&code), "{}", code);
        let path = Filters::default().compile(&code).unwrap();
        let program = Filter::Program(Rc::new(Program::compile(&code, &["$root"]).unwrap()));
        prop_assert_eq!(outputs(&path, &input), outputs(&program, &input), "{} of {}", &code, &json);
        prop_assert_eq!(first(&path, &input), first(&program, &input), "first {} of {}", &code, &json);
    }
}
