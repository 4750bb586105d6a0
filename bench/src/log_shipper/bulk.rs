//! The bulk API as far as a shipper sees it: how many documents a request has, and an answer with an item for each.

use super::http::{Message, header};
use anyhow::{Context, Result, bail, ensure};
use flate2::bufread::GzDecoder;
use std::io::Read;

/// As Elasticsearch answers for a document, if nothing else is asked for
const ITEM: &str = r#"{"_index":".ds-logs-app-default-2026.11.21-000001","_id":"Zk1xTm9wcXJzdHV2AAAAAAAAAAAA","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":1234567,"_primary_term":1,"status":201}"#;
/// What is left of it by the filter that log-shipper asks for
const FILTERED: &str = r#"{"status":201}"#;

/// Reads requests and makes answers, in memory that is kept.
#[derive(Default)]
pub struct Bulk {
    plain: Vec<u8>,
    items: Items,
    answer: Vec<u8>,
}

/// Items of one kind, one after the other.
#[derive(Default)]
struct Items {
    one: String,
    many: Vec<u8>,
}

impl Bulk {
    /// The documents of a request.
    ///
    /// # Errors
    /// If it is no bulk request.
    pub fn documents(&mut self, request: &Message) -> Result<u64> {
        let plain = match header(request.head, "content-encoding") {
            None => request.body,
            Some(encoding) => {
                self.plain.clear();
                decode(encoding, request.body, &mut self.plain)?;
                &self.plain
            }
        };
        let action =
            ["create", "index"].into_iter().find(|action| plain[2.min(plain.len())..].starts_with(action.as_bytes()));
        let result =
            if request.head.lines().next().is_some_and(|line| line.contains("filter_path=")) { FILTERED } else { ITEM };
        self.items.are(&format!(r#"{{"{}":{result}}},"#, action.context("a request without an action")?));
        let mut lines = memchr::memchr_iter(b'\n', plain).count();
        if plain.ends_with(b"\n\n") {
            // rsyslog leaves a line empty after each document, and Elasticsearch passes over those.
            lines -= memchr::memmem::find_iter(plain, b"\n\n").count();
        }
        ensure!(lines.is_multiple_of(2) && plain.ends_with(b"\n"), "a request that is no pairs of lines");
        Ok(lines as u64 / 2)
    }

    /// To the request that was read last, of so many documents.
    pub fn answer(&mut self, documents: u64) -> Result<&[u8]> {
        const BEGIN: &str = r#"{"errors":false,"took":0,"items":["#;
        let items = self.items.first(usize::try_from(documents)?);
        let length = BEGIN.len() + items.len() + 2;
        self.answer.clear();
        self.answer.extend_from_slice(
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{BEGIN}")
                .as_bytes(),
        );
        self.answer.extend_from_slice(items);
        self.answer.extend_from_slice(b"]}");
        Ok(&self.answer)
    }
}

impl Items {
    fn are(&mut self, one: &str) {
        if self.one != one {
            self.many.clear();
            one.clone_into(&mut self.one);
        }
    }

    /// With commas between them.
    fn first(&mut self, count: usize) -> &[u8] {
        let length = self.one.len() * count;
        while self.many.len() < length {
            self.many.extend_from_slice(self.one.as_bytes());
        }
        &self.many[..length.saturating_sub(1)]
    }
}

fn decode(encoding: &str, body: &[u8], plain: &mut Vec<u8>) -> Result<()> {
    match encoding {
        "gzip" => _ = GzDecoder::new(body).read_to_end(plain)?,
        "zstd" => {
            let size = zstd_safe::get_frame_content_size(body)
                .ok()
                .flatten()
                .context("a frame that does not tell its size")?;
            plain.reserve(usize::try_from(size)?);
            zstd_safe::decompress(plain, body).map_err(|code| anyhow::anyhow!(zstd_safe::get_error_name(code)))?;
        }
        other => bail!("a request in {other}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Bulk, Message};
    use serde_json::Value;

    #[test]
    fn an_item_for_each_document_in_the_form_that_is_asked_for() {
        let mut bulk = Bulk::default();
        for (head, action, status, fields) in [
            ("POST /_bulk?filter_path=errors,items.*.status HTTP/1.1\r\n\r\n", "create", "/status", 1),
            ("POST /_bulk HTTP/1.1\r\n\r\n", "index", "/status", 8),
        ] {
            for count in [1, 3, 2] {
                let body = format!("{{\"{action}\":{{}}}}\n{{}}\n").repeat(count);
                let request = Message { head, body: body.as_bytes(), whole: &[] };
                assert_eq!(bulk.documents(&request).unwrap(), count as u64);
                let answer = String::from_utf8(bulk.answer(count as u64).unwrap().to_vec()).unwrap();
                let (head, body) = answer.split_once("\r\n\r\n").unwrap();
                assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
                let answer: Value = serde_json::from_str(body).unwrap();
                let items = answer["items"].as_array().unwrap();
                assert_eq!(items.len(), count);
                assert_eq!(items[0][action].pointer(status), Some(&201.into()));
                assert_eq!(items[0][action].as_object().unwrap().len(), fields);
            }
        }
        let head = "POST /_bulk HTTP/1.1\r\n\r\n";
        let airy = Message { head, body: b"{\"index\":{}}\n{}\n\n{\"index\":{}}\n{}\n\n", whole: &[] };
        assert_eq!(bulk.documents(&airy).unwrap(), 2);
        let odd = Message { head, body: b"{\"create\":{}}\n", whole: &[] };
        assert!(bulk.documents(&odd).is_err());
    }
}
