//! What is before each document in a bulk request: `{"create":{"_index":"…","_id":"…"}}`.

use super::id;
use super::index::Dated;
use super::time::Time;
use crate::config::{Elasticsearch, Id};
use crate::event::Event;
use anyhow::Result;

pub struct Action {
    index: Option<Dated>,
    ids: Option<Ids>,
}

struct Ids {
    uuid: [u8; 16],
    /// Of which generation `prefix` is
    generation: Option<u64>,
    prefix: [u8; id::PREFIX],
}

/// After the name of a document
const AFTER_ID: usize = b"\"}}\n".len();

impl Action {
    pub fn new(to: &Elasticsearch, uuid: [u8; 16]) -> Result<Self> {
        let index = to.index.as_deref().map(Dated::new).transpose()?.flatten();
        let ids = (to.id == Id::Origin).then_some(Ids { uuid, generation: None, prefix: [b'A'; id::PREFIX] });
        Ok(Self { index, ids })
    }

    /// Whether it depends on the time of the event.
    pub fn is_dated(&self) -> bool {
        self.index.is_some()
    }

    /// Appends the line for an event of that time, with room for a name.
    pub fn write(&mut self, out: &mut Vec<u8>, time: Time) {
        out.extend_from_slice(br#"{"create":{"#);
        if let Some(index) = &mut self.index {
            out.extend_from_slice(br#""_index":""#);
            out.extend_from_slice(index.at(time));
            out.extend_from_slice(if self.ids.is_some() { br#"","# } else { br#"""# });
        }
        if self.ids.is_some() {
            out.extend_from_slice(br#""_id":""#);
            out.extend_from_slice(&[b'A'; id::PREFIX + id::PLACE]);
            out.push(b'"');
        }
        out.extend_from_slice(b"}}\n");
    }

    /// Puts the name of an event in the line that `written` ends with.
    #[inline]
    pub fn name(&mut self, written: &mut [u8], event: &Event) {
        let Some(ids) = &mut self.ids else { return };
        if ids.generation != Some(event.generation) {
            ids.generation = Some(event.generation);
            ids.prefix = id::prefix(ids.uuid, event.generation);
        }
        let end = written.len() - AFTER_ID;
        let (prefix, place) = written[end - id::PREFIX - id::PLACE..end].split_at_mut(id::PREFIX);
        prefix.copy_from_slice(&ids.prefix);
        place.copy_from_slice(&id::place(event.offset, event.length));
    }
}
