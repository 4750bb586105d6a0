//! Any bytes as a line of a JSON log: what comes of it is a document that Elasticsearch takes. It is one line and one
//! object, no key is in it twice, and it has a time. What is an object is shipped as one.
//!
//! The first byte chooses what else is done to it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use log_shipper::batch::Batch;
use log_shipper::config::{Input, Kubernetes as Podinfo, Output, Stdout};
use log_shipper::encode::Encoder;
use log_shipper::encode::kubernetes::Kubernetes;
use log_shipper::encode::time::Time;
use log_shipper::event::{Event, Stream};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

const HOW: [&str; 6] = [
    "",
    r#","time":"ts""#,
    r#","fields":{"service":"s","a.b":"c"}"#,
    r#","drop":["a","b.c"]"#,
    r#","rename":{"a":"message","b.c":"@timestamp","d":"log"}"#,
    r#","mask":[{"pattern":"[0-9]+"},{"field":"b","pattern":"x","with":"\"y"}],"drop":["d"],"rename":{"a":"b"}"#,
];

fuzz_target!(|bytes: &[u8]| {
    let Some((how, text)) = bytes.split_first() else { return };
    let how = HOW[usize::from(*how) % HOW.len()];
    let input: Input = serde_json::from_str(&format!(r#"{{"files":["/x"],"decode":"json"{how}}}"#)).expect("settings");
    let output = Output::Stdout(Stdout { raw: false });
    let mut encoder = Encoder::new(&output, std::slice::from_ref(&input), [7; 16]).expect("settings");
    let shape = encoder.shape(0, "/x".as_ref(), &Kubernetes::new(&Podinfo::default()));
    let event = Event { text, stream: Some(Stream::Stdout), ..Event::default() };
    let mut batch = Batch::default();
    assert!(encoder.encode(&event, &shape, &mut batch));
    let document = String::from_utf8(batch.body).expect("UTF-8, whatever the line is");
    let line = document.strip_suffix('\n').expect("its end");
    assert!(!line.contains(['\n', '\r']), "{line:?}");
    let members = object(line);
    let time: String = serde_json::from_str(members[b"@timestamp".as_slice()].get()).expect("a text");
    assert!(Time::parse(time.as_bytes()).is_some_and(|written| written.strict), "{time} in {line}");
    if how.is_empty() && serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(text).is_ok() && is_flat(text) {
        assert!(!line.contains("not-json"), "{line}");
    }
});

/// Nesting has a limit, and it is not serde's.
fn is_flat(text: &[u8]) -> bool {
    text.iter().filter(|byte| b"{[".contains(byte)).count() < 100 && !String::from_utf8_lossy(text).contains("not-json")
}

/// The members of an object, all the way down.
fn object(text: &str) -> BTreeMap<Vec<u8>, Box<RawValue>> {
    let Members(members) = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    members.values().for_each(|value| check(value.get()));
    members
}

fn check(value: &str) {
    match value.as_bytes().first() {
        Some(b'{') => drop(object(value)),
        Some(b'[') => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(value).expect("an array");
            items.iter().for_each(|item| check(item.get()));
        }
        _ => {}
    }
}

/// By their keys, each of which is there once. A key may have half of a surrogate pair in it, as no `String` has.
struct Members(BTreeMap<Vec<u8>, Box<RawValue>>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let (mut members, mut seen) = (BTreeMap::new(), HashSet::new());
                while let Some((Key(key), value)) = map.next_entry::<Key, Box<RawValue>>()? {
                    assert!(seen.insert(key.clone()), "{} is there twice", String::from_utf8_lossy(&key));
                    members.insert(key, value);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Each)
    }
}

struct Key(Vec<u8>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Key, E> {
                Ok(Key(bytes.to_vec()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key, E> {
                Ok(Key(text.into()))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}
