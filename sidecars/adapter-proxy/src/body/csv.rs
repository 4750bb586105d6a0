//! Comma-separated values as RFC 4180 has them: an array of objects. The first line names the columns, perhaps after `# `.

use super::bounds::{Budget, Exceeded, Out};
use super::place::{self, Path, shown};
use super::{Unfit, scalar};
use jaq_json::{Map, Val};
use std::collections::HashSet;

pub fn decode(bytes: &[u8], budget: &mut Budget) -> Result<Val, Unfit> {
    let text = place::utf8(bytes)?;
    let exceeded = |offset: usize| move |limit: Exceeded| place::unfit(bytes, offset, limit.to_string());
    budget.value().and_then(|()| budget.enter()).and_then(|()| budget.enter()).map_err(exceeded(0))?;
    let mut records = Records { text, rest: text.strip_prefix('\u{FEFF}').unwrap_or(text) };
    let rest = records.rest.strip_prefix('#').map(|rest| rest.strip_prefix(' ').unwrap_or(rest));
    records.rest = rest.unwrap_or(records.rest);
    let Some(mut names) = records.next()? else {
        return Ok(Val::Arr(vec![].into()));
    };
    // HAProxy ends all its lines with a comma.
    let ends_with_comma = names.fields.len() > 1 && names.fields.last().is_some_and(Field::is_nothing);
    if ends_with_comma {
        names.fields.pop();
    }
    let mut known = HashSet::new();
    if let Some(twice) = names.fields.iter().find(|name| !known.insert(name.text.as_str())) {
        let what = format!("two columns are named `{}`", shown(&twice.text));
        return Err(place::unfit(bytes, names.offset, what));
    }
    let mut rows = vec![];
    while let Some(Record { mut fields, offset }) = records.next()? {
        if ends_with_comma && fields.len() > names.fields.len() && fields.last().is_some_and(Field::is_nothing) {
            fields.pop();
        }
        if fields.len() > names.fields.len() {
            let what = format!("{} fields, and {} columns have a name", fields.len(), names.fields.len());
            return Err(place::unfit(bytes, offset, what));
        }
        budget.value().map_err(exceeded(offset))?;
        let mut row = Map::default();
        for (name, field) in names.fields.iter().zip(fields) {
            budget.value().map_err(exceeded(offset))?;
            row.insert(Val::utf8_str(name.text.as_bytes().to_vec()), Val::utf8_str(field.text.into_bytes()));
        }
        rows.push(Val::obj(row));
    }
    Ok(Val::Arr(rows.into()))
}

struct Records<'a> {
    text: &'a str,
    rest: &'a str,
}

struct Record {
    fields: Vec<Field>,
    offset: usize,
}

struct Field {
    text: String,
    quoted: bool,
}

impl Field {
    fn is_nothing(&self) -> bool {
        self.text.is_empty() && !self.quoted
    }
}

impl Records<'_> {
    /// Lines that are empty are none.
    fn next(&mut self) -> Result<Option<Record>, Unfit> {
        while let Some(rest) = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n')) {
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut record = Record { fields: vec![], offset: self.offset() };
        loop {
            record.fields.push(self.field()?);
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
            } else {
                return Ok(Some(record));
            }
        }
    }

    /// Up to the comma or the end of the line.
    fn field(&mut self) -> Result<Field, Unfit> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
            let (field, rest) = self.rest.split_at(end);
            let text = if rest.starts_with(',') { field } else { field.strip_suffix('\r').unwrap_or(field) };
            self.rest = rest;
            return Ok(Field { text: text.into(), quoted: false });
        };
        let (mut text, mut rest) = (String::new(), quoted);
        loop {
            let Some((before, after)) = rest.split_once('"') else {
                return Err(self.unfit("a quote that is not closed"));
            };
            text.push_str(before);
            rest = after;
            match rest.strip_prefix('"') {
                Some(after) => {
                    text.push('"');
                    rest = after;
                }
                None => break,
            }
        }
        self.rest = rest;
        let at_end = rest.is_empty() || [",", "\n", "\r\n"].iter().any(|end| rest.starts_with(end));
        if !at_end {
            return Err(self.unfit("after a closing quote comes neither a comma nor the end of the line"));
        }
        self.rest = rest.strip_prefix('\r').unwrap_or(rest);
        Ok(Field { text, quoted: true })
    }

    fn offset(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    fn unfit(&self, what: &str) -> Unfit {
        place::unfit(self.text.as_bytes(), self.offset(), what)
    }
}

/// Of an array of objects of strings, numbers, booleans and null (nothing). The first object names the columns.
pub fn encode(value: &Val, out: &mut Out, budget: &mut Budget) -> Result<(), Unfit> {
    let path = &Path::Whole;
    let Val::Arr(rows) = value else {
        return Err(path.unfit("rows are made of an array of objects"));
    };
    let mut columns: &Map = &Map::default();
    for (index, row) in rows.iter().enumerate() {
        let path = &Path::Item(path, index);
        let Val::Obj(fields) = row else {
            return Err(path.unfit("a row is made of an object"));
        };
        let exceeded = |limit: Exceeded| limit.at(path);
        budget.value().map_err(exceeded)?;
        if index == 0 {
            columns = fields;
            if columns.is_empty() {
                return Err(path.unfit("the first row has no fields, which are to name the columns"));
            }
            for (index, name) in columns.keys().enumerate() {
                let path = &Path::Field(path, name);
                field(scalar::name(name, path)?, index, out).map_err(|limit| limit.at(path))?;
            }
            out.push(b"\r\n").map_err(exceeded)?;
        }
        if let Some(unknown) = fields.keys().find(|name| !columns.contains_key(*name)) {
            return Err(
                Path::Field(path, unknown).unfit("the first row does not have this field, and so there is no column")
            );
        }
        for (index, name) in columns.keys().enumerate() {
            let path = &Path::Field(path, name);
            let text = scalar::plain_or_empty(fields.get(name).unwrap_or(&Val::Null), path)?;
            budget.value().and_then(|()| field(&text, index, out)).map_err(|limit| limit.at(path))?;
        }
        out.push(b"\r\n").map_err(exceeded)?;
    }
    Ok(())
}

/// In quotes where it would be read as something else.
fn field(text: &str, index: usize, out: &mut Out) -> Result<(), Exceeded> {
    if index > 0 {
        out.push(b",")?;
    }
    if text.is_empty() || text.contains([',', '"', '\r', '\n']) || text.starts_with(['#', '\u{FEFF}']) {
        out.push(b"\"")?;
        out.push(text.replace('"', "\"\"").as_bytes())?;
        out.push(b"\"")
    } else {
        out.push(text.as_bytes())
    }
}
