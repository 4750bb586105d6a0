//! Filters mean the same whichever way they are run: where they stand, or by jq's interpreter.

use super::{JSON, Text, answering, post, problem, start};
use e2e::proxy::http::{Backend, Proxy};
use std::fmt::Write as _;

/// A proxy whose upstream answers this, with a route of the filter's number for each, and for each as jq runs it.
fn mapping(body: &'static str, filters: &[&str]) -> (Backend, Proxy) {
    let backend = answering(JSON, body);
    let mut routes = String::new();
    for (number, filter) in filters.iter().enumerate() {
        for (way, before) in [("direct", ""), ("jq", ". as $all | ")] {
            let code = serde_json::to_string(&format!("{before}{filter}")).expect("text");
            let _ = write!(
                routes,
                "{{name: {way}-{number}, match: {{path: /{way}/{number}}}, responses: [{{body: {{filter: {code}}}}}]}}, "
            );
        }
    }
    let proxy = Text { routes: &routes, ..Text::default() }.start(&[backend.address]);
    (backend, proxy)
}

#[test]
fn what_is_no_number_and_no_json() {
    let wrong = [
        "\"1 2\" | tonumber",
        "\"1 # x\" | tonumber",
        "\"\" | tonumber",
        "\"abc\" | tonumber",
        "\"[1]\" | tonumber",
        "null | tonumber",
        "\"1 2\" | fromjson",
        "\"1 # x\" | fromjson",
        "\"\" | fromjson",
        "\"[1,]\" | fromjson",
        "\"{1:2}\" | fromjson",
        "(.n | tonumber) == (.items[] | select(. > 5))",
        "{n: (.n | fromjson), i: .items[]}",
        "[.items[]] + [(.n | tonumber)]",
        "[limit(3; .n | tonumber)]",
    ];
    let (_backend, proxy) = mapping("{\"n\":\"x\",\"items\":[]}", &wrong);
    let mut client = proxy.client();
    for (number, filter) in wrong.iter().enumerate() {
        for way in ["direct", "jq"] {
            let answer = client.get(&format!("/{way}/{number}"));
            assert_eq!(answer.status, 502, "{way}: {filter}: {answer:?}");
            problem(&answer, 502, "body-unfit");
        }
    }
    assert_eq!(proxy.count("adapter_proxy_workers_started_total"), 1, "none had to be killed");
}

#[test]
fn numbers_as_text() {
    let filters = [
        ("\"\\(.a/2) s\"", "\"2 s\""),
        ("[.a/2 | tostring, @text, @json, tojson, @html \"\\(.)\"]", "[\"2\",\"2\",\"2\",\"2\",\"2\"]"),
        ("[.a/2, .a/8] | join(\"-\")", "\"2-0.5\""),
        ("{a: (.a/2)} | \"\\(.) \\(tojson) \\([.])\"", "\"{\\\"a\\\":2} {\\\"a\\\":2} [{\\\"a\\\":2}]\""),
        ("[.b, .c, .d] | join(\" \")", "\"1.10 x true\""),
        ("\"\\(.b) \\(.c) \\(.d) \\(.e)\"", "\"1.10 x true null\""),
        ("\" 12 \" | tonumber", "12"),
        ("[\"1.50\", \"-3\", \"+5\", \"1e2\"] | map(tonumber)", "[1.50,-3,5,1e2]"),
        ("\"[1, {}]\" | fromjson", "[1,{}]"),
        ("3 | tonumber", "3"),
    ];
    let (_backend, proxy) =
        mapping("{\"a\":4,\"b\":1.10,\"c\":\"x\",\"d\":true,\"e\":null}", &filters.map(|(filter, _)| filter));
    let mut client = proxy.client();
    for (number, (filter, expected)) in filters.iter().enumerate() {
        for way in ["direct", "jq"] {
            let answer = client.get(&format!("/{way}/{number}"));
            assert_eq!((answer.status, answer.body.as_str()), (200, *expected), "{way}: {filter}");
        }
    }
}

/// The route's own failure, and none of the time that filters have.
#[test]
fn a_part_that_is_no_number() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let filter = "{id: ($parts.id | tonumber), main: (.items[] | select(.main))}";
    let proxy = start(
        &backend,
        &format!("{{name: o, match: {{path: '/o/{{id}}'}}, request: {{body: {{filter: '{filter}'}}}}}}"),
    );
    let mut client = proxy.client();
    for _ in 0..3 {
        problem(&post(&mut client, "/o/abc", "{\"items\":[]}"), 400, "body-unfit");
    }
    problem(&post(&mut client, "/o/abc", "{\"items\":[{\"main\":true}]}"), 400, "body-unfit");
    assert_eq!(post(&mut client, "/o/7", "{\"items\":[{\"main\":true}]}").status, 200);
    assert_eq!(backend.seen()[0].body, "{\"id\":7,\"main\":{\"main\":true}}");
    assert_eq!(proxy.count("adapter_proxy_workers_started_total"), 1, "none had to be killed");
}
