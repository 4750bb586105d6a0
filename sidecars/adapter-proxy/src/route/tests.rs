use super::edit::query;
use super::{Asked, Known, Parts, Pattern, Route, Routes, Template, unreachable};
use crate::config::QueryEdits;
use chassis::config::parse;
use httparse::Header;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::path::Path;

fn read<T: DeserializeOwned>(text: &str) -> T {
    parse(Path::new("routes.yaml"), text).unwrap()
}

fn found<'a>(routes: &'a Routes, asked: &Asked<'a>) -> &'a str {
    routes.find(asked).map_or("none", |(_, route, _)| &route.name)
}

#[test]
fn the_first_that_takes_it() {
    let routes: Vec<Route> = read(
        "
- {name: host, match: {host: api.example, prefix: /v1}, cluster: c}
- {name: version, match: {headers: {X-Version: {like: 'v*'}}, method: [GET, PUT]}, cluster: c}
- {name: query, match: {query: {format: 'x y', old: {present: false}}}, cluster: c}
- {name: exact, match: {path: /v1}, cluster: c}
",
    );
    let routes = Routes::new(&routes);
    let version = [Header { name: "x-version", value: b"1" }, Header { name: "x-version", value: b"v2" }];
    for (method, host, target, headers, name) in [
        ("GET", "API.example:80", "/v1/x", &version[..], "host"),
        ("GET", "other.example", "/v1/x", &version, "version"),
        ("POST", "other.example", "/v1/x", &version, "none"),
        ("PUT", "", "*", &version[1..], "version"),
        ("PUT", "", "*", &version[..1], "none"),
        ("GET", "", "/a?format=1&form%61t=x+y", &[], "query"),
        ("GET", "", "/a?format=x+y&old", &[], "none"),
        ("GET", "", "/v1?format=x", &[], "exact"),
        ("GET", "", "/v1/", &[], "none"),
    ] {
        assert_eq!(found(&routes, &Asked::new(method, host, target, headers)), name, "{method} {target}");
    }
}

/// What a filter or a template is to have, as a client may send it.
fn part() -> impl Strategy<Value = String> {
    let is_step = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    "[^\0]{1,8}|[a-z/%.;?&=+ ]{1,4}"
        .prop_filter("these are no parts", move |text| !text.split(['/', '\\']).any(is_step))
}

/// A few of each, so that they meet.
fn route() -> impl Strategy<Value = String> {
    let path = prop_oneof![
        6 => Just(""),
        1 => Just("path: /, "),
        1 => Just("path: /a, "),
        1 => Just("path: '/{x}', "),
        1 => Just("path: '/a/{x}', "),
        1 => Just("path: '/{x}/b', "),
        1 => Just("path: '/%ff', "),
        1 => Just("prefix: /, "),
        1 => Just("prefix: /a, "),
        1 => Just("prefix: '/{x}', "),
    ];
    let host =
        prop_oneof![9 => Just(""), 1 => Just("host: b.a, "), 1 => Just("host: '*.a', "), 1 => Just("host: '*.b.a', ")];
    let method = prop_oneof![6 => Just(""), 1 => Just("method: GET, "), 1 => Just("method: [PUT, GET], ")];
    let wanted = || {
        prop_oneof![
            Just("'1'"),
            Just("'12'"),
            Just("{like: '1*'}"),
            Just("{like: '*2'}"),
            Just("{like: '*'}"),
            Just("{present: true}"),
            Just("{present: false}"),
        ]
    };
    let named = |kind: &'static str| {
        prop_oneof![
            6 => Just(String::new()),
            2 => wanted().prop_map(move |wanted| format!("{kind}: {{x: {wanted}}}, ")),
            1 => wanted().prop_map(move |wanted| format!("{kind}: {{y: {wanted}, x: {wanted}}}, ")),
        ]
    };
    (path, host, method, named("headers"), named("query")).prop_map(|(path, host, method, headers, query)| {
        format!("match: {{{path}{host}{method}{headers}{query}}}, cluster: c")
    })
}

proptest! {
    /// What was in one path is in the other one.
    #[test]
    fn parts_from_path_to_path(x in part(), y in part()) {
        let (template, pattern) = (Template::new("/v2/{x}-/{y}").unwrap(), Pattern::exact("/v2/{x}/{y}").unwrap());
        let parts = Parts { named: vec![("x", x.as_str().into()), ("y", y.as_str().into())], rest: None };
        let path = template.path(&Known { asked: Asked::new("GET", "", "/", &[]), parts: &parts, answer: None }).unwrap();
        prop_assert!(path.bytes().all(|byte| byte.is_ascii_graphic()));
        let again = pattern.matches(&path).unwrap();
        prop_assert_eq!((again.get("x"), again.get("y")), (Some(&*format!("{x}-")), Some(&*y)));
    }

    #[test]
    fn the_rest_from_path_to_path(rest in "(/[a-z%2f.]{0,4}){0,3}") {
        let (old, new) = (Pattern::prefix("/v1").unwrap(), Pattern::prefix("/v2/{x}").unwrap());
        let path = format!("/v1{rest}");
        let Some(parts) = old.matches(&path) else { return Ok(()) };
        let known = Known { asked: Asked::new("GET", "", &path, &[]), parts: &parts, answer: None };
        let path = Template::new("/v2/x{rest}").unwrap().path(&known).unwrap();
        prop_assert_eq!(new.matches(&path).and_then(|parts| parts.rest), Some(&*rest));
    }

    /// Nothing of a part gets into other parameters.
    #[test]
    fn parts_from_path_to_query(x in part(), before in "[a-c=&%+]{0,8}") {
        let parts = Parts { named: vec![("x", x.as_str().into())], rest: None };
        let known = Known { asked: Asked::new("GET", "", "/", &[]), parts: &parts, answer: None };
        let edits: QueryEdits = read("{set: {new: '{x}'}}");
        let after = query(&edits, Some(&before), &known).unwrap();
        let target = format!("/?{after}");
        let asked = Asked::new("GET", "", &target, &[]);
        prop_assert_eq!(asked.parameters("new").map(Cow::into_owned).collect::<Vec<_>>(), [x.as_bytes()]);
        prop_assert!(after.starts_with(&before));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A route that is said to be hidden is never found.
    #[test]
    fn routes_that_are_hidden(
        routes in proptest::collection::vec(route(), 2..5),
        method in "GET|PUT|HEAD",
        host in "b.a|c.b.a|a|C.A:80",
        path in "/|\\*|/a|/c|/a/b|/%ff|/c/|/a/..|/%61",
        query in "|x|x=1|x=12&x=2|x=1&y=1|y=12&x=12",
        headers in proptest::collection::vec(("x|y", "1|12|2|"), 0..3),
    ) {
        let lines = routes.iter().enumerate().map(|(index, route)| format!("- {{name: r{index}, {route}}}\n"));
        let routes: Vec<Route> = read(&lines.collect::<String>());
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        let target = format!("{path}?{query}");
        let all = Routes::new(&routes);
        let name = found(&all, &Asked::new(&method, &host, &target, &headers));
        let start = format!("route `{name}` can never match");
        prop_assert!(!unreachable(&routes).iter().any(|line| line.starts_with(&start)), "{}", start);
    }
}
