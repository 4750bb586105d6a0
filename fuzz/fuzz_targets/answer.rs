//! Any bytes as the answer to a bulk request: it does not matter how it arrives, and nothing counts as stored of which
//! the answer, read as a whole, does not say so.
//!
//! The first byte is how many items were sent, and whether ids are ours. In the rest, 0xFE is where a piece ends.

#![no_main]

use libfuzzer_sys::fuzz_target;
use log_shipper::sink::elasticsearch::answer::{Answer, Fate, Nonsense, Reader};
use serde::Deserialize;

const CUT: u8 = 0xFE;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, answer)) = bytes.split_first() else { return };
    let (expected, own_ids) = (usize::from(*first) % 8, first & 8 == 0);
    let pieces: Vec<&[u8]> = answer.split(|byte| *byte == CUT).collect();
    let whole = pieces.concat();
    let at_once = read(expected, own_ids, &[&whole]);
    let in_pieces = read(expected, own_ids, &pieces);
    match (&at_once, &in_pieces) {
        (Ok(at_once), Ok(in_pieces)) => {
            assert_eq!(in_pieces.fates, at_once.fates);
            assert_eq!(in_pieces.again, at_once.again);
            let refusals =
                |answer: &Answer| answer.refusals.iter().map(|one| (one.item, one.reason.clone())).collect::<Vec<_>>();
            assert_eq!(refusals(in_pieces), refusals(at_once));
        }
        (Err(_), Err(_)) => {}
        _ => panic!("at once: {at_once:?}, in pieces: {in_pieces:?}"),
    }
    if let Ok(answer) = at_once {
        check(&answer, expected, own_ids, &whole);
    }
});

fn read(expected: usize, own_ids: bool, pieces: &[&[u8]]) -> Result<Answer, Nonsense> {
    let mut reader = Reader::new(expected, own_ids);
    for piece in pieces {
        reader.feed(piece)?;
    }
    reader.finish()
}

fn check(answer: &Answer, expected: usize, own_ids: bool, whole: &[u8]) {
    assert_eq!(answer.fates.len(), expected);
    let refused = (0..expected).filter(|item| answer.fates[*item] == Fate::Refused);
    assert!(refused.eq(answer.refusals.iter().map(|refusal| refusal.item)), "{answer:?}");
    assert_eq!(answer.fates.contains(&Fate::Again), answer.again.is_some());
    for refusal in &answer.refusals {
        assert!(refusal.reason.kind.len() <= 100 && refusal.reason.text.len() <= 512, "{refusal:?}");
    }
    // What is well-formed throughout, another reader reads as well.
    let Ok(Bulk { items }) = serde_json::from_slice::<Bulk>(whole) else { return };
    assert_eq!(items.len(), expected);
    for (Item { result }, fate) in items.iter().zip(&answer.fates) {
        let stored = matches!(result.status, 200..=299) || (own_ids && result.status == 409);
        assert_eq!(*fate == Fate::Stored, stored, "{}", result.status);
    }
}

#[derive(Deserialize)]
struct Bulk {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "create", alias = "index")]
    result: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
}
