//! `filter_path`: which parts of an answer a client wants.

use serde_json::{Map, Value};

/// Comma-separated paths of field names, in which `*` stands for any characters of a name and `**` for any names.
pub fn filter(value: Value, paths: &str) -> Value {
    let paths: Vec<Vec<&str>> = paths.split(',').map(|path| path.split('.').collect()).collect();
    let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    kept(value, &paths).unwrap_or_else(|| Value::Object(Map::new()))
}

/// What remains of `value`, if anything does. An array is filtered as what is in it.
fn kept(value: Value, paths: &[&[&str]]) -> Option<Value> {
    if paths.iter().any(|path| matches!(path, [] | ["**"])) {
        return Some(value);
    }
    match value {
        Value::Object(fields) => {
            let kept = |(name, value): (String, Value)| kept(value, &below(&name, paths)).map(|value| (name, value));
            let fields: Map<String, _> = fields.into_iter().filter_map(kept).collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.into_iter().filter_map(|item| kept(item, paths)).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        _ => None,
    }
}

/// What the paths say of what a field of this name holds.
fn below<'a>(name: &str, paths: &[&'a [&'a str]]) -> Vec<&'a [&'a str]> {
    let mut below = vec![];
    for &path in paths {
        match path {
            ["**", rest @ ..] => {
                below.push(path);
                if let [first, rest @ ..] = rest
                    && like(name, first)
                {
                    below.push(rest);
                }
            }
            [first, rest @ ..] if like(name, first) => below.push(rest),
            _ => {}
        }
    }
    below
}

fn like(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, pattern)) => name
            .strip_prefix(start)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| like(rest, pattern)))),
    }
}

#[cfg(test)]
mod tests {
    use super::filter;
    use serde_json::json;

    #[test]
    fn answers_are_cut_down() {
        let answer = || {
            let stored = json!({"create": {"_id": "1", "status": 201, "_shards": {"total": 1}}});
            let refused = json!({"create": {"_id": "2", "status": 400, "error": {"type": "t", "reason": "r"}}});
            json!({"took": 3, "errors": true, "items": [stored, refused]})
        };
        for (paths, expected) in [
            ("took", json!({"took": 3})),
            (
                "items.*.status,took",
                json!({"took": 3, "items": [{"create": {"status": 201}}, {"create": {"status": 400}}]}),
            ),
            ("items.*.error", json!({"items": [{"create": {"error": {"type": "t", "reason": "r"}}}]})),
            ("items.*.error.type", json!({"items": [{"create": {"error": {"type": "t"}}}]})),
            ("**.reason", json!({"items": [{"create": {"error": {"reason": "r"}}}]})),
            ("it*.create._i*", json!({"items": [{"create": {"_id": "1"}}, {"create": {"_id": "2"}}]})),
            ("nothing", json!({})),
            ("*", answer()),
        ] {
            assert_eq!(filter(answer(), paths), expected, "{paths}");
        }
    }
}
