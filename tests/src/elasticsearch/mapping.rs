//! The mapping of an index, made of what comes in: a field that was a number or an object at first is none other later.
//! As the templates for `logs-*-*` have it: strings are keywords, and only `@timestamp` is a date.

use super::json;
use super::refusal::Refusal;
use super::time;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// `index.mapping.depth.limit`
const DEPTH: usize = 20;
/// `index.mapping.total_fields.limit`
const FIELDS: usize = 1000;
/// What only the server may say of a document.
const METADATA: [&str; 8] = ["_id", "_index", "_source", "_routing", "_field_names", "_ignored", "_seq_no", "_version"];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Object,
    Boolean,
    Long,
    Float,
    Keyword,
    Date,
}

/// What is known of the fields of an index, by their paths.
#[derive(Default)]
pub struct Mapping(HashMap<String, Kind>);

impl Mapping {
    /// Takes the document's fields in.
    ///
    /// # Errors
    /// If one does not fit; then none of them is taken.
    pub fn merge(&mut self, document: &Map<String, Value>) -> Result<(), Refusal> {
        if let Some(name) = document.keys().find(|name| METADATA.contains(&name.as_str())) {
            let said = format!(
                "Field [{name}] is a metadata field and cannot be added inside a document. Use the index API request \
                 parameters."
            );
            return Err(Refusal::document(format!("[1:2] {said}"), "mapper_parsing_exception", said));
        }
        let mut new = HashMap::new();
        self.object("", document, 1, &mut new)?;
        if self.0.len() + new.len() > FIELDS {
            let said = format!("Limit of total fields [{FIELDS}] has been exceeded");
            return Err(Refusal::document(format!("[1:2] {said}"), "illegal_argument_exception", said));
        }
        self.0.extend(new);
        Ok(())
    }

    fn object(
        &self,
        path: &str,
        fields: &Map<String, Value>,
        depth: usize,
        new: &mut HashMap<String, Kind>,
    ) -> Result<(), Refusal> {
        if depth > DEPTH {
            let said = format!("Limit of mapping depth [{DEPTH}] has been exceeded due to object field [{path}]");
            return Err(Refusal::document(format!("[1:2] {said}"), "illegal_argument_exception", said));
        }
        for (name, value) in fields {
            if name.trim().is_empty() || name.split('.').any(|part| part.trim().is_empty()) {
                let said =
                    format!("field name starting or ending with a [.] makes object resolution ambiguous: [{name}]");
                return Err(Refusal::document(format!("[1:2] {said}"), "illegal_argument_exception", said));
            }
            // A dot in a name is as good as an object around what is behind it.
            let mut full = path.to_owned();
            let mut parts = name.split('.').peekable();
            while let Some(part) = parts.next() {
                full = if full.is_empty() { part.into() } else { format!("{full}.{part}") };
                if parts.peek().is_some() {
                    self.expect(&full, Kind::Object, None, new)?;
                }
            }
            self.value(&full, value, depth, new)?;
        }
        Ok(())
    }

    fn value(&self, path: &str, value: &Value, depth: usize, new: &mut HashMap<String, Kind>) -> Result<(), Refusal> {
        let kind = match value {
            Value::Null => return Ok(()),
            Value::Array(items) => return items.iter().try_for_each(|item| self.value(path, item, depth, new)),
            Value::Object(fields) => {
                self.expect(path, Kind::Object, None, new)?;
                return self.object(path, fields, depth + 1, new);
            }
            _ if path == "@timestamp" => Kind::Date,
            Value::Bool(_) => Kind::Boolean,
            Value::Number(number) if number.is_f64() => Kind::Float,
            Value::Number(_) => Kind::Long,
            Value::String(_) => Kind::Keyword,
        };
        self.expect(path, kind, Some(value), new)
    }

    fn expect(
        &self,
        path: &str,
        kind: Kind,
        value: Option<&Value>,
        new: &mut HashMap<String, Kind>,
    ) -> Result<(), Refusal> {
        let Some(&known) = self.0.get(path).or_else(|| new.get(path)) else {
            if let (Kind::Date, Some(value)) = (kind, value) {
                date(path, value)?;
            }
            new.insert(path.into(), kind);
            return Ok(());
        };
        match (known, value) {
            (Kind::Object, None) => Ok(()),
            (Kind::Object, Some(_)) => Err(Refusal::document(
                format!(
                    "[1:2] object mapping for [{path}] tried to parse field [{path}] as object, but found a concrete value"
                ),
                "illegal_argument_exception",
                format!("object mapping for [{path}] found a concrete value"),
            )),
            (known, None) => Err(unfit(path, known, "{", "Expected text but found START_OBJECT".into())),
            (Kind::Date, Some(value)) => date(path, value),
            (known, Some(value)) if known.takes(value) => Ok(()),
            (known, Some(value)) => Err(unfit(path, known, &value.to_string(), format!("For input: {value}"))),
        }
    }
}

impl Kind {
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Keyword => true,
            Self::Boolean => value.is_boolean() || matches!(value.as_str(), Some("true" | "false" | "")),
            Self::Long | Self::Float => {
                value.is_number() || value.as_str().is_some_and(|text| text.trim().parse::<f64>().is_ok())
            }
            Self::Object | Self::Date => false,
        }
    }
}

fn date(path: &str, value: &Value) -> Result<(), Refusal> {
    let fits = value.as_i64().is_some() || value.as_str().is_some_and(time::is_date);
    let reason =
        || format!("failed to parse date field [{value}] with format [strict_date_optional_time||epoch_millis]");
    if fits { Ok(()) } else { Err(unfit(path, Kind::Date, json::token(value), reason())) }
}

fn unfit(path: &str, kind: Kind, preview: &str, cause: String) -> Refusal {
    let kind = format!("{kind:?}").to_lowercase();
    let reason = format!(
        "[1:2] failed to parse field [{path}] of type [{kind}] in document. Preview of field's value: '{preview}'"
    );
    Refusal::document(reason, "illegal_argument_exception", cause)
}

#[cfg(test)]
mod tests {
    use super::Mapping;
    use serde_json::{Value, json};

    fn refused(mapping: &mut Mapping, document: &Value) -> String {
        mapping.merge(document.as_object().unwrap()).map_or_else(|refusal| refusal.reason, |()| String::new())
    }

    #[test]
    fn what_a_field_was_it_stays() {
        let mut mapping = Mapping::default();
        let first = json!({"@timestamp": "2026-11-21T18:03:02.123456789Z", "n": 1, "s": "x", "o": {"a": 1}, "b": true});
        assert_eq!(refused(&mut mapping, &first), "");
        for (document, why) in [
            (json!({"n": 2.5, "s": 7, "b": "true", "o": null, "o.a": 3, "@timestamp": 17}), ""),
            (json!({"n": "x"}), "failed to parse field [n] of type [long]"),
            (json!({"n": {}}), "failed to parse field [n] of type [long]"),
            (json!({"o": 1}), "object mapping for [o] tried to parse field [o] as object"),
            (json!({"o": [{"a": "x"}]}), "failed to parse field [o.a] of type [long]"),
            (json!({"s.t": 1}), "failed to parse field [s] of type [keyword]"),
            (json!({"b": 1}), "failed to parse field [b] of type [boolean]"),
            (json!({"@timestamp": "yesterday"}), "failed to parse field [@timestamp] of type [date]"),
            (json!({"_id": 1}), "is a metadata field"),
            (json!({"": 1}), "ambiguous"),
            (json!({"x..y": 1}), "ambiguous"),
        ] {
            let said = refused(&mut mapping, &document);
            assert!(said.contains(why) && said.is_empty() == why.is_empty(), "{document}: {said}");
        }
    }

    #[test]
    fn a_document_that_is_refused_leaves_nothing() {
        let mut mapping = Mapping::default();
        assert!(refused(&mut mapping, &json!({"a": 1, "b": {"c": 1, "c.d": 1}})).contains("[b.c]"));
        assert_eq!(refused(&mut mapping, &json!({"a": "now a word"})), "");
    }

    #[test]
    fn not_too_deep_nor_too_wide() {
        let nested = |depth: usize| (0..depth).fold(json!(1), |value, _| json!({"x": value}));
        assert_eq!(refused(&mut Mapping::default(), &nested(20)), "");
        assert!(refused(&mut Mapping::default(), &nested(21)).contains("Limit of mapping depth [20]"));
        let wide = |width: usize| Value::Object((0..width).map(|n| (format!("f{n}"), json!(1))).collect());
        assert_eq!(refused(&mut Mapping::default(), &wide(1000)), "");
        assert!(refused(&mut Mapping::default(), &wide(1001)).contains("Limit of total fields [1000]"));
    }
}
