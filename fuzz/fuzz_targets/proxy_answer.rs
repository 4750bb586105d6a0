//! Any bytes as the head of an answer: what the client gets is one head with one framing, and means the same when it is
//! read again.
//!
//! The first byte is what was asked for.

#![no_main]

use adapter_proxy::http::framing::{Bad, Body};
use adapter_proxy::http::response::{Asked, parse};
use adapter_proxy::http::scan::{Found, Scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let Found::End(end) = Scan::default().find(bytes) else { return };
    let is = |bit: u8| first >> bit & 1 != 0;
    let (is_head, http10, keep_alive, upgrade) = (is(0), is(1), is(2), is(3));
    let asked = Asked { is_head, sent_head: is_head, http10, keep_alive, upgrade, routed: None };
    let mut once = vec![];
    let Ok(answer) = parse(&bytes[..end], asked, &mut once) else { return };
    assert_eq!(Scan::default().find(&once), Found::End(once.len()));
    let count = |name: &str| {
        let named =
            |line: &&[u8]| line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes()));
        once.split(|byte| *byte == b'\n').filter(named).count()
    };
    let (lengths, codings) = (count("content-length:"), count("transfer-encoding:"));
    assert!(lengths + codings <= 1, "one framing");
    assert_eq!(codings == 1, answer.chunked);
    if answer.status < 200 || answer.status == 204 {
        assert_eq!(lengths + codings, 0);
    }
    // The end is that of the connection, or it is told.
    let told = lengths + codings == 1 || matches!(answer.body, Body::Length(0));
    assert!(told || !answer.delimited, "{answer:?}");
    let mut twice = vec![];
    let again = match parse(&once, asked, &mut twice) {
        // It had as many as may be, and the proxy's own came on top.
        Err(Bad("it has too many header fields")) => return,
        again => again.expect("what was written is right"),
    };
    assert_eq!((again.status, again.chunked, again.delimited), (answer.status, answer.chunked, answer.delimited));
    // `Connection: close`, which is the proxy's word, names it then.
    if count("close:") == 0 && count("keep-alive:") == 0 {
        assert_eq!(twice, once);
    }
});
