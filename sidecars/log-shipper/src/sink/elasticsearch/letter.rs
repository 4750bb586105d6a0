//! A dead letter: an event that the sink will never take, and why.

use super::answer::Reason;
use crate::encode::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

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
    let time = String::from_utf8_lossy(&Time::now().text()).into_owned();
    Letter { time, reason: why, status: reason.status, index, document: None, original: None }
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

#[cfg(test)]
mod tests {
    use super::{Reason, item, line};
    use serde_json::{Value, json};

    fn reason() -> Reason {
        let (kind, text) = ("document_parsing_exception".into(), "failed to parse \"n\"".into());
        Reason { status: 400, kind, text, remedy: None }
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
}
