//! Lines that a regular expression takes apart: an array of objects, one for each line that it matches.

use super::Unfit;
use super::bounds::{Budget, Exceeded};
use super::place;
use bytes::Bytes;
use jaq_json::{Map, Val};
use regex_bites::bytes::Regex;

/// A regular expression with named groups. It takes time in proportion to what it reads, whatever it is: jaq's engine
/// never goes back.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// Of the groups that have a name
    names: Vec<(usize, Bytes)>,
}

impl Pattern {
    /// # Errors
    /// When it is no regular expression, or has no named groups.
    pub fn new(text: &str) -> Result<Self, String> {
        let regex = Regex::new(text).map_err(|error| format!("`{text}` is no regular expression: {error}"))?;
        let names = regex.capture_names().enumerate();
        let names = names.filter_map(|(group, name)| Some((group, Bytes::copy_from_slice(name?.as_bytes()))));
        let names: Vec<_> = names.collect();
        if names.is_empty() {
            return Err(format!("`{text}` has no named groups\nhint: what `(?<name>…)` matches is kept as `name`"));
        }
        Ok(Self { regex, names })
    }

    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

/// Groups that have no part in a match are left out.
pub fn decode(pattern: &Pattern, bytes: &[u8], budget: &mut Budget) -> Result<Val, Unfit> {
    let body = Bytes::copy_from_slice(place::utf8(bytes)?.as_bytes());
    let (mut found, mut offset) = (vec![], 0);
    let exceeded = |offset: usize| move |limit: Exceeded| place::unfit(bytes, offset, limit.to_string());
    budget.value().and_then(|()| budget.enter()).and_then(|()| budget.enter()).map_err(exceeded(0))?;
    for whole in body.split(|byte| *byte == b'\n') {
        let line = whole.strip_suffix(b"\r").unwrap_or(whole);
        if let Some(captures) = pattern.regex.captures(line) {
            budget.value().map_err(exceeded(offset))?;
            let mut fields = Map::default();
            for (group, name) in &pattern.names {
                if let Some(group) = captures.get(*group) {
                    budget.value().map_err(exceeded(offset))?;
                    let text = body.slice_ref(group.as_bytes());
                    fields.insert(Val::utf8_str(name.clone()), Val::utf8_str(text));
                }
            }
            found.push(Val::obj(fields));
        }
        offset += whole.len() + 1;
    }
    Ok(Val::Arr(found.into()))
}
