//! JSON as Elasticsearch reads it: UTF-8 only, and no key twice in an object.

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt::{self, Formatter};

/// The one value that `text` is.
///
/// # Errors
/// What is wrong with it, as the server would say.
pub fn parse(text: &[u8]) -> Result<Value, String> {
    let text = str::from_utf8(text).map_err(|error| {
        let byte = text.get(error.valid_up_to()).copied().unwrap_or_default();
        format!("[1:{}] Invalid UTF-8 start byte 0x{byte:02x}", error.valid_up_to() + 1)
    })?;
    let text = &*paired(text);
    let mut reader = serde_json::Deserializer::from_str(text);
    let said = |error: serde_json::Error| format!("[{}:{}] {error}", error.line(), error.column());
    let value = Strict.deserialize(&mut reader).map_err(said)?;
    reader.end().map_err(said)?;
    Ok(value)
}

/// Escaped halves of surrogate pairs stand for nothing, but Jackson takes them.
fn paired(text: &str) -> Cow<'_, str> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut paired, mut done, mut at) = (String::new(), 0, 0);
    while let Some(found) = text[at..].find('\\') {
        at += found;
        match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                paired += &text[done..at];
                paired += "\\ufffd";
                at += 6;
                done = at;
            }
            _ => at += text[at..].chars().take(2).map(char::len_utf8).sum::<usize>(),
        }
    }
    if done == 0 { text.into() } else { (paired + &text[done..]).into() }
}

/// What the parser of Elasticsearch calls what it found.
pub fn token(value: &Value) -> &'static str {
    match value {
        Value::Null => "VALUE_NULL",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Number(_) => "VALUE_NUMBER",
        Value::String(_) => "VALUE_STRING",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = vec![];
        while let Some(item) = items.next_element_seed(Strict)? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("Duplicate field '{name}'")));
            }
            let value = fields.next_value_seed(Strict)?;
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_json_is_json() {
        assert_eq!(parse(br#"{"a":[1,-1,1.5,null,true,"\u00e4"]}"#).unwrap()["a"][5], "ä");
        let halves = parse(br#"{"a":"\ud83d\ude00 \ud83d \\ud83d \udc00\ud83d"}"#).unwrap();
        assert_eq!(halves["a"], "\u{1f600} \u{fffd} \\ud83d \u{fffd}\u{fffd}");
        for (wrong, why) in [
            (&b"{\"a\":1,\"a\":2}"[..], "Duplicate field 'a'"),
            (b"{\"b\":[{\"a\":1,\"\\u0061\":2}]}", "Duplicate field 'a'"),
            (b"{\"a\":\"\xff\"}", "[1:7] Invalid UTF-8 start byte 0xff"),
            (b"{\"a\":\"\x00\"}", "control character"),
            (b"{\"a\":\"\\ud8\"}", "escape"),
            (b"{} {}", "trailing characters"),
            (b"{'a':1}", "key must be a string"),
            (b"{\"a\":01}", "invalid number"),
            (b"", "EOF"),
        ] {
            let said = parse(wrong).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
