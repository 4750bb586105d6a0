//! Indices and data streams, and what is stored in them.

use super::bulk::Action;
use super::json;
use super::mapping::Mapping;
use super::numbers::{Numbers, number};
use super::refusal::Refusal;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// What happens to one document, if a test says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    #[default]
    Store,
    /// 429, as a node says whose queues are full
    Busy,
    /// 503, as when a shard is moving
    Unavailable,
    /// 400: the document does not fit the mapping
    Conflict,
    /// 404: `action.auto_create_index` is off
    NoIndex,
    /// 400: the index would have too many shards for the cluster
    ManyShards,
}

/// A document on its way in.
pub struct Item<'a> {
    pub index: &'a str,
    pub id: Option<&'a str>,
    pub document: &'a Map<String, Value>,
    /// Of a numbered line
    pub number: Option<u64>,
}

type Judge = Box<dyn FnMut(&Item) -> Verdict + Send>;

/// A document that is stored.
#[derive(Clone, Debug)]
pub struct Document {
    pub id: String,
    /// As it came
    pub source: Box<str>,
}

impl Document {
    /// # Panics
    /// Never: it was parsed when it came.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.source).expect("a document that was stored")
    }
}

/// An index or a data stream.
#[derive(Default)]
pub struct Index {
    /// In the order of their arrival; none when only numbers are kept
    pub documents: Vec<Document>,
    /// How many there are
    pub stored: u64,
    mapping: Mapping,
    /// Hashes of the ids, of the backing index that is written to
    ids: HashSet<u64>,
    /// How often a data stream got a new backing index
    rolled_over: u32,
}

/// All that is stored.
#[derive(Default)]
pub struct Store {
    pub indices: BTreeMap<String, Index>,
    /// Of the documents that are stored
    pub numbers: Numbers,
    /// Of those that were refused for good
    pub refused: Numbers,
    /// How many were there already
    pub conflicts: u64,
    pub only_numbers: bool,
    pub(super) judge: Option<Judge>,
    hasher: RandomState,
    named: u64,
}

impl Store {
    /// # Panics
    /// If there is no such index.
    pub fn in_index(&self, name: &str) -> &Index {
        self.indices.get(name).unwrap_or_else(|| panic!("no index {name} in {:?}", self.indices.keys()))
    }

    /// The field `message` of all that is in an index, in the order of arrival; empty if there is no such index.
    pub fn messages(&self, index: &str) -> Vec<String> {
        let documents = self.indices.get(index).map_or(&[][..], |index| &index.documents);
        documents.iter().map(|document| document.value()["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// How many documents there are, in all indices.
    pub fn stored(&self) -> u64 {
        self.indices.values().map(|index| index.stored).sum()
    }

    /// Gives a data stream a new backing index, in which no id is taken.
    pub fn roll_over(&mut self, name: &str) {
        let index = self.indices.entry(name.into()).or_default();
        index.rolled_over += 1;
        index.ids.clear();
    }

    /// Stores a document if it can be, and says how the bulk answer tells that.
    pub(super) fn apply(&mut self, action: Action) -> Value {
        let Action { create, index, id, source } = action;
        let operation = if create { "create" } else { "index" };
        let id = id.unwrap_or_else(|| {
            self.named += 1;
            format!("auto{:016x}", self.named)
        });
        let mut item = match self.store(create, &index, &id, source) {
            Ok(()) => {
                let shards = json!({"total": 2, "successful": 1, "failed": 0});
                let number = self.indices[&index].stored - 1;
                json!({"_version": 1, "result": "created", "_shards": shards, "_seq_no": number, "_primary_term": 1, "status": 201})
            }
            Err(refusal) => json!({"status": refusal.status, "error": refusal.error()}),
        };
        item["_index"] = self.backing(&index).into();
        item["_id"] = id.into();
        json!({operation: item})
    }

    fn store(&mut self, create: bool, name: &str, id: &str, source: &[u8]) -> Result<(), Refusal> {
        if let Some(why) = bad_name(name) {
            let reason = format!("Invalid index name [{name}], {why}");
            return Err(Refusal::new(400, "invalid_index_name_exception", reason));
        }
        if is_data_stream(name) && !create {
            let reason = "only write ops with an op_type of create are allowed in data streams";
            return Err(Refusal::new(400, "illegal_argument_exception", reason));
        }
        let broken = |cause| Refusal::document("[1:2] failed to parse".into(), "x_content_parse_exception", cause);
        let document = match json::parse(source).map_err(broken)? {
            Value::Object(document) => document,
            other => return Err(broken(format!("expected START_OBJECT but found [{}]", json::token(&other)))),
        };
        let number = number(&document);
        match self.verdict(&Item { index: name, id: Some(id), document: &document, number }) {
            Verdict::Store => {}
            Verdict::Busy => return Err(busy()),
            Verdict::Unavailable => {
                let reason = format!("[{name}][0] primary shard is not active Timeout: [1m]");
                return Err(Refusal::new(503, "unavailable_shards_exception", reason));
            }
            Verdict::Conflict => {
                self.refused.extend(number);
                let reason = format!("[1:2] failed to parse field [level] of type [long] in document with id '{id}'");
                let cause = "For input string: \"high\"".into();
                return Err(Refusal::document(reason, "illegal_argument_exception", cause));
            }
            Verdict::NoIndex => {
                let reason = format!("no such index [{name}] and [action.auto_create_index] is [false]");
                return Err(Refusal::new(404, "index_not_found_exception", reason));
            }
            Verdict::ManyShards => {
                let reason = "Validation Failed: 1: this action would add [2] shards, but this cluster currently has \
                              [1000]/[1000] maximum normal shards open;";
                return Err(Refusal::new(400, "validation_exception", reason));
            }
        }
        if is_data_stream(name) && !document.contains_key("@timestamp") {
            let cause = "data stream timestamp field [@timestamp] is missing".to_owned();
            return Err(Refusal::document(format!("[1:2] {cause}"), "illegal_argument_exception", cause));
        }
        let hash = self.hasher.hash_one(id);
        let index = self.indices.entry(name.into()).or_default();
        index.mapping.merge(&document)?;
        if !index.ids.insert(hash) && create {
            self.conflicts += 1;
            let reason = format!("[{id}]: version conflict, document already exists (current version [1])");
            return Err(Refusal::new(409, "version_conflict_engine_exception", reason));
        }
        index.stored += 1;
        if !self.only_numbers {
            let source = String::from_utf8_lossy(source).into();
            index.documents.push(Document { id: id.into(), source });
        }
        self.numbers.extend(number);
        Ok(())
    }

    fn verdict(&mut self, item: &Item) -> Verdict {
        self.judge.as_mut().map_or(Verdict::Store, |judge| judge(item))
    }

    fn backing(&self, name: &str) -> String {
        if !is_data_stream(name) {
            return name.into();
        }
        let generation = self.indices.get(name).map_or(0, |index| index.rolled_over) + 1;
        format!(".ds-{name}-2026.11.21-{generation:06}")
    }
}

/// What a node says whose queues are full, of an item or of a whole request.
pub(super) fn busy() -> Refusal {
    let reason = "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, replica_bytes=0, \
                  all_bytes=0, coordinating_operation_bytes=1, max_coordinating_and_primary_bytes=0]";
    Refusal::new(429, "es_rejected_execution_exception", reason)
}

/// By the index templates that come with Elasticsearch.
fn is_data_stream(name: &str) -> bool {
    ["logs-", "metrics-"].iter().any(|kind| name.strip_prefix(kind).is_some_and(|rest| rest.contains('-')))
}

fn bad_name(name: &str) -> Option<&'static str> {
    match name {
        name if name.contains(|character: char| " \"*\\<|,>/?#:".contains(character)) => {
            Some("must not contain the following characters [' ','\"','*','\\','<','|',',','>','/','?','#',':']")
        }
        name if name.starts_with(['_', '-', '+']) => Some("must not start with '_', '-', or '+'"),
        name if name.chars().any(char::is_uppercase) => Some("must be lowercase"),
        name if name.len() > 255 => Some("index name is too long"),
        "." | ".." => Some("must not be '.' or '..'"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Judge, Store, Verdict};
    use serde_json::Value;

    fn apply(store: &mut Store, create: bool, index: &str, id: &str, source: &str) -> Value {
        let action = Action { create, index: index.into(), id: Some(id.into()), source: source.as_bytes() };
        store.apply(action)[if create { "create" } else { "index" }].take()
    }

    #[test]
    fn a_document_is_created_once() {
        let mut store = Store::default();
        let document = r#"{"@timestamp":"2026-11-21T18:03:02Z","message":"n=1"}"#;
        let name = "logs-app-default";
        let stored = apply(&mut store, true, name, "a", document);
        assert_eq!((&stored["status"], &stored["result"]), (&201.into(), &"created".into()));
        assert_eq!(stored["_index"], ".ds-logs-app-default-2026.11.21-000001");
        let again = apply(&mut store, true, name, "a", document);
        assert_eq!(
            (&again["status"], &again["error"]["type"]),
            (&409.into(), &"version_conflict_engine_exception".into())
        );
        assert_eq!((store.stored(), store.conflicts, store.numbers.seen()), (1, 1, 1));
        store.roll_over(name);
        let elsewhere = apply(&mut store, true, name, "a", document);
        assert_eq!(elsewhere["_index"], ".ds-logs-app-default-2026.11.21-000002");
        assert_eq!((store.numbers.extra(), store.messages(name)), (1, vec!["n=1".to_owned(); 2]));
    }

    #[test]
    fn what_cannot_be_stored_is_refused() {
        let (mut store, now) = (Store::default(), r#"{"@timestamp":"2026-11-21T18:03:02Z"}"#);
        for (create, index, source, kind, why) in [
            (false, "logs-a-b", now, "illegal_argument_exception", "op_type of create"),
            (true, "logs-a-b", "{}", "document_parsing_exception", "[@timestamp] is missing"),
            (true, "logs-a-b", r#"{"@timestamp":"now"}"#, "document_parsing_exception", "[@timestamp] of type [date]"),
            (true, "logs-a-b", r#"{"a":1,"a":1}"#, "document_parsing_exception", "failed to parse"),
            (true, "x", "[]", "document_parsing_exception", "failed to parse"),
            (true, "x", "", "document_parsing_exception", "failed to parse"),
            (true, "X", "{}", "invalid_index_name_exception", "lowercase"),
            (true, "a:b", "{}", "invalid_index_name_exception", "following characters"),
        ] {
            let item = apply(&mut store, create, index, "a", source);
            let error = (item["error"]["type"].as_str().unwrap(), item["error"]["reason"].as_str().unwrap());
            assert!(error.0 == kind && error.1.contains(why) && item["status"] == 400, "{source}: {item}");
        }
        assert_eq!(store.stored(), 0);
        assert_eq!(apply(&mut store, true, "logs-a-b", "a", now)["status"], 201, "no id is taken by what was refused");
        assert_eq!(apply(&mut store, false, "x", "a", "{}")["status"], 201);
    }

    #[test]
    fn as_the_test_decides() {
        let judge: Judge = Box::new(|item| match item.number {
            Some(1) => Verdict::Busy,
            Some(2) => Verdict::Unavailable,
            Some(3) => Verdict::Conflict,
            _ => Verdict::Store,
        });
        let mut store = Store { judge: Some(judge), ..Store::default() };
        for (number, status) in [(0, 201), (1, 429), (2, 503), (3, 400)] {
            let source = format!("{{\"n\":{number}}}");
            assert_eq!(apply(&mut store, true, "x", &number.to_string(), &source)["status"], status);
        }
        assert_eq!((store.numbers.seen(), store.refused.count(3)), (1, 1));
    }
}
