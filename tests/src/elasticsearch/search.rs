//! `_search` without a query: what an index has, in the order of arrival.

use super::filter::filter;
use super::http::{Answer, Head};
use super::refusal::Refusal;
use super::store::Store;
use serde_json::{Value, json};

/// What may be asked.
const PARAMETERS: [&str; 3] = ["_source", "filter_path", "size"];

pub fn search(store: &Store, index: &str, head: &Head) -> Result<Answer, Refusal> {
    if let Some((unknown, _)) = head.query.iter().find(|(name, _)| !PARAMETERS.contains(&name.as_str())) {
        let reason = format!("request [{}] contains unrecognized parameter: [{unknown}]", head.path);
        return Err(Refusal::new(400, "illegal_argument_exception", reason));
    }
    let Some(found) = store.indices.get(index) else {
        return Err(Refusal::new(404, "index_not_found_exception", format!("no such index [{index}]")));
    };
    let size = head.query("size").map_or(Ok(10), str::parse).map_err(|_| {
        Refusal::new(400, "illegal_argument_exception", "Failed to parse int parameter [size]".to_owned())
    })?;
    let hits: Vec<Value> = found
        .documents
        .iter()
        .take(size)
        .map(|document| {
            let source = match head.query("_source") {
                Some(fields) => filter(document.value(), fields),
                None => document.value(),
            };
            json!({"_index": index, "_id": document.id, "_score": 1.0, "_source": source})
        })
        .collect();
    let total = json!({"value": found.stored, "relation": "eq"});
    let body = json!({"took": 1, "timed_out": false, "hits": {"total": total, "max_score": 1.0, "hits": hits}});
    Ok(Answer::json(
        200,
        &match head.query("filter_path") {
            Some(paths) => filter(body, paths),
            None => body,
        },
    ))
}
