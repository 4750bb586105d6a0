//! Any bytes as the head of a request that routes look at: what is sent instead of it is one head, with one framing and
//! one host, and has the fields that the route gives it and no other one.

#![no_main]

use adapter_proxy::config::{Config, Http};
use adapter_proxy::http::request::parse;
use adapter_proxy::http::scan::{Found, Scan};
use adapter_proxy::http::{ClientAddress, Routing};
use adapter_proxy::route::Pattern;
use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::rc::Rc;

const ROUTES: &str = "
listeners:
- listen: 127.0.0.1:1
  protocol: http
  cluster: c
  routes:
  - name: user
    match: {path: '/v1/users/{id}'}
    request:
      method: POST
      path: '/v2/{id}/{id}-x'
      query: {only: [a, b], rename: {a: c}, set: {id: '{id}', h: '{header.x-h}'}, add: {m: '{method} {host}{path}'}}
      headers: {set: {x-user: '{id} {path}'}}
  - name: rest
    match: {prefix: /old}
    request: {path: '/new{rest}', host: 'new:80', headers: {rename: {x-old: x-new, x-new: x-old}}}
  - name: query
    match: {query: {q: {like: '*/*'}}}
    request: {path: '/{query.q}/{header.host}{path}', headers: {remove: [cookie], add: {x-q: '{query.q}'}}}
  - name: header
    match: {headers: {x-h: {present: true}}, host: '*.example'}
    request: {headers: {set: {x-user: '{header.x-h}', x-none: '{query.none}'}}}
clusters: {c: {endpoints: ['127.0.0.1:2']}}
";

thread_local! {
    static ROUTED: Rc<Routing> = routing(true);
    static PLAIN: Rc<Routing> = routing(false);
}

fn routing(routed: bool) -> Rc<Routing> {
    let mut config = Config::parse(Path::new("config.yaml"), ROUTES).expect("it is right");
    let mut listener = config.listeners.remove(0);
    if !routed {
        listener.routes.clear();
    }
    Routing::new(&listener, |_| None, |_| None, None, 0)
}

fuzz_target!(|bytes: &[u8]| {
    let Found::End(end) = Scan::default().find(bytes) else { return };
    let head = &bytes[..end];
    // One field is added at most, so that what is sent can be read.
    let settings = Http { via: None, max_headers: 250, ..Http::default() };
    let again = Http { via: None, max_headers: 256, ..Http::default() };
    let client = ClientAddress::default();
    let read = |head: &[u8], settings: &Http, routing: &Routing| {
        let mut out = vec![];
        parse(head, settings, &client, routing, &mut out).map(|request| (request, out))
    };
    let plain = PLAIN.with(|routing| read(head, &settings, routing));
    let routed = ROUTED.with(|routing| read(head, &settings, routing));
    let Ok((request, sent)) = routed else { return };
    let (plain, before) = plain.expect("routes take no more than there is without them");
    assert_eq!(Scan::default().find(&sent), Found::End(sent.len()));
    let (read, written) = PLAIN.with(|routing| read(&sent, &again, routing)).expect("what was written is right");
    assert_eq!(names(&written), names(&sent), "nothing of it is for another hop");
    assert_eq!(format!("{:?} {:?}", read.body, read.upgrade), format!("{:?} {:?}", plain.body, plain.upgrade));
    assert_eq!((request.is_head, request.http10, request.keep_alive), (plain.is_head, plain.http10, plain.keep_alive));
    let Some(route) = request.routed.map(|routed| routed.route) else { return assert_eq!(sent, before) };
    let mut expected = names(&before);
    let target = line(&sent).split(' ').nth(1).expect("a target").to_owned();
    match route {
        0 => {
            expected.retain(|name| name != "x-user");
            expected.push("x-user".into());
            let path = target.split('?').next().unwrap_or_default();
            let (old, new) = (Pattern::exact("/v1/users/{id}").unwrap(), Pattern::exact("/v2/{id}/{more}").unwrap());
            let asked = line(&before).split(' ').nth(1).expect("a target").to_owned();
            let old = old.matches(asked.split('?').next().unwrap_or_default()).expect("it was this route");
            let new = new.matches(path).expect("it is this path");
            assert_eq!(old.get("id"), new.get("id"));
            assert!(line(&sent).starts_with("POST "));
        }
        1 => {
            for name in &mut expected {
                *name = match &**name {
                    "x-old" => "x-new".into(),
                    "x-new" => "x-old".into(),
                    name => name.into(),
                };
            }
            assert!(target.starts_with("/new"));
            assert!(sent.windows(15).any(|bytes| bytes == b"\r\nHost: new:80\r"));
        }
        2 => {
            expected.retain(|name| name != "cookie");
            expected.push("x-q".into());
        }
        _ => {
            expected.retain(|name| name != "x-user" && name != "x-none");
            expected.push("x-user".into());
        }
    }
    expected.sort_unstable();
    assert_eq!(names(&sent), expected);
});

fn line(head: &[u8]) -> &str {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    str::from_utf8(line).expect("a target is text")
}

/// Of all fields, in lower case and in some order.
fn names(head: &[u8]) -> Vec<String> {
    let lines = head.split(|byte| *byte == b'\n').skip(1).filter(|line| line.len() > 1);
    let name = |line: &[u8]| line.split(|byte| *byte == b':').next().unwrap_or_default().to_ascii_lowercase();
    let mut names: Vec<_> = lines.map(|line| String::from_utf8_lossy(&name(line)).into_owned()).collect();
    names.sort_unstable();
    names
}
