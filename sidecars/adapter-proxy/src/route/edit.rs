//! Changes of header fields and of queries. Both are made in this order: rename, remove, set, add, so that each has what
//! the one before it has left. Each field is renamed once, so that two can change names.

use super::template::Known;
use super::{Unfit, percent};
use crate::config::{Beginning, HeaderEdits, HeaderName, QueryEdits};
use httparse::Header;

/// Of the header fields of one request, or of one answer.
#[derive(Debug)]
pub struct Changes<'a> {
    edits: &'a HeaderEdits,
    /// `None` leaves none with that name
    set: Vec<(&'a HeaderName, Option<Vec<u8>>)>,
    add: Vec<(&'a HeaderName, Vec<u8>)>,
    /// What is in `Location` or `Content-Location`, and what becomes of it
    moved: Vec<(&'a [u8], Vec<u8>)>,
}

impl<'a> Changes<'a> {
    /// # Errors
    /// When a value would be none that a field can have.
    pub fn new(edits: &'a HeaderEdits, known: &Known) -> Result<Self, Unfit> {
        let (mut set, mut add) = (vec![], vec![]);
        for (name, value) in &edits.set {
            set.push((name, value.header(known)?));
        }
        for (name, value) in &edits.add {
            // What names something that there is not is left out.
            if let Some(value) = value.header(known)? {
                add.push((name, value));
            }
        }
        Ok(Self { edits, set, add, moved: vec![] })
    }

    /// The same, and references to elsewhere are changed before: the longest beginning that is one's counts. One that
    /// does not end in a slash has to end where a segment does.
    #[must_use]
    pub fn moving(mut self, beginnings: &[(Beginning, Beginning)], fields: &'a [Header<'a>]) -> Self {
        for field in fields.iter().filter(|field| is_reference(field.name)) {
            let fits = |(from, to): &'_ (Beginning, Beginning)| {
                let rest = field.value.strip_prefix(from.as_bytes())?;
                let ends = from.ends_with('/') || rest.first().is_none_or(|byte| b"/?#".contains(byte));
                ends.then(|| (from.len(), [to.as_bytes(), rest].concat()))
            };
            if let Some((_, to)) = beginnings.iter().filter_map(fits).max_by_key(|(length, _)| *length) {
                self.moved.push((field.value, to));
            }
        }
        self
    }

    /// What is sent instead of `fields`. Those that are for one hop, or say how the message is read, are not to be
    /// changed, and are given back; those that `Connection` names are not to be among them: a client could take out
    /// afterwards what is set here.
    pub fn apply<'b>(&'b self, fields: impl IntoIterator<Item = Header<'b>>) -> Vec<Header<'b>> {
        let mut out: Vec<Header> = fields.into_iter().collect();
        for field in &mut out {
            if is_reference(field.name)
                && let Some((_, to)) = self.moved.iter().find(|(from, _)| *from == field.value)
            {
                field.value = to;
            }
            if let Some((_, to)) = self.edits.rename.iter().find(|(from, _)| is(field, from)) {
                field.name = to;
            }
        }
        out.retain(|field| !self.edits.remove.iter().any(|name| is(field, name)));
        for (name, value) in &self.set {
            let first = out.iter().position(|field| is(field, name)).unwrap_or(out.len());
            out.retain(|field| !is(field, name));
            if let Some(value) = value {
                out.insert(first, Header { name, value });
            }
        }
        out.extend(self.add.iter().map(|(name, value)| Header { name, value }));
        out
    }
}

/// Leaves the last `Content-Type` of a message whose body is made anew: those that there are, its route has said.
pub fn keep_one_type(fields: &mut Vec<Header>) {
    let is_type = |field: &Header| is(field, "content-type");
    let mut more = fields.iter().filter(|field| is_type(field)).count();
    fields.retain(|field| {
        more -= usize::from(is_type(field));
        more == 0 || !is_type(field)
    });
}

fn is(field: &Header, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name)
}

fn is_reference(name: &str) -> bool {
    name.eq_ignore_ascii_case("location") || name.eq_ignore_ascii_case("content-location")
}

/// What is sent instead of a query; `None` when nothing is left. What is not changed stays as it was written, and where it
/// was.
pub fn query(edits: &QueryEdits, query: Option<&str>, known: &Known) -> Option<String> {
    struct Pair {
        name: Vec<u8>,
        raw: String,
    }
    let is = |pair: &Pair, name: &str| pair.name == name.as_bytes();
    let pair = |name: &str, value: Option<&[u8]>| {
        let mut raw = vec![];
        percent::encode(name.as_bytes(), percent::is_unreserved, &mut raw);
        if let Some(value) = value {
            raw.push(b'=');
            raw.extend_from_slice(value);
        }
        Pair { name: name.into(), raw: String::from_utf8_lossy(&raw).into_owned() }
    };
    let mut pairs: Vec<Pair> = vec![];
    for raw in query.into_iter().flat_map(|query| query.split('&')) {
        let (name, value) = raw.split_once('=').map_or((raw, None), |(name, value)| (name, Some(value.as_bytes())));
        let decoded = percent::decode_form(name);
        let named = |name: &str| *decoded == *name.as_bytes();
        if edits.only.as_ref().is_some_and(|only| !only.iter().any(|name| named(name))) {
            continue;
        }
        let renamed = edits.rename.iter().find(|(from, _)| named(from)).map(|(_, to)| pair(to, value));
        pairs.push(renamed.unwrap_or_else(|| Pair { raw: raw.into(), name: decoded.into_owned() }));
    }
    pairs.retain(|pair| !edits.remove.iter().any(|name| is(pair, name)));
    for (name, value) in &edits.set {
        let first = pairs.iter().position(|pair| is(pair, name)).unwrap_or(pairs.len());
        pairs.retain(|pair| !is(pair, name));
        if let Some(value) = value.query(known) {
            pairs.insert(first, pair(name, Some(&value)));
        }
    }
    for (name, value) in &edits.add {
        pairs.extend(value.query(known).map(|value| pair(name, Some(&value))));
    }
    let raw: Vec<String> = pairs.into_iter().map(|pair| pair.raw).collect();
    Some(raw.join("&")).filter(|query| !query.is_empty())
}

#[cfg(test)]
mod tests;
