//! Objects that cannot be taken over as they are: keys that are there twice, and fields that are to be left out, renamed
//! or masked. What is not concerned is copied as it is written, numbers as well.

use super::scan::{Member, Scan, items};
use crate::config::{Input, Mask};
use crate::encode::escape::Escape;
use crate::encode::shape::is_within;
use regex::bytes::NoExpand;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What is to be done with fields. A name is a path, `user.password` for one within another; it does not matter whether
/// that is how the key is written, and arrays on the way do not count.
pub struct Changes<'a> {
    drop: &'a [String],
    rename: &'a BTreeMap<String, String>,
    mask: &'a [Mask],
}

impl<'a> Changes<'a> {
    pub fn of(input: &'a Input) -> Self {
        Self { drop: &input.drop, rename: &input.rename, mask: &input.mask }
    }

    pub fn is_none(&self) -> bool {
        self.drop.is_empty() && self.rename.is_empty() && self.mask.is_empty()
    }

    /// Writes an object anew, in which each key is there once: with the last of its values. There is nothing in `out`.
    pub fn apply(&self, object: &str, escape: &mut Escape, out: &mut Vec<u8>) {
        let mut rewrite = Rewrite { changes: self, escape, path: String::new(), out, renamed: vec![], arrays: 0 };
        rewrite.object(object);
        let Rewrite { escape, out, renamed, .. } = rewrite;
        if renamed.is_empty() {
            return;
        }
        // A new name that is there already stays the one of whom it was; the field keeps its old one.
        let text = String::from_utf8_lossy(out).into_owned();
        let mut names: HashSet<String> = members(&text).into_iter().map(|(key, _)| key.into_owned()).collect();
        out.pop();
        for (path, new, value) in renamed {
            let name = if names.contains(new) { path } else { new.to_owned() };
            if names.insert(name.clone()) {
                out.extend((names.len() > 1).then_some(b','));
                escape.string(out, name.as_bytes());
                out.push(b':');
                out.extend_from_slice(&value);
            }
        }
        out.push(b'}');
    }

    fn drops(&self, path: &str) -> bool {
        self.drop.iter().any(|dropped| dropped == path)
    }

    fn masks(&self, path: &str) -> impl Iterator<Item = &'a Mask> {
        let concerns = move |field: &str| field == path || is_within(path, field);
        self.mask.iter().filter(move |mask| mask.field.as_deref().is_none_or(concerns))
    }
}

struct Rewrite<'a> {
    changes: &'a Changes<'a>,
    escape: &'a mut Escape,
    path: String,
    out: &'a mut Vec<u8>,
    /// The path, the new name, and the value
    renamed: Vec<(String, &'a str, Vec<u8>)>,
    /// In how many arrays this is: a name for what is there many times would be there many times
    arrays: usize,
}

impl Rewrite<'_> {
    fn object(&mut self, object: &str) {
        self.out.push(b'{');
        let (before, mut first) = (self.path.len(), true);
        for (key, value) in members(object) {
            if before > 0 {
                self.path.push('.');
            }
            self.path += &key;
            let new = self.changes.rename.get(&self.path).filter(|_| self.arrays == 0);
            if let Some(new) = new {
                let start = self.out.len();
                self.value(value);
                let value = self.out.split_off(start);
                self.renamed.push((self.path.clone(), new, value));
            } else if !self.changes.drops(&self.path) {
                self.out.extend((!first).then_some(b','));
                first = false;
                self.escape.string(self.out, key.as_bytes());
                self.out.push(b':');
                self.value(value);
            }
            self.path.truncate(before);
        }
        self.out.push(b'}');
    }

    fn value(&mut self, value: &str) {
        match value.as_bytes().first() {
            Some(b'{') => self.object(value),
            Some(b'[') => {
                self.out.push(b'[');
                self.arrays += 1;
                for (at, item) in items(value).into_iter().enumerate() {
                    self.out.extend((at > 0).then_some(b','));
                    self.value(item);
                }
                self.arrays -= 1;
                self.out.push(b']');
            }
            _ if self.changes.masks(&self.path).next().is_none() => self.out.extend_from_slice(value.as_bytes()),
            _ => self.scalar(value),
        }
    }

    /// What a mask matches becomes a text, whatever it was.
    fn scalar(&mut self, value: &str) {
        let text = if value.starts_with('"') { unescaped(&value[1..value.len() - 1]) } else { value.into() };
        match masked(text.as_bytes(), self.changes.masks(&self.path)) {
            Cow::Borrowed(_) => self.out.extend_from_slice(value.as_bytes()),
            Cow::Owned(masked) => self.escape.string(self.out, &masked),
        }
    }
}

/// What a text is with all that those masks match replaced; borrowed if that is nothing.
pub fn masked<'t, 'm>(text: &'t [u8], masks: impl Iterator<Item = &'m Mask>) -> Cow<'t, [u8]> {
    masks.fold(Cow::Borrowed(text), |text, mask| {
        match mask.pattern.0.replace_all(&text, NoExpand(mask.with.as_bytes())) {
            Cow::Borrowed(_) => text,
            Cow::Owned(masked) => Cow::Owned(masked),
        }
    })
}

/// The members of an object that has been scanned, of each key the last one.
fn members(object: &str) -> Vec<(Cow<'_, str>, &str)> {
    let mut scan = Scan::default();
    let found = scan.object(object);
    let pair = |member: &Member| (unescaped(&object[member.key.clone()]), &object[member.value.clone()]);
    if !found.is_some_and(|object| object.odd) {
        return scan.members.iter().map(pair).collect();
    }
    let mut places: HashMap<Cow<str>, usize> = HashMap::new();
    let mut members: Vec<(Cow<str>, &str)> = vec![];
    for (key, value) in scan.members.iter().map(pair) {
        if let Some(place) = places.get(&key) {
            members[*place].1 = value;
        } else {
            places.insert(key.clone(), members.len());
            members.push((key, value));
        }
    }
    members
}

/// What is meant by what is between the quotes of a string; half of a pair of surrogates is U+FFFD.
pub fn unescaped(inner: &str) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let quoted = format!("\"{inner}\"");
    serde_json::from_str(&quoted).map_or_else(|_| Cow::Owned(without_surrogates(inner)), Cow::Owned)
}

fn without_surrogates(inner: &str) -> String {
    let mut units: Vec<u16> = vec![];
    let mut rest = inner.chars();
    while let Some(character) = rest.next() {
        let escape = if character == '\\' { rest.next() } else { None };
        let meant = match escape {
            Some('u') => {
                let digits: String = rest.by_ref().take(4).collect();
                units.push(u16::from_str_radix(&digits, 16).unwrap_or(0xFFFD));
                continue;
            }
            Some('b') => '\u{8}',
            Some('f') => '\u{C}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(other) => other,
            None => character,
        };
        units.extend_from_slice(meant.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::{Changes, unescaped};
    use crate::config::Input;
    use crate::encode::escape::Escape;

    fn changed(settings: &str, object: &str) -> String {
        let input: Input = serde_json::from_str(&format!(r#"{{"files":["-"]{settings}}}"#)).unwrap();
        let mut out = vec![];
        Changes::of(&input).apply(object, &mut Escape::default(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_last_of_equal_keys() {
        assert_eq!(changed("", r#"{"a":1.0,"b":[{"x":1,"x":2}],"\u0061":1e400}"#), r#"{"a":1e400,"b":[{"x":2}]}"#);
        assert_eq!(changed("", r#"{"\ud800":1,"a\"b":"\ud800"}"#), "{\"\u{FFFD}\":1,\"a\\\"b\":\"\\ud800\"}");
    }

    #[test]
    fn left_out() {
        let settings = r#","drop":["a","user.password","list.secret"]"#;
        let object = r#"{"a":{"b":1},"user":{"name":"x","password":"y"},"user.password":1,"list":[{"secret":1},[{"secret":2}]],"b":0}"#;
        assert_eq!(changed(settings, object), r#"{"user":{"name":"x"},"list":[{},[{}]],"b":0}"#);
        assert_eq!(changed(settings, r#"{"a":1}"#), "{}");
    }

    #[test]
    fn renamed() {
        let settings = r#","rename":{"msg":"message","a.b":"c","x":"y","y":"x"}"#;
        assert_eq!(changed(settings, r#"{"msg":"m","a":{"b":[1.50]}}"#), r#"{"a":{},"message":"m","c":[1.50]}"#);
        assert_eq!(changed(settings, r#"{"msg":"m","message":"there"}"#), r#"{"message":"there","msg":"m"}"#);
        assert_eq!(changed(settings, r#"{"x":1,"y":2}"#), r#"{"y":1,"x":2}"#);
        assert_eq!(changed(settings, r#"{"msg":1}"#), r#"{"message":1}"#);
        assert_eq!(changed(settings, r#"{"l":[{"msg":1}]}"#), r#"{"l":[{"msg":1}]}"#);
    }

    #[test]
    fn masked() {
        let everywhere = r#","mask":[{"pattern":"[0-9]{4,}"}]"#;
        let object = r#"{"card":12345678,"text":"pay \u0031234 now","ok":"12","list":["4711",{"x":true}]}"#;
        assert_eq!(
            changed(everywhere, object),
            r#"{"card":"***","text":"pay *** now","ok":"12","list":["***",{"x":true}]}"#
        );
        let field = r#","mask":[{"field":"user.password","pattern":"^.*$","with":"$0"}]"#;
        let object = r#"{"user":{"password":"x","name":"y"},"password":"z"}"#;
        assert_eq!(changed(field, object), r#"{"user":{"password":"$0","name":"y"},"password":"z"}"#);
        let below = r#"{"user":{"password":{"old":["a",1]}}}"#;
        assert_eq!(changed(field, below), r#"{"user":{"password":{"old":["$0","$0"]}}}"#);
    }

    #[test]
    fn what_is_meant() {
        assert_eq!(unescaped(r#"a\n\"\u00e9\ud83d\ude00"#), "a\n\"é😀");
        assert_eq!(unescaped(r"\ud83dx\\\t"), "\u{FFFD}x\\\t");
    }
}
