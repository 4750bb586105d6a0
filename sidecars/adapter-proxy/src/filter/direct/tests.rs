use super::Direct;
use crate::filter::Program;
use crate::filter::interpreted::Interpreted;
use jaq_json::Val;
use jaq_json::read::parse_single;
use proptest::prelude::*;

const NAMES: [&str; 2] = ["$x", "$root"];

/// What it makes of the input, and what it says at last if it fails.
fn outputs(program: &Program, input: &Val, variables: &[Val]) -> (Vec<String>, Option<String>) {
    let mut outputs = vec![];
    let done = program.each(input, variables, |value| {
        outputs.push(value.to_string());
        true
    });
    (outputs, done.err().map(|unfit| unfit.what))
}

#[test]
fn most_filters_take_no_jq() {
    for code in [
        ".",
        ".a",
        " .a_1.B ",
        ".a?",
        ".\"a b\".c",
        ".[\"a\"]",
        ".a[0]",
        ".[-1].b",
        ".[]",
        ".a[]?.b",
        "1",
        "1.50",
        "\"eu\"",
        "\"a\\n\\(.b) c\"",
        ".a|.b",
        ".a + 1 - $x",
        "-1",
        "$root.a[$x]",
        "[.a[] | {b, \"c d\", $x, e: (.f // \"none\")}]",
        "if .a == 1 then .b elif .c then .d end",
        ".a and (.b or .c)",
        "{}, []",
        "{id: ($x | tonumber), tags: (.tags | join(\",\")), n: .l | length}",
        "map(select(.a > 1) | {b})",
        ".a | @base64",
        "{on: true, off: (.a == null)}",
    ] {
        assert!(Direct::compile(code, &NAMES).is_some(), "{code}");
    }
    for code in [
        "..",
        ".[1:2]",
        ".[.a]",
        "$y",
        "map(.a; .b)",
        "limit(1; .a)",
        "def length: 1; length",
        "(.a, .b) + 1",
        "(.a)?",
        ".a as $y | $y",
        ".a = 1",
        "",
        ".a.",
    ] {
        assert!(Direct::compile(code, &NAMES).is_none(), "{code}");
    }
}

#[test]
fn of_many_outputs_no_more_are_made_than_are_wanted() {
    let program = Program::compile(".[] | 6 - .", &[]).unwrap();
    let input = parse_single(b"[1, {}]").unwrap();
    assert_eq!(program.first(&input, &[]).unwrap().map(|first| first.to_string()), Some("5".into()));
    assert_eq!(program.first(&Val::Null, &[]).unwrap_err().what, "cannot use null as iterable (array or object)");
}

#[test]
fn where_it_fails_is_told() {
    let input = parse_single(br#"{"a": 1, "b": "x", "l": [{"n": 1}, {"n": "y"}]}"#).unwrap();
    for (code, place) in [
        (".a.b", "line 1, column 4 of the filter"),
        ("{\n  x: .a,\n  \"\u{e9}\": .b.c\n}", "line 3, column 11 of the filter"),
        ("[.l[] | .n + 1]", "line 1, column 10 of the filter"),
        ("1 + .b", "line 1, column 1 of the filter"),
        (".b[]", "line 1, column 2 of the filter"),
        ("-.b", "line 1, column 3 of the filter"),
        ("{b: \"<\\(.a[\"z\"])>\"}", "line 1, column 13 of the filter"),
        ("{a: (.b | tonumber)}", "line 1, column 11 of the filter"),
        ("[.l[] | .n | has(\"a\")]", "line 1, column 14 of the filter"),
        (".a | map(.b)", "line 1, column 6 of the filter"),
        ("if .a.z then 1 else 2 end", "line 1, column 7 of the filter"),
    ] {
        let program = Program::compile(code, &NAMES).unwrap();
        assert!(matches!(program, Program::Direct(_)), "{code}");
        let unfit = program.each(&input, &[], |_| true).unwrap_err();
        assert_eq!(unfit.at.as_deref(), Some(place), "{code}: {}", unfit.what);
    }
}

#[test]
fn two_numbers_are_none() {
    let program = Program::compile("{n: (. | tonumber)}", &[]).unwrap();
    let number =
        |text: &str| program.first(&Val::from(text.to_owned()), &[]).map(|first| first.map(|first| first.to_string()));
    assert_eq!(number(" 12 "), Ok(Some("{\"n\":12}".into())));
    let told = "cannot parse \"1 2\" as a number (line 1, column 10 of the filter)";
    assert_eq!(number("1 2").unwrap_err().to_string(), told);
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("1".to_owned()),
        Just("2.50".to_owned()),
        Just("\"a\"".to_owned()),
        Just("\"\"".to_owned()),
    ];
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

fn path() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        Just(".a"),
        Just(".b"),
        Just(".\"c d\""),
        Just("[\"a\"]"),
        Just("[0]"),
        Just("[-1]"),
        Just("[2]"),
        Just("[-3]"),
        Just("[$x]"),
        Just("[{}]"),
        Just("[]"),
    ];
    prop::collection::vec((step, prop_oneof![Just(""), Just("?")]), 0..4).prop_map(|steps| {
        let code: String = steps.iter().flat_map(|(step, optional)| [*step, *optional]).collect();
        if code.starts_with('.') { code } else { format!(".{code}") }
    })
}

fn code() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => path(),
        1 => prop_oneof![Just("1"), Just("-2"), Just("1.50"), Just("\"a\""), Just("\"\""), Just("$x"), Just("{}"), Just("[]"), Just("null"), Just("true"), Just("false")]
            .prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let operator = prop_oneof![
            Just("+"),
            Just("-"),
            Just("*"),
            Just("/"),
            Just("%"),
            Just("=="),
            Just("!="),
            Just("<"),
            Just(">="),
            Just("and"),
            Just("or"),
            Just("//"),
            Just("|"),
            Just(","),
        ];
        let two = (inner.clone(), inner.clone());
        let function = prop_oneof![
            Just("empty"),
            Just("length"),
            Just("tostring"),
            Just("tonumber"),
            Just("fromjson"),
            Just("tojson"),
            Just("@text"),
            Just("@base64"),
            Just("not"),
            Just("keys"),
            Just("add"),
            Just("join(\"z\")"),
        ];
        prop_oneof![
            4 => (inner.clone(), operator, inner.clone()).prop_map(|(left, operator, right)| format!("({left}) {operator} ({right})")),
            1 => two.clone().prop_map(|(left, right)| format!("{{a: ({left}), (\"b\"): ({right}), $x, a, \"c d\"}}")),
            1 => two.clone().prop_map(|(name, value)| format!("{{({name}): ({value})}}")),
            1 => two.prop_map(|(first, second)| format!("\"<\\({first})\\u00e9\\({second})>\"")),
            1 => inner.clone().prop_map(|inner| format!("[{inner}]")),
            1 => inner.clone().prop_map(|inner| format!("({inner})[0]?.a")),
            1 => inner.clone().prop_map(|inner| format!("-({inner})")),
            1 => inner.clone().prop_map(|inner| format!("map({inner})")),
            1 => inner.clone().prop_map(|inner| format!("select({inner})")),
            2 => (inner.clone(), function).prop_map(|(inner, function)| format!("({inner}) | {function}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) | has({right})")),
            2 => (inner.clone(), inner.clone(), inner).prop_map(|(first, second, third)| {
                format!("if {first} then {second} elif {third} then {first} end")
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, max_shrink_iters: 256, ..ProptestConfig::default() })]

    /// Outputs, their order, and what is said of a failure.
    #[test]
    fn it_means_what_it_means_to_jq(code in code(), json in json(), x in json()) {
        let Some(direct) = Direct::compile(&code, &NAMES) else { return Ok(()) };
        let (is_one, direct) = (direct.is_one(), Program::Direct(direct));
        let jaq = Program::Interpreted(Interpreted::compile(&code, &NAMES).unwrap());
        let (input, x) = (parse_single(json.as_bytes()).unwrap(), parse_single(x.as_bytes()).unwrap());
        let variables = [x, input.clone()];
        let expected = outputs(&jaq, &input, &variables);
        prop_assert_eq!(outputs(&direct, &input, &variables), expected.clone(), "{} of {}", &code, &json);
        prop_assert!(!is_one || expected.0.len() <= 1, "{} of {}", &code, &json);
        let first = |program: &Program| program.first(&input, &variables).map(|first| first.map(|first| first.to_string())).map_err(drop);
        prop_assert_eq!(first(&direct), first(&jaq), "first {} of {}", &code, &json);
    }
}
