//! What a filter can ask of the request, and of the answer.

use crate::route::{Asked, Parts};
use httparse::Header;
use jaq_json::Val;
use serde_json::{Map, Value};
use std::rc::Rc;

/// All names, in the order in which they go to a worker.
pub const NAMES: [&str; 9] =
    ["$route", "$method", "$host", "$path", "$parts", "$query", "$headers", "$status", "$response_headers"];

/// Those that a filter names, as far as a look at its text tells: of what it does not, nothing has to be sent.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Used(u16);

impl Used {
    pub fn by(code: &str) -> Self {
        let is_name = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
        let names = |name: &str| code.match_indices(name).any(|(start, _)| is_name(&code[start + name.len()..]));
        let bits = NAMES.iter().enumerate().filter(|(_, name)| names(name));
        Self(bits.fold(0, |bits, (index, _)| bits | 1 << index))
    }

    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().enumerate().filter(move |(index, _)| self.0 & 1 << index != 0).map(|(_, name)| *name)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What goes to a worker: a JSON array of those that are used. `answer` is its status and its fields.
pub fn of(used: Used, route: &str, asked: &Asked, parts: &Parts, answer: Option<(u16, &Value)>) -> Vec<u8> {
    write(used, |name| match name {
        "$route" => route.into(),
        "$method" => asked.method.into(),
        "$host" => asked.host.into(),
        "$path" => asked.path.into(),
        "$parts" => object(parts.named.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))),
        "$query" => object(asked.pairs()),
        "$headers" => headers(asked.headers),
        "$status" => answer.map_or(Value::Null, |(status, _)| status.into()),
        _ => answer.map_or(Value::Null, |(_, headers)| headers.clone()),
    })
}

/// Header fields as filters see them: names in lower case; of those with the same name the last one.
pub fn headers(headers: &[Header]) -> Value {
    object(headers.iter().map(|header| (header.name.to_ascii_lowercase(), header.value)))
}

fn object(fields: impl Iterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Value::Object(fields.map(|(name, value)| (text(name.as_ref()), text(value.as_ref()).into())).collect::<Map<_, _>>())
}

fn write(used: Used, value: impl FnMut(&'static str) -> Value) -> Vec<u8> {
    if used.is_empty() {
        return vec![];
    }
    Value::Array(used.names().map(value).collect()).to_string().into_bytes()
}

/// What came from the proxy, which is no stranger.
pub fn read(variables: &[u8]) -> Vec<Val> {
    match jaq_json::read::parse_single(variables) {
        Ok(Val::Arr(values)) => Rc::unwrap_or_clone(values),
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_filter_names_is_sent() {
        let used = Used::by(".a + $status | {path: $paths, route: $route}");
        assert_eq!(used.names().collect::<Vec<_>>(), ["$route", "$status"]);
        let sent = write(used, |name| if name == "$status" { 404.into() } else { "users\u{1}".into() });
        assert_eq!(sent, b"[\"users\\u0001\",404]");
        let read: Vec<_> = read(&sent).iter().map(ToString::to_string).collect();
        assert_eq!(read, ["\"users\\u0001\"", "404"]);
        assert_eq!(write(Used::by(".$foo | .path"), |_| Value::Null), b"");
    }
}
