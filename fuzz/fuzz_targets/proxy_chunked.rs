//! Any bytes as a chunked body: it does not matter where it is split, and what is read can be written, and is read again.
//!
//! 0xFE is where a piece ends.

#![no_main]

use adapter_proxy::http::chunked::Chunked;
use adapter_proxy::http::framing::{Bad, Step};
use libfuzzer_sys::fuzz_target;

const CUT: u8 = 0xFE;

#[derive(PartialEq, Debug)]
struct Read {
    data: Vec<u8>,
    trailers: Vec<u8>,
    /// What follows the end, if that was reached
    rest: Option<Vec<u8>>,
}

fuzz_target!(|bytes: &[u8]| {
    let pieces: Vec<&[u8]> = bytes.split(|byte| *byte == CUT).collect();
    let whole = pieces.concat();
    let at_once = read(&[&whole]);
    let bytewise: Vec<_> = whole.chunks(1).collect();
    for others in [read(&pieces), read(&bytewise)] {
        match (&at_once, &others) {
            (Ok(at_once), Ok(others)) => assert_eq!(at_once, others),
            (Err(_), Err(_)) => {}
            _ => panic!("at once: {at_once:?}, in pieces: {others:?}"),
        }
    }
    let Ok(Read { data, trailers, rest: Some(_) }) = at_once else { return };
    let mut written = vec![];
    for chunk in data.chunks(7) {
        written.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        written.extend_from_slice(chunk);
        written.extend_from_slice(b"\r\n");
    }
    written.extend_from_slice(b"0\r\n");
    written.extend_from_slice(if trailers.is_empty() { b"\r\n" } else { &trailers });
    assert_eq!(read(&[&written]), Ok(Read { data, trailers, rest: Some(vec![]) }));
});

fn read(pieces: &[&[u8]]) -> Result<Read, Bad> {
    let (mut chunked, mut data, mut unread) = (Chunked::default(), vec![], vec![]);
    for (index, piece) in pieces.iter().enumerate() {
        unread.extend_from_slice(piece);
        loop {
            match chunked.step(&unread)? {
                Step::Skip(count) => drop(unread.drain(..count)),
                Step::Data(count) => {
                    data.extend(unread.drain(..count));
                    chunked.took(count as u64);
                }
                Step::More => break,
                Step::End => {
                    let rest = pieces[index + 1..].concat();
                    let trailers = chunked.trailers().to_vec();
                    return Ok(Read { data, trailers, rest: Some([unread, rest].concat()) });
                }
            }
        }
    }
    assert!(unread.is_empty(), "all that came is dealt with");
    Ok(Read { data, trailers: vec![], rest: None })
}
