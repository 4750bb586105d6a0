use super::{Page, Source, Until};
use std::path::Path;
use std::time::Duration;

fn parse(yaml: &str) -> Result<Page, String> {
    chassis::config::parse(Path::new("p"), yaml).map_err(|wrong| wrong.0)
}

fn source(yaml: &str) -> Result<Source, String> {
    let page = parse(&format!("targets: [{{name: a, source: {yaml}, metrics: [{{name: x}}]}}]"))?;
    page.targets.into_iter().next().map(|target| target.source).ok_or_else(String::new)
}

#[test]
fn sources() {
    let Ok(Source::Http(request)) = source("{http: \"http://127.0.0.1:8080/status?x=y\", headers: {a: b}}") else {
        panic!()
    };
    assert_eq!(
        (request.place.address.to_string().as_str(), request.place.host.as_str()),
        ("127.0.0.1:8080", "127.0.0.1:8080")
    );
    assert_eq!((request.path.as_str(), request.method.as_str(), request.statuses), ("/status?x=y", "GET", vec![200]));
    let Ok(Source::Http(request)) = source("{http: \"http://localhost\"}") else { panic!() };
    assert_eq!((request.place.address.to_string().as_str(), request.path.as_str()), ("127.0.0.1:80", "/"));
    let Ok(Source::Http(request)) = source("{unix: /run/app.sock, path: \"/m/{name}\", names: [a.b, c]}") else {
        panic!()
    };
    assert_eq!((request.place.address.to_string().as_str(), request.names.len()), ("unix:/run/app.sock", 2));
    let Ok(Source::Talk(talk)) = source("{talk: \"127.0.0.1:6379\", send: \"INFO\\r\\n\", until: redis-reply}") else {
        panic!()
    };
    assert_eq!((talk.send.as_str(), talk.until), ("INFO\r\n", Until::RedisReply));
    let Ok(Source::Talk(talk)) = source("{talk: \"unix:/run/a\", until: {text: \"END\\r\\n\"}}") else { panic!() };
    assert_eq!(talk.until, Until::Text("END\r\n".into()));
    assert_eq!(source("{file: /data/a}"), Ok(Source::File("/data/a".into())));
    for (yaml, expected) in [
        ("{}", "p:1:11: the source of `a`: expected one of `http`"),
        ("{http: \"http://127.0.0.1\", file: /a}", "p:1:11: the source of `a`: expected one of `http`"),
        ("{http: \"https://127.0.0.1\"}", "p:1:11: the source of `a`: expected an address such as"),
        ("{http: \"http://app:8080/\"}", "p:1:11: the source of `a`: expected an address such as"),
        ("{http: \"http://127.0.0.1/a b\"}", "p:1:11: the source of `a`: expected a path"),
        ("{http: \"http://127.0.0.1/{name}\"}", "p:1:11: the source of `a`: `names` and"),
        ("{http: \"http://127.0.0.1/{name}\", names: [\"a b\"]}", "p:1:11: the source of `a`: the name `a b`"),
        ("{http: \"http://127.0.0.1/\", path: /a}", "p:1:11: the source of `a`: `path` is for"),
        ("{http: \"http://127.0.0.1/\", method: get}", "p:1:11: the source of `a`: expected a method"),
        ("{http: \"http://127.0.0.1/\", headers: {\"a b\": c}}", "p:1:11: the source of `a`: `a b: c` is no header"),
        (
            "{http: \"http://127.0.0.1/\", headers: {Content-Length: \"1\"}}",
            "p:1:11: the source of `a`: `Content-Length` is not",
        ),
        ("{http: \"http://127.0.0.1/\", send: a}", "p:1:11: the source of `a`: `send` and `until`"),
        ("{file: /a, send: a}", "p:1:11: the source of `a`: a source with `file`"),
        ("{talk: \"127.0.0.1:1\", method: GET}", "p:1:11: the source of `a`: a source with `talk`"),
        ("{unix: run/a}", "p:1:11: the source of `a`: expected an absolute path"),
        ("{htp: a}", "p:1:"),
    ] {
        let said = source(yaml).unwrap_err();
        assert!(said.starts_with(expected), "{yaml}\n{said}");
    }
}

#[test]
fn metrics() {
    let page = |metric: &str| parse(&format!("targets: [{{name: a, source: {{file: /a}}, metrics: [{metric}]}}]"));
    assert!(page("{name: x_seconds_total, unit: ms, type: counter}").is_ok());
    for (metric, expected) in [
        ("{name: 1x}", "`1x` cannot be the name of a metric"),
        ("{type: gauge}", "a metric has `name`, or `name-from`"),
        ("{name: x, name-from: .y}", "a metric has `name`, or `name-from`"),
        ("{name: x, unit: ms}", "`x` is given in seconds, since its `unit` is `ms`\nhint: call it `x_seconds`"),
        (
            "{name: x_total, unit: KiB}",
            "`x_total` is given in bytes, since its `unit` is `KiB`\nhint: call it `x_bytes_total`",
        ),
        ("{name: xseconds, unit: ms}", "`xseconds` is given in seconds"),
        ("{name: x, unit: weeks}", "unknown unit `weeks`\nhint: there are `ns`, "),
        ("{name: x_seconds, unit: ms, scale: 2}", "`x_seconds`: either `unit` or `scale`"),
        ("{name: x, scale: 0}", "`x`: a `scale`"),
        ("{name: x, buckets: .}", "`x`: `buckets` are for"),
        ("{name: x, type: histogram}", "`x`: a histogram needs"),
        ("{name: x, type: histogram, buckets: ., value: .}", "`x`: `value` is for"),
        ("{name: x_count, type: histogram, buckets: .}", "`x_count`: a histogram makes"),
        ("{name: x, type: summary, sum: .}", "`x`: a summary needs"),
        ("{name: x, type: histogram, buckets: ., labels: {le: .}}", "`x`: `le` cannot be the name of a label"),
        ("{name: x, labels: {__a: .}}", "`x`: `__a` cannot be"),
        ("{name: x, labels: {a-b: .}}", "`x`: `a-b` cannot be"),
        ("{name: x, else: 1}", "`x`: `else` is for"),
        ("{name: x, kind: gauge}", "unknown field `kind`"),
    ] {
        let said = page(metric).unwrap_err();
        assert!(said.starts_with("p:1:") && said.contains(&format!(": {expected}")), "{metric}\n{said}");
    }
}

#[test]
fn targets() {
    let page = parse("targets: [{name: a, source: {file: /a}, metrics: [{name: x}]}]").unwrap();
    assert_eq!(
        (page.max_series, page.targets[0].timeout, page.targets[0].cache),
        (10_000, Duration::from_secs(5), Duration::ZERO)
    );
    assert_eq!(page.check(), Ok(()));
    let twice = parse(
        "targets: [{name: a, source: {file: /a}, metrics: [{name: x}]}, {name: a, source: {file: /a}, metrics: [{name: x}]}]",
    );
    assert_eq!(twice.unwrap().check(), Err("two targets are called `a`".into()));
    for (yaml, expected) in [
        ("targets: [{source: {file: /a}, metrics: [{name: x}]}]", "p:1:11: `name` is missing"),
        ("targets: [{name: a, source: {file: /a}}]", "p:1:11: `a` has no metrics"),
        (
            "targets: [{name: a, preset: no, source: {file: /a}}]",
            "p:1:11: there is no preset `no`\nhint: there are `actuator-health`, ",
        ),
        (
            "targets: [{name: a, source: {file: /a}, filter: '.a | fo(1)', metrics: [{name: x}]}]",
            "p:1:11: the target `a`: `filter`: line 1, column 6 of the filter: there is no filter `fo` of one argument",
        ),
        (
            "targets: [{name: a, source: {file: /a}, metrics: [{name: x, value: .a, labels: {b: '$b'}}]}]",
            "p:1:11: the target `a`: `x`: `b`: line 1, column 1 of the filter: there is no variable `$b`",
        ),
        ("max-series: 0\ntargets: []", "p:1:13: expected at least 1"),
    ] {
        let said = parse(yaml).unwrap_err();
        assert!(said.starts_with(expected), "{yaml}\n{said}");
    }
}

#[test]
fn what_is_beside_a_preset_adds_to_it_or_overrides_it() {
    let of =
        |beside: &str| parse(&format!("targets: [{{name: a, preset: nginx, source: {{file: /a}}{beside}}}]")).unwrap();
    let plain = &of("").targets[0];
    let more = &of(", format: json, timeout: 1s, metrics: [{name: x}, {name: nginx_http_requests_total, type: gauge}]")
        .targets[0];
    assert_eq!(more.metrics.len(), plain.metrics.len() + 1);
    assert_eq!((more.filter.as_ref(), more.timeout), (plain.filter.as_ref(), Duration::from_secs(1)));
    assert_ne!(more.format, plain.format);
}
