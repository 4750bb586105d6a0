//! Whether a text is a JSON object that can be taken over as it is, and what is in it at the top. Nothing is copied and
//! no number is read: RFC 8259 says what is well-formed, and the sink what it means.

use crate::encode::escape::special;
use std::ops::Range;
use wide::u8x16;

/// Objects and arrays may be nested so deep.
const MAX_DEPTH: u32 = 128;
/// Up to so many members, a key that may have been there is looked for at once.
const FEW: usize = 64;

/// Finds the members of objects. Its memory is used again for each.
#[derive(Default)]
pub struct Scan {
    /// At the top, in order
    pub members: Vec<Member>,
    /// Of the keys of all objects that are being scanned
    hashes: Vec<u64>,
}

/// Places in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Between the quotes, as it is written
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// A text that is one JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What is between the braces
    pub inner: Range<usize>,
    /// Whether a key may be there twice in an object, because they look alike, or are escaped
    pub odd: bool,
}

impl Scan {
    /// Gives back memory for more than so many members.
    pub fn forget(&mut self, many: usize) {
        self.members.clear();
        self.members.shrink_to(many);
        self.hashes.shrink_to(many);
    }

    /// Scans a whole text, which may have space around the object. None if it is not just that, well-formed, and not
    /// nested too deep.
    pub fn object(&mut self, text: &str) -> Option<Object> {
        self.members.clear();
        self.hashes.clear();
        let mut cursor = Cursor { bytes: text.as_bytes(), at: 0, odd: false, hashes: &mut self.hashes };
        cursor.space();
        let start = cursor.at + 1;
        cursor.object(0, Some(&mut self.members))?;
        let end = cursor.at - 1;
        cursor.space();
        (cursor.at == text.len()).then_some(Object { inner: start..end, odd: cursor.odd })
    }
}

/// The items of an array that has been scanned.
pub fn items(array: &str) -> Vec<&str> {
    let mut cursor = Cursor { bytes: array.as_bytes(), at: 0, odd: false, hashes: &mut vec![] };
    let mut items = vec![];
    cursor.items(0, |range| items.push(&array[range]));
    items
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    odd: bool,
    hashes: &'a mut Vec<u64>,
}

impl Cursor<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: u32) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' => self.object(depth, None),
            b'[' => self.items(depth, drop),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn object(&mut self, depth: u32, mut members: Option<&mut Vec<Member>>) -> Option<()> {
        self.take(b'{')?;
        (depth < MAX_DEPTH).then_some(())?;
        let base = self.hashes.len();
        let mut seen = 0_u64;
        self.space();
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let (key, escaped) = self.string()?;
            let hash = hash(&self.bytes[key.clone()]);
            let bit = 1 << (hash >> 58);
            let few = self.hashes.len() - base < FEW;
            self.odd |= escaped || (few && seen & bit != 0 && self.hashes[base..].contains(&hash));
            seen |= bit;
            self.hashes.push(hash);
            self.space();
            self.take(b':')?;
            self.space();
            let start = self.at;
            self.value(depth + 1)?;
            if let Some(members) = &mut members {
                members.push(Member { key, value: start..self.at });
            }
            self.space();
            if self.take(b',').is_none() {
                break;
            }
            self.space();
        }
        self.take(b'}')?;
        if self.hashes.len() - base > FEW {
            let hashes = &mut self.hashes[base..];
            hashes.sort_unstable();
            self.odd |= hashes.windows(2).any(|pair| pair[0] == pair[1]);
        }
        self.hashes.truncate(base);
        Some(())
    }

    fn items(&mut self, depth: u32, mut item: impl FnMut(Range<usize>)) -> Option<()> {
        self.take(b'[')?;
        (depth < MAX_DEPTH).then_some(())?;
        self.space();
        if self.take(b']').is_some() {
            return Some(());
        }
        loop {
            let start = self.at;
            self.value(depth + 1)?;
            item(start..self.at);
            self.space();
            if self.take(b',').is_none() {
                return self.take(b']');
            }
            self.space();
        }
    }

    /// What is between the quotes, and whether there is an escape in it.
    #[inline]
    fn string(&mut self) -> Option<(Range<usize>, bool)> {
        self.take(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            while let Some(block) = self.bytes[self.at..].first_chunk::<16>() {
                let special = special(u8x16::new(*block));
                if special != 0 {
                    self.at += special.trailing_zeros() as usize;
                    break;
                }
                self.at += 16;
            }
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    self.escape()?;
                    escaped = true;
                }
                0..b' ' => return None,
                _ => self.at += 1, // there was no whole block
            }
        }
        self.at += 1;
        Some((start..self.at - 1, escaped))
    }

    fn escape(&mut self) -> Option<()> {
        let length = match self.bytes.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
            b'u' => {
                let digits = self.bytes.get(self.at + 2..self.at + 6)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(6)?
            }
            _ => return None,
        };
        self.at += length;
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// Equal for equal keys, and hardly ever for others; those are compared then.
#[inline]
fn hash(key: &[u8]) -> u64 {
    let (first, last) = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (key.first_chunk::<4>(), key.last_chunk::<4>()) {
            (Some(first), Some(last)) => (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()),
            _ => (key.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), 0),
        },
    };
    let mixed = (first ^ last.rotate_left(29) ^ key.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

#[cfg(test)]
mod tests {
    use super::{FEW, Scan, items};
    use proptest::prelude::*;
    use serde_json::value::RawValue;
    use std::collections::HashMap;

    /// What serde makes of a text at the top, without the last one of equal keys.
    fn by_serde(text: &str) -> Option<HashMap<String, Box<RawValue>>> {
        serde_json::from_str(text).ok()
    }

    fn agrees(text: &str) {
        let mut scan = Scan::default();
        let found = scan.object(text);
        // Deeper or shallower by one makes no difference to anyone, and serde refuses halves of surrogate pairs in keys.
        let Some(expected) = by_serde(text) else {
            assert!(found.is_none() || text.contains("\\u"), "{text}");
            return;
        };
        let found = found.unwrap_or_else(|| panic!("{text} is an object"));
        if !found.odd {
            assert_eq!(scan.members.len(), expected.len(), "{text}");
            for member in &scan.members {
                assert_eq!(expected[&text[member.key.clone()]].get(), &text[member.value.clone()]);
            }
        }
    }

    #[test]
    fn what_is_one_and_what_is_not() {
        let deep = |depth| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        for fine in
            [r"{}", r#" { "a" : 1 , "b":[ ],"c":{} } "#, r#"{"a":-0.5e+7,"b":[true,false,null,"x"]}"#, &deep(127)]
        {
            assert!(Scan::default().object(fine).is_some(), "{fine}");
            agrees(fine);
        }
        for wrong in [
            "",
            "1",
            "[]",
            "null",
            "{",
            "{}}",
            "{} {}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{,"a":1}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":.5}"#,
            r#"{"a":+1}"#,
            r#"{"a":1e}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u12g4"}"#,
            r#"{"a":tru}"#,
            r#"{"a":NaN}"#,
            r"{'a':1}",
            r#"{"a":[1,]}"#,
            r#"{"a":"b"#,
            r#"{"a":-}"#,
            &deep(128),
            &deep(100_000),
        ] {
            assert!(Scan::default().object(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn keys_that_are_there_twice() {
        let odd = |text: &str| Scan::default().object(text).unwrap().odd;
        assert!(!odd(r#"{"a":1,"b":{"a":1},"ab":[{"a":1},{"a":2}]}"#));
        assert!(odd(r#"{"a":1,"b":2,"a":3}"#));
        assert!(odd(r#"{"b":[{"c":{"a":1,"a":2}}]}"#));
        assert!(odd(r#"{"\u0061":1}"#));
        let many = |count: usize| (0..count).map(|key| format!("\"k{key}\":{{\"x\":1}},")).collect::<Vec<_>>().concat();
        for count in [FEW - 2, FEW, 10 * FEW] {
            assert!(!odd(&format!("{{{}\"x\":2}}", many(count))), "{count}");
            assert!(odd(&format!("{{{}\"k3\":2}}", many(count))), "{count}");
        }
    }

    #[test]
    fn arrays() {
        assert_eq!(items(r#"[ 1,"a, b" , [2,3],{}]"#), ["1", "\"a, b\"", "[2,3]", "{}"]);
        assert!(items("[ ]").is_empty());
    }

    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<f64>().prop_map(|number| serde_json::json!(number).to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            ".{0,40}".prop_map(|text| serde_json::json!(text).to_string()),
        ];
        leaf.prop_recursive(5, 50, 8, |inner| {
            let key = prop_oneof!["[a-c]{0,2}", ".{0,20}"].prop_map(|key| serde_json::json!(key).to_string());
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(|items| format!("[{}]", items.join(", "))),
                proptest::collection::vec((key, inner), 0..8).prop_map(|members| {
                    let members: Vec<_> = members.iter().map(|(key, value)| format!("{key} :{value}")).collect();
                    format!("{{ {} }}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn as_serde_does(text in value()) {
            agrees(&text);
        }

        #[test]
        fn broken_as_for_serde(text in value(), at in any::<prop::sample::Index>(), with in "[\"\\\\{}\\[\\],:0-9e.\\- tu]{0,2}") {
            let mut broken: Vec<char> = text.chars().collect();
            let at = at.index(broken.len());
            broken.splice(at..=at, with.chars());
            agrees(&broken.iter().collect::<String>());
        }
    }
}
