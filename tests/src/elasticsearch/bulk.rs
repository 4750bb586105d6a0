//! The body of a `_bulk` request: an action line and a document line for each document, as `BulkRequestParser` of
//! Elasticsearch wants them.

use super::json;
use super::refusal::Refusal;
use serde_json::Value;

/// One document to be stored.
#[derive(Debug)]
pub struct Action<'a> {
    /// `create` is for a new document only, `index` replaces one
    pub create: bool,
    pub index: String,
    pub id: Option<String>,
    /// One line, without its end
    pub source: &'a [u8],
}

/// What an action line may have beside the index and the id.
const OTHERS: [&str; 10] = [
    "dynamic_templates",
    "if_primary_term",
    "if_seq_no",
    "list_executed_pipelines",
    "pipeline",
    "require_alias",
    "require_data_stream",
    "routing",
    "version",
    "version_type",
];

/// # Errors
/// What is wrong with the request as a whole: nothing of it is stored, then.
pub fn parse<'a>(body: &'a [u8], index: Option<&str>) -> Result<Vec<Action<'a>>, Refusal> {
    if body.is_empty() {
        return Err(Refusal::new(400, "parse_exception", "request body is required"));
    }
    let Some(body) = body.strip_suffix(b"\n") else {
        return Err(illegal("The bulk request must be terminated by a newline [\\n]"));
    };
    let mut lines = body.split(|&byte| byte == b'\n').zip(1..);
    let mut actions = vec![];
    let mut invalid = vec![];
    while let Some((line, number)) = lines.next() {
        let mut action = action(line, number, index)?;
        // The real server would drop the action, and answer for one item less.
        let Some((source, _)) = lines.next() else {
            return Err(illegal(format!("Action/metadata line [{number}] has no document")));
        };
        action.source = source;
        invalid.extend(complaint(&action));
        actions.push(action);
    }
    if invalid.is_empty() {
        return Ok(actions);
    }
    let invalid = invalid.iter().zip(1..).map(|(what, number)| format!(" {number}: {what};"));
    let reason = format!("Validation Failed:{}", invalid.collect::<String>());
    Err(Refusal::new(400, "action_request_validation_exception", reason))
}

fn action<'a>(line: &[u8], number: u64, index: Option<&str>) -> Result<Action<'a>, Refusal> {
    let malformed = |what: String| illegal(format!("Malformed action/metadata line [{number}], expected {what}"));
    let parsed = json::parse(line).map_err(|reason| Refusal::new(400, "x_content_parse_exception", reason))?;
    let Value::Object(parsed) = parsed else {
        return Err(malformed(format!("START_OBJECT but found [{}]", json::token(&parsed))));
    };
    let mut fields = parsed.into_iter();
    let (Some((kind, of)), rest) = (fields.next(), fields.next()) else {
        return Err(malformed("FIELD_NAME but found [END_OBJECT]".into()));
    };
    if !matches!(kind.as_str(), "create" | "index") {
        // `delete` and `update` are for servers of which more is wanted than logs.
        return Err(malformed(format!("field [create], [delete], [index] or [update] but found [{kind}]")));
    }
    if rest.is_some() {
        return Err(malformed("END_OBJECT but found [FIELD_NAME]".into()));
    }
    let Value::Object(of) = of else {
        return Err(malformed(format!("START_OBJECT or END_OBJECT but found [{}]", json::token(&of))));
    };
    let index = index.unwrap_or_default().to_owned();
    let mut action = Action { create: kind == "create", index, id: None, source: &[] };
    for (name, value) in of {
        match (name.as_str(), value) {
            ("_index", Value::String(index)) => action.index = index,
            ("_id", Value::String(id)) => action.id = Some(id),
            (name @ ("_index" | "_id"), value) => {
                let found = json::token(&value);
                return Err(malformed(format!("a simple value for field [{name}] but found [{found}]")));
            }
            (name, _) if OTHERS.contains(&name) => {}
            (name, _) => {
                return Err(illegal(format!("Action/metadata line [{number}] contains an unknown parameter [{name}]")));
            }
        }
    }
    Ok(action)
}

/// What `validate` of `IndexRequest` finds wrong.
fn complaint(action: &Action) -> Option<String> {
    match action.id.as_ref().map_or(1, String::len) {
        _ if action.index.is_empty() => Some("index is missing".into()),
        0 => Some("if _id is specified it must not be empty".into()),
        1..=512 => None,
        length => {
            let id = action.id.as_deref().unwrap_or_default();
            Some(format!("id [{id}] is too long, must be no longer than 512 bytes but was: {length}"))
        }
    }
}

fn illegal(reason: impl Into<String>) -> Refusal {
    Refusal::new(400, "illegal_argument_exception", reason)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn actions_and_documents() {
        let body = b"{\"create\":{\"_id\":\"1\"}}\n{}\n{\"index\":{\"_index\":\"other\"}}\n\xff\n{\"create\":{}}\n\n";
        let actions = parse(body, Some("logs")).unwrap();
        let seen: Vec<_> = actions.iter().map(|a| (a.create, a.index.as_str(), a.id.as_deref(), a.source)).collect();
        let expected: [(bool, &str, Option<&str>, &[u8]); 3] =
            [(true, "logs", Some("1"), b"{}"), (false, "other", None, b"\xff"), (true, "logs", None, b"")];
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let long = format!("{{\"create\":{{\"_id\":\"{}\"}}}}\n{{}}\n", "x".repeat(513));
        for (body, why) in [
            ("", "request body is required"),
            ("{\"create\":{}}\n{}", "must be terminated by a newline [\\n]"),
            ("{\"create\":{}}\n", "line [1] has no document"),
            ("[]\n{}\n", "line [1], expected START_OBJECT but found [START_ARRAY]"),
            ("{}\n{}\n", "expected FIELD_NAME but found [END_OBJECT]"),
            ("{\"create\":{}}\n{}\n{\"upsert\":{}}\n{}\n", "line [3], expected field [create]"),
            ("{\"create\":null}\n{}\n", "expected START_OBJECT or END_OBJECT but found [VALUE_NULL]"),
            ("{\"create\":{},\"index\":{}}\n{}\n", "expected END_OBJECT but found [FIELD_NAME]"),
            ("{\"create\":{\"_typ\":\"x\"}}\n{}\n", "line [1] contains an unknown parameter [_typ]"),
            ("{\"create\":{\"_id\":7}}\n{}\n", "a simple value for field [_id] but found [VALUE_NUMBER]"),
            ("{\"create\":{\"_id\":\"\"}}\n{}\n", "Validation Failed: 1: if _id is specified it must not be empty;"),
            ("{\"create\":{\"_id\":\"1\",\"_id\":\"2\"}}\n{}\n", "Duplicate field '_id'"),
            ("nonsense\n{}\n", "expected ident"),
            ("\n{\"create\":{}}\n{}\n", "EOF"),
            (&long, "must be no longer than 512 bytes but was: 513"),
        ] {
            let refusal = parse(body.as_bytes(), Some("logs")).unwrap_err();
            assert!(refusal.reason.contains(why), "{}", refusal.reason);
        }
        assert!(parse(b"{\"create\":{}}\n{}\n", None).unwrap_err().reason.contains("1: index is missing;"));
    }
}
