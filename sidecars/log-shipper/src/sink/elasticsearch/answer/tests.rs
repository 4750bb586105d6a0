use super::{Answer, Fate, Nonsense, Reader};

const CREATED: &str = r#"{"create":{"status":201}}"#;

fn read_in(text: &str, expected: usize, own_ids: bool, piece: usize) -> Result<Answer, Nonsense> {
    let mut reader = Reader::new(expected, own_ids);
    for bytes in text.as_bytes().chunks(piece) {
        reader.feed(bytes)?;
    }
    reader.finish()
}

/// It must not matter how the answer arrives.
fn read(text: &str, expected: usize) -> Result<Answer, Nonsense> {
    let whole = read_in(text, expected, true, usize::MAX);
    for piece in [1, 2, 3, 10, 26, 27] {
        let pieces = read_in(text, expected, true, piece);
        let fates = |answer: &Result<Answer, Nonsense>| answer.as_ref().ok().map(|answer| answer.fates.clone());
        assert_eq!(fates(&pieces), fates(&whole), "{text}");
    }
    whole
}

fn answer(items: &[&str]) -> String {
    format!(r#"{{"errors":true,"items":[{}]}}"#, items.join(","))
}

#[test]
fn all_stored() {
    for count in [0, 1, 2, 1000] {
        let answer = read(&answer(&vec![CREATED; count]), count).unwrap();
        assert_eq!(answer.fates, vec![Fate::Stored; count]);
        assert!(answer.refusals.is_empty() && answer.again.is_none());
    }
}

#[test]
fn a_server_that_does_not_filter_its_answer() {
    let text = r#" {"took" : 30, "ingest_took":[1,{"a":"]}"}], "errors":false,
        "items" : [ {"create": {"_index":".ds-logs-app","_id":"x\"}","_version":1,"result":"created",
        "_shards":{"total":2,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}} ,
        {"index":{"status":200}}
        ], "more":{"items":[1]} } "#;
    assert_eq!(read(text, 2).unwrap().fates, [Fate::Stored; 2]);
}

#[test]
fn some_stored_some_later_some_never() {
    let again = r#"{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}}"#;
    let broken = r#"{"create":{"error":{"type":"unavailable_shards_exception","reason":"primary"},"status":503}}"#;
    let refused = r#"{"create":{"status":400,"error":{"type":"document_parsing_exception",
        "reason":"[1:20] failed to parse field [n]","caused_by":{"type":"x","reason":"For input string: \"é\""}}}}"#;
    let exists = r#"{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"it"}}}"#;
    let text = answer(&[CREATED, again, refused, exists, broken, CREATED]);
    let answer = read(&text, 6).unwrap();
    let (stored, again, refused) = (Fate::Stored, Fate::Again, Fate::Refused);
    assert_eq!(answer.fates, [stored, again, refused, stored, again, stored]);
    let [refusal] = &answer.refusals[..] else { panic!("{:?}", answer.refusals) };
    assert_eq!((refusal.item, refusal.reason.status), (2, 400));
    assert_eq!(&*refusal.reason.kind, "document_parsing_exception");
    assert_eq!(&*refusal.reason.text, "[1:20] failed to parse field [n]: For input string: \"é\"");
    assert_eq!(&*answer.again.unwrap().kind, "es_rejected_execution_exception");
}

#[test]
fn an_id_that_exists_is_ours_only_if_ids_are() {
    let exists = r#"{"create":{"status":409,"error":{"type":"version_conflict_engine_exception"}}}"#;
    assert_eq!(read_in(&answer(&[exists]), 1, false, 99).unwrap().fates, [Fate::Refused]);
}

#[test]
fn what_is_not_the_events_fault_is_tried_again() {
    for (status, kind, fate) in [
        (403, "cluster_block_exception", Fate::Again),
        (403, "security_exception", Fate::Again),
        (403, "other", Fate::Refused),
        (404, "index_not_found_exception", Fate::Again),
        (404, "other", Fate::Refused),
        (400, "index_not_found_exception", Fate::Refused),
        (400, "validation_exception", Fate::Refused),
        (400, "illegal_argument_exception", Fate::Refused),
        (500, "other", Fate::Again),
    ] {
        let item = format!(r#"{{"create":{{"status":{status},"error":{{"type":"{kind}"}}}}}}"#);
        assert_eq!(read(&answer(&[&item]), 1).unwrap().fates, [fate], "{item}");
    }
}

/// In the words of several versions.
#[test]
fn too_many_shards_are_not_the_events_fault() {
    for (kind, reason) in [
        (
            "validation_exception",
            "add [2] shards, but this cluster currently has [1000]/[1000] maximum normal shards open;",
        ),
        (
            "illegal_argument_exception",
            "add [10] total shards, but this cluster currently has [9]/[9] maximum shards open;",
        ),
    ] {
        let reason = format!("Validation Failed: 1: this action would {reason}");
        let item = format!(r#"{{"create":{{"status":400,"error":{{"type":"{kind}","reason":"{reason}"}}}}}}"#);
        let answer = read(&answer(&[&item]), 1).unwrap();
        assert_eq!(answer.fates, [Fate::Again], "{item}");
        assert!(answer.again.unwrap().remedy.unwrap().contains("max_shards_per_node"));
    }
}

#[test]
fn rubbish() {
    let not_an_item = answer(&[r#"{"create":{"state":201}}"#]);
    let deleted = answer(&[r#"{"delete":{"status":200}}"#]);
    let informal = answer(&[r#"{"create":{"status":100}}"#]);
    for text in [
        "",
        "<html>",
        "[]",
        "{}",
        "{\"items\":[",
        "{\"items\":{}}",
        "{items:[]}",
        "{\"items\":[1]}",
        "{\"items\" [",
        "{\"error\":{\"type\":\"x\"},\"status\":429}",
        &answer(&[]),
        &answer(&[CREATED, CREATED]),
        &answer(&[CREATED]).replace("]}", "]"),
        &(answer(&[CREATED]) + "x"),
        &answer(&[CREATED]).replace("]}", ",]}"),
        &answer(&[CREATED]).replace("]}", "],\"items\":[]}"),
        &not_an_item,
        &deleted,
        &informal,
    ] {
        assert!(read(text, 1).is_err(), "{text}");
    }
}

/// Whatever a byte is changed to, and however it arrives, the same is read, and only what is answered for is done.
#[test]
fn damaged_answers() {
    let refused = r#"{"create":{"status":400,"error":{"type":"a\\\u00e4","reason":"\ud83d\ude00"}}}"#;
    let whole = answer(&[CREATED, refused, CREATED]).into_bytes();
    for place in 0..whole.len() {
        for byte in *b"\"\\{}[],: 2x\x00\xff" {
            let mut damaged = whole.clone();
            damaged[place] = byte;
            let [all, pieces] = [usize::MAX, 1].map(|piece| {
                let mut reader = Reader::new(3, true);
                let fed = damaged.chunks(piece).try_for_each(|bytes| reader.feed(bytes));
                fed.and_then(|()| reader.finish()).map(|answer| answer.fates)
            });
            assert_eq!(all.as_ref().ok(), pieces.as_ref().ok(), "{}", String::from_utf8_lossy(&damaged));
            assert!(all.is_err() || all.is_ok_and(|fates| fates.len() == 3));
        }
    }
}

#[test]
fn reasons_stay_small() {
    let reason = "ä".repeat(10_000);
    let item = format!(r#"{{"create":{{"status":400,"error":{{"type":"{reason}","reason":"{reason}"}}}}}}"#);
    let mut reader = Reader::new(1000, true);
    reader.feed(b"{\"items\":[").unwrap();
    for number in 0..1000 {
        reader.feed(if number > 0 { b"," } else { b"" }).unwrap();
        reader.feed(item.as_bytes()).unwrap();
    }
    reader.feed(b"]}").unwrap();
    let answer = reader.finish().unwrap();
    assert!(answer.refusals.iter().map(|refusal| refusal.reason.text.len()).sum::<usize>() < 300_000);
    assert_eq!(&*answer.refusals[999].reason.text, "as others of the same request");
}
