//! Any bytes as the head of a request: what is passed on is one head, with one framing and one host, and means the same
//! when it is read again.
//!
//! The first byte is what the proxy adds of its own.

#![no_main]

use adapter_proxy::config::{AccessLog, Forward, Http, Listener, Protocol};
use adapter_proxy::http::framing::Body;
use adapter_proxy::http::request::{Request, parse};
use adapter_proxy::http::scan::{Found, Scan};
use adapter_proxy::http::{ClientAddress, Routing};
use libfuzzer_sys::fuzz_target;
use std::rc::Rc;

thread_local! {
    static ROUTING: Rc<Routing> = {
        let address = "127.0.0.1:1".parse().expect("an address");
        Routing::new(&Listener::at(address, Protocol::Http, "cluster"), |_| None, |_| None, None, 0)
    };
}

fuzz_target!(|bytes: &[u8]| ROUTING.with(|routing| head(bytes, routing)));

fn head(bytes: &[u8], routing: &Routing) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let Found::End(end) = Scan::default().find(bytes) else { return };
    let forward = |bits: u8| [Forward::Off, Forward::Append, Forward::Replace][usize::from(bits % 3)];
    let settings = Http {
        host: (first & 1 != 0).then(|| "other:80".into()),
        via: (first & 2 != 0).then(|| "proxy".into()),
        access_log: if first & 4 == 0 { AccessLog::Off } else { AccessLog::Text },
        x_forwarded: forward(first >> 3 & 3),
        forwarded: forward(first >> 5 & 3),
        ..Http::default()
    };
    let client = ClientAddress::of(Some(([127, 0, 0, 1], 1).into()));
    let mut once = vec![];
    let Ok(request) = parse(&bytes[..end], &settings, &client, routing, &mut once) else { return };
    check(&once, &request);
    // As it is passed on by one that adds nothing.
    let plain = Http { via: None, max_headers: 256, ..Http::default() };
    let [mut twice, mut thrice] = [vec![], vec![]];
    let again = parse(&once, &plain, &client, routing, &mut twice).expect("what was written is right");
    assert_eq!(format!("{:?}", (&again.body, again.is_head, again.idempotent, again.safe, &again.upgrade)), {
        format!("{:?}", (&request.body, request.is_head, request.idempotent, request.safe, &request.upgrade))
    });
    assert!(again.keep_alive && !again.http10);
    parse(&twice, &plain, &client, routing, &mut thrice).expect("what was written is right");
    assert_eq!(lines(&once), lines(&twice));
    assert_eq!(twice, thrice);
}

fn check(head: &[u8], request: &Request) {
    assert_eq!(Scan::default().find(head), Found::End(head.len()));
    let count = |name: &str| {
        let named =
            |line: &&[u8]| line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes()));
        head.split(|byte| *byte == b'\n').filter(named).count()
    };
    assert_eq!(count("host:"), 1);
    let (lengths, codings) = (count("content-length:"), count("transfer-encoding:"));
    match request.body {
        Body::Length(length) => assert!(codings == 0 && (lengths == 1 || lengths == 0 && length == 0)),
        Body::Chunked(_) => assert_eq!((lengths, codings), (0, 1)),
        Body::UntilClose => panic!("a request has no such body"),
    }
}

/// In some order: what the proxy says itself comes last.
fn lines(head: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = head.split(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines
}
