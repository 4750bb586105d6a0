//! A dead letter: an event that the sink will never take, and why.

use super::answer::Reason;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::SystemTime;

/// As it is in the file, or in the index.
#[derive(Serialize)]
struct Letter<'a> {
    #[serde(rename = "@timestamp")]
    time: String,
    reason: Why<'a>,
    status: u16,
    index: &'a str,
    /// What was refused, as it was
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a RawValue>,
    /// The same as text, which no index has a conflict with
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<&'a str>,
}

#[derive(Serialize)]
struct Why<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    reason: &'a str,
}

#[derive(Deserialize, Default)]
struct Action<'a> {
    #[serde(borrow)]
    create: Option<Target<'a>>,
}

#[derive(Deserialize, Default)]
struct Target<'a> {
    #[serde(borrow, rename = "_index")]
    index: Option<&'a str>,
    #[serde(borrow, rename = "_id")]
    id: Option<&'a str>,
}

/// Adds a line for the file. `item` is an action line and a document line; `index` where it was to go, unless the
/// action says that.
pub fn line(out: &mut Vec<u8>, item: &[u8], index: &str, reason: &Reason) {
    let (target, document) = parts(item);
    let raw: Option<&RawValue> = serde_json::from_str(&document).ok();
    // What is no JSON, which we never send, is kept all the same.
    let original = raw.is_none().then_some(&*document);
    write(out, &Letter { document: raw, original, ..letter(target.index.unwrap_or(index), reason) });
}

/// Adds an item for a bulk request to another index, under the id that it had.
pub fn item(out: &mut Vec<u8>, item: &[u8], index: &str, reason: &Reason) {
    let (target, document) = parts(item);
    match target.id {
        Some(id) => write(out, &serde_json::json!({"create": {"_id": id}})),
        None => write(out, &serde_json::json!({"create": {}})),
    }
    write(out, &Letter { original: Some(&document), ..letter(target.index.unwrap_or(index), reason) });
}

fn letter<'a>(index: &'a str, reason: &'a Reason) -> Letter<'a> {
    let why = Why { kind: &reason.kind, reason: &reason.text };
    Letter { time: time(SystemTime::now()), reason: why, status: reason.status, index, document: None, original: None }
}

fn parts(item: &[u8]) -> (Target<'_>, std::borrow::Cow<'_, str>) {
    let end = memchr::memchr(b'\n', item).unwrap_or(item.len());
    let action: Action = serde_json::from_slice(&item[..end]).unwrap_or_default();
    let document = item[end..].trim_ascii();
    (action.create.unwrap_or_default(), String::from_utf8_lossy(document))
}

fn write(out: &mut Vec<u8>, line: &impl Serialize) {
    // Neither memory nor these types refuse to be written.
    let _ = serde_json::to_writer(&mut *out, line);
    out.push(b'\n');
}

/// RFC 3339, in UTC, with milliseconds.
fn time(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86400, since.as_secs() % 86400);
    // Days from 0000-03-01, in eras of 400 years. <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let day = day - (153 * march + 2) / 5 + 1;
    let (hour, minute, second, fraction) = (second / 3600, second / 60 % 60, second % 60, since.subsec_millis());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
}

#[cfg(test)]
mod tests {
    use super::{Reason, item, line, time};
    use serde_json::{Value, json};
    use std::time::{Duration, SystemTime};

    fn reason() -> Reason {
        Reason { status: 400, kind: "document_parsing_exception".into(), text: "failed to parse \"n\"".into() }
    }

    fn parsed(bytes: &[u8]) -> Vec<Value> {
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        lines.map(|line| serde_json::from_slice(line.strip_suffix(b"\n").unwrap()).unwrap()).collect()
    }

    #[test]
    fn lines_have_the_document_as_it_was() {
        let mut out = vec![];
        line(&mut out, b"{\"create\":{\"_id\":\"a\"}}\n{\"n\":1.50,\"n2\":\"\\u00e4\"}\n", "logs", &reason());
        line(&mut out, b"{\"create\":{\"_index\":\"logs-1\"}}\nno \"JSON\"\n", "logs", &reason());
        assert!(String::from_utf8(out.clone()).unwrap().contains("\"document\":{\"n\":1.50,\"n2\":\"\\u00e4\"}}\n"));
        let [first, second] = &parsed(&out)[..] else { panic!() };
        assert_eq!(first["reason"], json!({"type": "document_parsing_exception", "reason": "failed to parse \"n\""}));
        assert_eq!((&first["status"], &first["index"]), (&json!(400), &json!("logs")));
        assert_eq!((&second["index"], &second["original"]), (&json!("logs-1"), &json!("no \"JSON\"")));
    }

    #[test]
    fn items_have_the_document_as_text() {
        let mut out = vec![];
        item(&mut out, b"{\"create\":{\"_index\":\"logs-1\",\"_id\":\"a\"}}\n{\"n\":1.50}\n", "logs", &reason());
        item(&mut out, b"{\"create\":{}}\n{\"n\":1.50}\n", "logs", &reason());
        let lines = parsed(&out);
        assert_eq!((&lines[0], &lines[2]), (&json!({"create": {"_id": "a"}}), &json!({"create": {}})));
        assert_eq!((&lines[1]["original"], &lines[1]["index"]), (&json!("{\"n\":1.50}"), &json!("logs-1")));
        assert_eq!(lines[1]["document"], Value::Null);
    }

    #[test]
    fn times() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (1_709_251_199, "2024-02-29T23:59:59.007Z"),
            (1_735_689_600, "2025-01-01T00:00:00.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ] {
            assert_eq!(time(SystemTime::UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 7)), text);
        }
    }
}
